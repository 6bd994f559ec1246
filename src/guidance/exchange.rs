//! What the probe of Exchange knows, as guidance. While Exchange answers, steps that would test it are replaced by the
//! case for Salesforce's support; while it does not, the first step names where it breaks.

use super::verdict::span;
use super::{Owner, RowGuide, Step, Text, steps};
use crate::domain::causes::Cause;
use crate::domain::ids::{ObjectType, Source};
use crate::domain::judge::Finding;
use crate::domain::probe::{ProbeReport, ProbeStep, ProbeTrouble, StepVerdict};
use crate::domain::rows::{OrgRow, OrgValue, RowSpec, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::{UserEntry, verdict};
use crate::domain::view::OrgView;
use chrono::TimeDelta;

/// What the vendor's rows show and a test of Exchange would explain.
const OF_VENDOR: [Cause; 8] = [
    Cause::ServiceAccountMissing,
    Cause::ServiceAccountNotRecognized,
    Cause::NoSyncIn24Hours,
    Cause::NeverSynced,
    Cause::NothingIn24Hours,
    Cause::Delayed,
    Cause::NothingIn60Minutes,
    Cause::UnusuallyQuiet,
];
/// What a case is opened for, besides.
const OF_CASE: [Cause; 5] = [
    Cause::NoLinkedUsers,
    Cause::UsersFailing,
    Cause::ResetStuck,
    Cause::InitialSyncStuck,
    Cause::ExchangeNoCalls,
];
const OF_PROBE: [Cause; 4] = [
    Cause::ExchangeUnreachable,
    Cause::ExchangeAccountRefused,
    Cause::ExchangeEwsOff,
    Cause::ExchangeImpersonationRefused,
];
/// An answer is of now for so long, or for two probes.
const RECENT: TimeDelta = TimeDelta::minutes(15);
/// A case of this length fits every form.
const MAX_CASE: usize = 6_000;

const OPEN_CASE: Step = Step {
    owner: Owner::SalesforceSupport,
    text: Text::new(
        "Exchange answers everything that the probe requests. Open a Salesforce case: the text is on the organisation's page, with times and evidence.",
    ),
};
const OPEN_CASE_OF_USER: Step = Step {
    owner: Owner::SalesforceSupport,
    text: Text::new(
        "Exchange answers for this mailbox. Read the status page again. The X stays? Open a Salesforce case: the text is on the user's page.",
    ),
};

/// What Exchange does, as a probe saw it a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeSeen<'a> {
    /// Every step passes, in every mailbox that is looked at.
    Answers(&'a ProbeReport),
    /// A step fails that others depend on.
    Broken(ProbeTrouble),
}

/// What a recent probe saw of Exchange; `None` where there is none, or some mailboxes only fail.
pub fn seen(org: &OrgView, now: Timestamp) -> Option<ExchangeSeen<'_>> {
    let probe = org.source_states.probe()?;
    let every = org.policy.expected_every[Source::Exchange].unwrap_or(RECENT);
    if now.since(probe.at) > RECENT.max(every * 2) {
        return None;
    }
    if let Some(trouble) = probe.trouble {
        return Some(ExchangeSeen::Broken(trouble));
    }
    let passed = |step: ProbeStep| probe.steps[step].verdict == StepVerdict::Passed;
    // Autodiscover is not on Salesforce's way, and what does not sync is not looked at.
    let good = |(step, verdict): (ProbeStep, StepVerdict)| {
        step == ProbeStep::Autodiscover
            || matches!(verdict, StepVerdict::Passed | StepVerdict::Skipped)
    };
    let all = probe.steps.iter().all(|(step, found)| good((step, found.verdict)));
    let signed_in = passed(ProbeStep::Auth) && passed(ProbeStep::Impersonation);
    (all && signed_in).then_some(ExchangeSeen::Answers(probe))
}

/// Where the way to Exchange breaks, as a step.
#[rustfmt::skip]
const fn named(step: ProbeStep) -> &'static [Step] {
    match step {
        ProbeStep::Dns => steps![ExchangeAdmin: "The way to Exchange breaks at the step `dns`: its name does not resolve. Do what follows, then run `doctor`."],
        ProbeStep::Tcp => steps![ExchangeAdmin: "The way to Exchange breaks at the step `tcp`: it takes no connection. Do what follows, then run `doctor`."],
        ProbeStep::Tls => steps![ExchangeAdmin: "The way to Exchange breaks at the step `tls`: its certificate or version of TLS. Do what follows, then run `doctor`."],
        ProbeStep::Http => steps![ExchangeAdmin: "The way to Exchange breaks at the step `http`: EWS does not answer. Do what follows, then run `doctor`."],
        ProbeStep::Autodiscover => steps![ExchangeAdmin: "The way to Exchange breaks at the step `autodiscover`. Do what follows, then run `doctor`."],
        ProbeStep::Auth => steps![ExchangeAdmin: "The way to Exchange breaks at the step `auth`: the account is not let in. Do what follows, then run `doctor` once."],
        ProbeStep::Impersonation => steps![ExchangeAdmin: "The way to Exchange breaks at the step `impersonation`: the account may not act for the users. Do what follows, then run `doctor`."],
        ProbeStep::Version => steps![ExchangeAdmin: "The way to Exchange breaks at the step `version`: mailboxes are on an unsupported version."],
        ProbeStep::Calendar => steps![ExchangeAdmin: "The way to Exchange breaks at the step `calendar`: mailboxes show no calendar."],
        ProbeStep::ContactsFolder => steps![ExchangeAdmin: "The way to Exchange breaks at the step `contacts_folder`: the synced folder is not where it has to be."],
        ProbeStep::Counts => steps![ExchangeAdmin: "The way to Exchange breaks at the step `counts`: contacts cannot be counted."],
    }
}

/// The steps of a cause, as they stand while Exchange does what it does. Whether the account of Salesforce is locked or
/// disabled only the directory knows: the probe may use another.
pub(super) fn steps_now(
    all: &'static [Step],
    cause: Cause,
    org: &OrgView,
    now: Timestamp,
) -> Vec<Step> {
    let tests = |step: &Step| {
        step.owner == Owner::ExchangeAdmin && !step.text.marked().contains("Get-ADUser")
    };
    match seen(org, now) {
        Some(ExchangeSeen::Answers(_)) if OF_VENDOR.contains(&cause) && all.iter().any(tests) => {
            let own = |step: &&Step| !tests(step) && step.owner != Owner::SalesforceSupport;
            all.iter().filter(own).copied().chain([OPEN_CASE]).collect()
        }
        Some(ExchangeSeen::Broken(trouble))
            if OF_VENDOR.contains(&cause) || OF_PROBE.contains(&cause) =>
        {
            let advice = Step { owner: Owner::ExchangeAdmin, text: Text::new(trouble.advice) };
            let general = |step: &&Step| {
                if OF_PROBE.contains(&cause) {
                    !step.text.marked().starts_with("Look at the steps")
                } else {
                    !tests(step)
                }
            };
            let rest = all.iter().filter(general).copied();
            named(trouble.step).iter().copied().chain([advice]).chain(rest).collect()
        }
        Some(_) | None => all.to_vec(),
    }
}

/// The steps of a row, as they stand now.
pub fn row_steps(guide: &RowGuide, org: &OrgView, now: Timestamp) -> Vec<Step> {
    match guide.cause {
        Some(cause) => steps_now(guide.steps, cause, org, now),
        None => guide.steps.to_vec(),
    }
}

/// What Exchange itself shows of a user's row, while somebody looks.
pub fn exchange_side(user: &UserEntry, row: UserRow, org: &OrgView, now: Timestamp) -> Status {
    let reading = user.of_source(Source::Exchange).and_then(|readings| readings.get(row));
    let live = org.is_live(Source::Exchange, now);
    reading.filter(|_| live).map_or(Status::Unknown, |reading| reading.value.status())
}

/// The steps about a user's failing row, as they stand while Exchange answers for the mailbox.
pub fn user_steps(
    all: &'static [Step],
    user: &UserEntry,
    row: UserRow,
    org: &OrgView,
    now: Timestamp,
) -> Vec<Step> {
    if exchange_side(user, row, org, now) != Status::Yes {
        return all.to_vec();
    }
    let own = |step: &&Step| {
        !matches!(step.owner, Owner::ExchangeAdmin | Owner::User | Owner::SalesforceSupport)
    };
    all.iter().filter(own).copied().chain([OPEN_CASE_OF_USER]).collect()
}

/// The case for Salesforce's support, ready to paste: what Salesforce shows, what Exchange answers, and what it logged.
/// `None` while Exchange does not answer, or where something else explains what was found.
pub fn case(acting: &[Finding], org: &OrgView, now: Timestamp) -> Option<String> {
    let Some(ExchangeSeen::Answers(probe)) = seen(org, now) else {
        return None;
    };
    let fits = |it: &&Finding| OF_VENDOR.contains(&it.cause) || OF_CASE.contains(&it.cause);
    let found: Vec<&Finding> = acting.iter().filter(fits).collect();
    // Windows refuses Salesforce's password: there is nothing to ask support about.
    let password = acting.iter().any(|it| it.cause == Cause::ExchangeSignInRefused);
    if found.is_empty() || password {
        return None;
    }
    let mut text = CaseText { org, now, lines: Vec::new() };
    text.line("Lightning Sync does not work, and Exchange answers.");
    text.line(&format!("Organisation: {}. Written {}.", org.policy.name, text.at(now)));
    text.line("\nWhat was found");
    for finding in found {
        let since = finding.since.map(|since| format!(" Since {}.", text.at(since)));
        let words = super::verdict::describe(finding, org, now);
        text.line(&format!("- {words}{}", since.unwrap_or_default()));
    }
    text.salesforce();
    text.line(&format!(
        "\nWhat Exchange answers to a read-only probe, last at {}",
        text.at(probe.at)
    ));
    text.probe(probe);
    text.logs();
    text.line("\nPlease say why Lightning Sync does not sync although Exchange answers.");
    Some(text.finished())
}

/// The same about one user. The user's name is left for who pastes it.
pub fn case_of_user(user: &UserEntry, org: &OrgView, now: Timestamp) -> Option<String> {
    let live = org.live(now);
    let (row, since) = verdict(user, &org.policy, &live, now).failing()?;
    if exchange_side(user, row, org, now) != Status::Yes {
        return None;
    }
    let probe = org.source_states.probe()?;
    let mut text = CaseText { org, now, lines: Vec::new() };
    text.line("Lightning Sync does not work for one user, and Exchange answers for the mailbox.");
    text.line(&format!("Organisation: {}. Written {}.", org.policy.name, text.at(now)));
    text.line("User: (add the name)");
    text.line("\nWhat Salesforce shows");
    text.line(&format!("- {}: X, since {}", labelled(row.spec()), text.at(since)));
    text.line(&format!(
        "\nWhat Exchange answers for this mailbox to a read-only probe, last at {}",
        text.at(probe.at)
    ));
    for (row, reading) in of_exchange(user) {
        let value = match reading.value {
            UserValue::Records(records) => records.to_string(),
            UserValue::Status(status) => status.name().to_owned(),
        };
        text.line(&format!(
            "- {}: {value}, since {}",
            labelled(row.spec()),
            text.at(reading.changed_at)
        ));
    }
    if let Some(calls) = org.source_states.exchange_calls() {
        let mailbox = calls.mailboxes.get(&user.name);
        text.line("\nWhat Exchange's own logs show for this mailbox");
        text.since("Last call of Salesforce that worked", mailbox.and_then(|it| it.last_call()));
        text.since("Last write of Salesforce", mailbox.and_then(|it| it.last_write()));
    }
    Some(text.finished())
}

/// The rows of a user that a probe of Exchange answers.
pub fn of_exchange(
    user: &UserEntry,
) -> impl Iterator<Item = (UserRow, crate::domain::readings::Reading<UserValue>)> {
    let readings = user.of_source(Source::Exchange);
    UserRow::ALL.into_iter().filter_map(move |row| Some((row, readings?.get(row)?)))
}

fn labelled(spec: &RowSpec) -> String {
    match spec.object_type {
        Some(object) => format!("{} ({object})", spec.label),
        None => spec.label.to_owned(),
    }
}

/// A case that is being written.
struct CaseText<'a> {
    org: &'a OrgView,
    now: Timestamp,
    lines: Vec<String>,
}

impl CaseText<'_> {
    fn line(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// An instant for people elsewhere: in UTC, and in the organisation's own zone where that is another.
    fn at(&self, at: Timestamp) -> String {
        let zone = &self.org.policy.time_zone;
        let utc = at.datetime().format("%Y-%m-%d %H:%M UTC").to_string();
        let local = at.datetime().with_timezone(zone).format("%H:%M %Z").to_string();
        if local.ends_with("UTC") { utc } else { format!("{utc} ({local})") }
    }

    fn since(&mut self, what: &str, at: Option<Timestamp>) {
        let line = match at {
            Some(at) => {
                format!("- {what}: {}, {} ago", self.at(at), span(self.now.since(at)))
            }
            None => format!("- {what}: none is known"),
        };
        self.lines.push(line);
    }

    /// The vendor's own rows.
    fn salesforce(&mut self) {
        self.line("\nWhat Salesforce shows");
        for object in self.org.policy.objects.clone() {
            let last = self.org.last_sync(object, self.now).map(|last| last.at);
            self.since(&format!("Last sync activity ({object})"), last);
            for row in [OrgRow::Synced60m(object), OrgRow::Synced24h(object)] {
                self.row(row);
            }
        }
        self.row(OrgRow::ServiceAccountRecognized);
        self.row(OrgRow::LinkedUsers);
        let failing: Vec<(UserRow, u32, Timestamp)> = UserRow::checks()
            .filter_map(|check| {
                let (users, since) = self.org.summary.failing(check)?;
                Some((check, users, since))
            })
            .collect();
        let known = self.org.summary.known;
        for (check, users, since) in failing {
            let (label, since) = (labelled(check.spec()), self.at(since));
            self.line(&format!("- {users} of {known} users fail first at: {label}, since {since}"));
        }
    }

    fn row(&mut self, row: OrgRow) {
        let Some(current) = self.org.current(row, self.now) else {
            return;
        };
        let value = match current.value {
            OrgValue::Flag(true) => "check".to_owned(),
            OrgValue::Flag(false) => "X".to_owned(),
            OrgValue::Count(count) => count.to_string(),
            // No name of an account leaves this machine by itself.
            OrgValue::Account(_) | OrgValue::Instant(_) => return,
        };
        let (label, read) = (labelled(row.spec()), self.at(current.observed_at));
        self.line(&format!("- {label}: {value}, as of {read}"));
    }

    fn probe(&mut self, probe: &ProbeReport) {
        for (step, found) in probe.steps {
            if found.verdict != StepVerdict::Passed {
                continue;
            }
            let mailboxes = if step.is_of_mailbox() {
                format!(" in {} of {} mailboxes", found.passing, found.passing + found.failing)
            } else {
                String::new()
            };
            let at = found.last_success.map(|at| format!(" at {}", self.at(at)));
            self.line(&format!("- {step}: passed{mailboxes}{}", at.unwrap_or_default()));
        }
        if let Some(version) = probe.tls_version {
            self.line(&format!("- Encryption: {version}"));
        }
        let records = self.org.summary.records_in_sync[ObjectType::Contacts];
        if let Some(records) = records {
            self.line(&format!("- Contacts in sync, of all users that were read: {records}"));
        }
    }

    fn logs(&mut self) {
        let Some(calls) = self.org.source_states.exchange_calls() else {
            return;
        };
        self.line("\nWhat Exchange's own logs show of Salesforce's calls");
        self.since("Last call that worked", calls.last_call);
        self.since("Last write", calls.last_write);
        let [hour, day] = calls.writes;
        self.line(&format!("- Writes: {hour} in 60 minutes, {day} in 24 hours"));
        if calls.sees_refusals && calls.refused.is_none() {
            self.line("- Sign-ins: none is refused");
        }
        match calls.complete_until {
            Some(until) => {
                let until = self.at(until);
                self.line(&format!("- The logs of all servers were read until {until}"));
            }
            None => self.line("- Not every server's log was read to its end"),
        }
    }

    /// The text, of a length that fits everywhere.
    fn finished(self) -> String {
        let mut text = String::new();
        for line in self.lines {
            if text.len() + line.len() > MAX_CASE {
                text.push_str("(cut here)\n");
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests;
