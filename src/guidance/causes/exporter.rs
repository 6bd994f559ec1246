//! Trouble of the watching itself: while it lasts, nobody can say how sync is.

use crate::guidance::{CauseGuide, Owner, steps};

pub(super) const OBSERVATIONS_STALE: CauseGuide = CauseGuide {
    summary: "Nobody has told us lately whether sync works.",
    meaning: "Every source that could know has been silent for too long. What the pages show was true when it was \
              read. This is not proof of a failure, and not of health.",
    impact: "A stop of sync would now go unnoticed.",
    steps: steps![
        Monitoring: "Is the job that sends activity or the status page still running, and when did it last succeed?",
        Monitoring: "Does it get an answer below 300? Read its log: 401 is the token, 422 names the wrong field, 503 means try again.",
        SalesforceAdmin: "Open Setup, Lightning Sync Status, and send that page here, to know at once.",
        Monitoring: "Does the source speak less often by design? Say so in expected_every.",
    ],
    owner: Owner::Monitoring,
};

pub(super) const EXPORTER_DOWN: CauseGuide = CauseGuide {
    summary: "The Lightning Sync exporter cannot be scraped.",
    meaning: "Prometheus gets no answer from this program. Alerts that were firing keep firing; nothing new is seen.",
    impact: "A stop of sync would now go unnoticed. Senders are not acknowledged and must send again.",
    steps: steps![
        Monitoring: "Is the process running? systemctl status lightning-sync-exporter, or the container's state; then its last log lines.",
        Monitoring: "Running? Fetch /-/healthy on its listen address from the Prometheus host: network, TLS or token.",
        Monitoring: "Does it stop at start? Run it with --config.check: every mistake is named with its key.",
        Monitoring: "Removed on purpose? Take it out of the scrape configuration.",
    ],
    owner: Owner::Monitoring,
};

pub(super) const STORE_FAILING: CauseGuide = CauseGuide {
    summary: "The exporter cannot write its database.",
    meaning: "The store refuses to commit. What cannot be written is not acknowledged, so senders know that they have to repeat it.",
    impact: "No new activity and no new page is taken. What was acknowledged is safe.",
    steps: steps![
        Monitoring: "Is the disk full, or mounted read-only? df on the directory of store.path.",
        Monitoring: "May the program's user write that directory, and does no second copy use the same file?",
        Monitoring: "Read the log for the database's own error; restore the file from a backup only when it says corrupt.",
    ],
    owner: Owner::Monitoring,
};

pub(super) const CLOCK_SUSPECT: CauseGuide = CauseGuide {
    summary: "The exporter's clock has stepped.",
    meaning: "The wall clock moved against the steady one. Ages and windows are counted by the wall clock and may be off.",
    impact: "The counts of 60 minutes and 24 hours and all ages may be wrong by the size of the step.",
    steps: steps![
        Monitoring: "Is the time synchronised? timedatectl, or chronyc tracking, on the exporter's host.",
        Monitoring: "A virtual machine that was paused or restored? Correct the clock and wait until the windows are new.",
    ],
    owner: Owner::Monitoring,
};

pub(super) const INGEST_REJECTED: CauseGuide = CauseGuide {
    summary: "What senders push is being refused.",
    meaning: "Requests with activity or status pages arrive and are not taken: a wrong token, a format that changed, \
              or too much at once.",
    impact: "The refused data is missing here until it is sent again in order; counts may be too low.",
    steps: steps![
        Monitoring: "Read the sender's log: the answer's body names the reason, and for records the line and the field.",
        Monitoring: "Answered 401 or 403? Compare the sender's token with the organisation's token_file.",
        Monitoring: "Answered 422? A field is wrong or the page's layout changed; correct the sender, or push with on_error=skip meanwhile.",
        Monitoring: "Answered 413? Send smaller batches; 429 or 503? Obey Retry-After.",
    ],
    owner: Owner::Monitoring,
};

pub(super) const WATCHDOG: CauseGuide = CauseGuide {
    summary: "Alerting works.",
    meaning: "This alert always fires. Route it to something that complains when it stops coming.",
    impact: "None while it fires. Its silence means that no other alert would arrive either.",
    steps: steps![],
    owner: Owner::Nobody,
};
