//! What is guided while Exchange answers, while it does not, and while nobody looked.

use super::*;
use crate::domain::exchange_log::ExchangeCalls;
use crate::domain::ids::{OrgId, OrgName, UserName};
use crate::domain::judge::judge_org;
use crate::domain::policy::OrgPolicy;
use crate::domain::probe::StepReport;
use crate::domain::readings::Reading;
use crate::domain::source_state::{SourceFacts, SourceState};
use crate::domain::users::UserReadings;
use crate::guidance::verdict;
use chrono_tz::Tz;
use enum_map::EnumMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// 2026-11-24T03:00:00Z, a Tuesday, 04:00 in Berlin.
const NOW: Timestamp = Timestamp::from_seconds(1_795_489_200);

fn ago(minutes: i64) -> Timestamp {
    NOW.minus(TimeDelta::minutes(minutes))
}

fn step(passing: u32) -> StepReport {
    StepReport {
        verdict: StepVerdict::Passed,
        last_success: Some(ago(2)),
        passing,
        ..StepReport::SKIPPED
    }
}

fn healthy() -> ProbeReport {
    ProbeReport {
        at: ago(2),
        steps: EnumMap::from_fn(|it: ProbeStep| step(if it.is_of_mailbox() { 40 } else { 0 })),
        certificate_ends: None,
        tls_version: Some("TLS 1.3"),
        throttled_until: None,
        suspended_until: None,
        mailboxes: 40,
        places: EnumMap::default(),
        ews_ends: None,
        trouble: None,
        decided: true,
    }
}

/// Nothing has synced for 26 hours, by a page that was read ten minutes ago.
fn org(probe: Option<ProbeReport>) -> OrgView {
    let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
    policy.time_zone = Tz::Europe__Berlin;
    policy.retirement = None;
    let mut org = OrgView::new(OrgId(1), Arc::new(policy), ago(60 * 24 * 30), NOW);
    let readings = Arc::make_mut(&mut org.readings);
    let mut shows = |row, value| {
        let reading = Reading { value, observed_at: ago(10), changed_at: ago(1500) };
        readings.put(row, Source::Snapshot, reading);
    };
    for object in ObjectType::ALL {
        shows(OrgRow::LastSync(*object), OrgValue::Instant(ago(26 * 60)));
        shows(OrgRow::Synced24h(*object), OrgValue::Count(0));
    }
    shows(OrgRow::ServiceAccountProvided, OrgValue::Account(Some("svc-sfsync".into())));
    shows(OrgRow::ServiceAccountRecognized, OrgValue::Flag(true));
    org.last_report[Source::Snapshot] = Some(ago(10));
    let states = Arc::make_mut(&mut org.source_states);
    let facts = SourceFacts { probe: probe.map(Arc::new), ..SourceFacts::default() };
    states.set("exchange", Some(SourceState { failing: None, facts }));
    let calls = ExchangeCalls {
        read_at: ago(1),
        begun_at: ago(60 * 24 * 3),
        complete_until: Some(ago(1)),
        no_calls_after: TimeDelta::hours(48),
        last_call: Some(ago(3)),
        last_write: Some(ago(26 * 60)),
        writes: [0, 0],
        refused: None,
        sees_refusals: true,
        two_writers: Vec::new(),
        two_writers_count: 0,
        mailboxes: BTreeMap::new(),
    };
    let facts = SourceFacts { exchange_calls: Some(Arc::new(calls)), ..SourceFacts::default() };
    states.set("exchange_log", Some(SourceState { failing: None, facts }));
    org
}

fn texts(org: &OrgView) -> Vec<(Owner, String)> {
    let findings = judge_org(org, true, NOW);
    let leading = &verdict::verdict(&findings, org, NOW).acting[0];
    let steps = verdict::steps(leading, org, NOW);
    steps.into_iter().map(|step| (step.owner, step.text.plain())).collect()
}

fn case_of(org: &OrgView) -> Option<String> {
    let acting = verdict::verdict(&judge_org(org, true, NOW), org, NOW).acting;
    case(&acting, org, NOW)
}

#[test]
fn while_exchange_answers_the_case_for_support_takes_the_place_of_its_tests() {
    let org = org(Some(healthy()));
    let steps = texts(&org);
    assert!(steps.iter().all(|(owner, _)| *owner != Owner::ExchangeAdmin), "{steps:?}");
    let (owner, text) = steps.last().unwrap();
    assert_eq!(*owner, Owner::SalesforceSupport);
    assert!(text.starts_with("Exchange answers everything that the probe requests."), "{text}");
    assert_eq!(
        case_of(&org).unwrap(),
        "\
Lightning Sync does not work, and Exchange answers.
Organisation: acme. Written 2026-11-24 03:00 UTC (04:00 CET).

What was found
- Contacts have not synced for 26 h (since Mon 02:00). Since 2026-11-24 01:00 UTC (02:00 CET).
- Events have not synced for 26 h (since Mon 02:00). Since 2026-11-24 01:00 UTC (02:00 CET).

What Salesforce shows
- Last sync activity (contacts): 2026-11-23 01:00 UTC (02:00 CET), 26 h ago
- Records synced in last 24 hours (contacts): 0, as of 2026-11-24 02:50 UTC (03:50 CET)
- Last sync activity (events): 2026-11-23 01:00 UTC (02:00 CET), 26 h ago
- Records synced in last 24 hours (events): 0, as of 2026-11-24 02:50 UTC (03:50 CET)
- Salesforce recognizes Microsoft Exchange service account: check, as of 2026-11-24 02:50 UTC (03:50 CET)

What Exchange answers to a read-only probe, last at 2026-11-24 02:58 UTC (03:58 CET)
- dns: passed at 2026-11-24 02:58 UTC (03:58 CET)
- tcp: passed at 2026-11-24 02:58 UTC (03:58 CET)
- tls: passed at 2026-11-24 02:58 UTC (03:58 CET)
- http: passed at 2026-11-24 02:58 UTC (03:58 CET)
- autodiscover: passed at 2026-11-24 02:58 UTC (03:58 CET)
- auth: passed at 2026-11-24 02:58 UTC (03:58 CET)
- impersonation: passed in 40 of 40 mailboxes at 2026-11-24 02:58 UTC (03:58 CET)
- version: passed in 40 of 40 mailboxes at 2026-11-24 02:58 UTC (03:58 CET)
- calendar: passed in 40 of 40 mailboxes at 2026-11-24 02:58 UTC (03:58 CET)
- contacts_folder: passed in 40 of 40 mailboxes at 2026-11-24 02:58 UTC (03:58 CET)
- counts: passed in 40 of 40 mailboxes at 2026-11-24 02:58 UTC (03:58 CET)
- Encryption: TLS 1.3

What Exchange's own logs show of Salesforce's calls
- Last call that worked: 2026-11-24 02:57 UTC (03:57 CET), 3 min ago
- Last write: 2026-11-23 01:00 UTC (02:00 CET), 26 h ago
- Writes: 0 in 60 minutes, 0 in 24 hours
- Sign-ins: none is refused
- The logs of all servers were read until 2026-11-24 02:59 UTC (03:59 CET)

Please say why Lightning Sync does not sync although Exchange answers.
"
    );
    assert!(!case_of(&org).unwrap().contains("svc-sfsync"), "no account");
}

#[test]
fn while_exchange_does_not_answer_the_first_step_names_where_it_breaks() {
    let mut probe = healthy();
    let advice = "Renew the certificate of the Exchange server.";
    probe.trouble = Some(ProbeTrouble {
        cause: Cause::ExchangeUnreachable,
        step: ProbeStep::Tls,
        reason: "certificate_expired",
        advice,
        since: ago(30),
    });
    let org = org(Some(probe));
    let steps = texts(&org);
    assert!(steps[0].1.contains("breaks at the step tls"), "{steps:?}");
    assert_eq!(steps[1], (Owner::ExchangeAdmin, advice.to_owned()));
    assert!(!steps.iter().any(|(_, text)| text.starts_with("Look at the steps")), "{steps:?}");
    assert_eq!(case_of(&org), None);
    // The vendor's rows say the same.
    let guide = crate::guidance::cause(Cause::NoSyncIn24Hours);
    let steps = steps_now(guide.steps, Cause::NoSyncIn24Hours, &org, NOW);
    assert!(steps[0].text.plain().contains("breaks at the step tls"));
}

#[test]
fn a_probe_of_before_one_that_is_held_and_none_guide_nobody() {
    let plain = crate::guidance::cause(Cause::NoSyncIn24Hours).steps.to_vec();
    let old = ProbeReport { at: ago(16), ..healthy() };
    let mut held = healthy();
    held.steps[ProbeStep::Calendar].verdict = StepVerdict::Held;
    let mut unsigned = healthy();
    unsigned.steps[ProbeStep::Auth].verdict = StepVerdict::Skipped;
    for probe in [None, Some(old), Some(held), Some(unsigned)] {
        let org = org(probe);
        assert_eq!(seen(&org, NOW), None);
        let findings = judge_org(&org, true, NOW);
        assert_eq!(verdict::steps(&findings[0], &org, NOW), plain);
        assert_eq!(case_of(&org), None);
    }
    // Autodiscover is not on the way.
    let mut other = healthy();
    other.steps[ProbeStep::Autodiscover].verdict = StepVerdict::Failed;
    assert!(case_of(&org(Some(other))).is_some());
}

#[test]
fn a_password_is_no_case_and_a_case_has_an_end() {
    let org = org(Some(healthy()));
    let mut acting = verdict::verdict(&judge_org(&org, true, NOW), &org, NOW).acting;
    let one = acting[0].clone();
    acting.extend(std::iter::repeat_n(one.clone(), 300));
    let text = case(&acting, &org, NOW).unwrap();
    assert!(text.len() < MAX_CASE + 200 && text.ends_with("(cut here)\n"), "{}", text.len());
    acting.push(Finding { cause: Cause::ExchangeSignInRefused, ..one });
    assert_eq!(case(&acting, &org, NOW), None);
    assert_eq!(case(&[], &org, NOW), None);
}

#[test]
fn a_user_for_whom_exchange_answers_is_a_case_without_a_name() {
    let mut org = org(Some(healthy()));
    let (row, read) = (UserRow::ServiceAccount, ago(10));
    let (mut page, mut probed) = (UserReadings::default(), UserReadings::default());
    page.take(row, Status::No.into(), read);
    probed.take(row, Status::Yes.into(), ago(2));
    probed.take(UserRow::ContactsRecords, UserValue::Records(42), ago(2));
    let user = UserEntry {
        name: UserName::new("ann@corp.example").unwrap(),
        pseudonym: "1f".into(),
        readings: Arc::from([(Source::Snapshot, page), (Source::Exchange, probed)]),
    };
    let guide = crate::guidance::user_row_of(org.policy.product, row, Status::No).unwrap();
    // Nobody looks at Exchange.
    assert_eq!(user_steps(guide.steps, &user, row, &org, NOW), guide.steps);
    assert_eq!(case_of_user(&user, &org, NOW), None);
    org.last_report[Source::Exchange] = Some(ago(2));
    let steps = user_steps(guide.steps, &user, row, &org, NOW);
    assert!(steps.iter().all(|step| step.owner != Owner::ExchangeAdmin), "{steps:?}");
    assert_eq!(steps.last().unwrap().owner, Owner::SalesforceSupport);
    assert_eq!(
        case_of_user(&user, &org, NOW).unwrap(),
        "\
Lightning Sync does not work for one user, and Exchange answers for the mailbox.
Organisation: acme. Written 2026-11-24 03:00 UTC (04:00 CET).
User: (add the name)

What Salesforce shows
- User recognized by Exchange service account: X, since 2026-11-24 02:50 UTC (03:50 CET)

What Exchange answers for this mailbox to a read-only probe, last at 2026-11-24 02:58 UTC (03:58 CET)
- User recognized by Exchange service account: yes, since 2026-11-24 02:58 UTC (03:58 CET)
- Records in sync (contacts): 42, since 2026-11-24 02:58 UTC (03:58 CET)

What Exchange's own logs show for this mailbox
- Last call of Salesforce that worked: none is known
- Last write of Salesforce: none is known
"
    );
}
