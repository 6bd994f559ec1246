//! The verdict in words: headline and sentence, from facts of the moment.

use super::{Level, objects_of};
use crate::domain::causes::Cause;
use crate::domain::ids::ObjectType;
use crate::domain::judge::Finding;
use crate::domain::policy::Product;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::view::{LastSync, OrgView};
use crate::guidance::cause_of;
use chrono::TimeDelta;

/// The level in capitals with what belongs to it: since when, until when, as of when.
pub(super) fn headline(
    level: Level,
    since: Option<Timestamp>,
    held_as_of: Option<Timestamp>,
    org: &OrgView,
    now: Timestamp,
) -> String {
    let time = |at| local(at, org, now);
    // For "stale" the API has an older name.
    let name = if level == Level::Held { "STALE".to_owned() } else { level.name().to_uppercase() };
    match (level, since, held_as_of) {
        (Level::Held, _, Some(at)) => format!("{name}, last reported {}", time(at)),
        (Level::Waiting, ..) => match org.policy.setup_until.filter(|until| now < *until) {
            Some(until) => format!("SETTING UP until {}", time(until)),
            None => "WAITING for the first sync".to_owned(),
        },
        (Level::Fine | Level::Unknown | Level::Held, ..) | (_, None, None) => name,
        (_, Some(since), None) => format!("{name} since {}", time(since)),
        (_, Some(since), Some(at)) => {
            format!("{name} since {}, last reported {}", time(since), time(at))
        }
        (_, None, Some(at)) => format!("{name}, last reported {}", time(at)),
    }
}

/// The sentence of an organisation of which nothing bad is known.
pub(super) fn calm(level: Level, org: &OrgView, now: Timestamp) -> String {
    match level {
        Level::Unknown => "No source has reported yet whether anything syncs.".to_owned(),
        Level::Waiting => waiting(org, now),
        Level::Held => last_reported(&org.policy.objects, org, now),
        Level::Broken | Level::Attention | Level::Watch | Level::Fine | Level::Retired => {
            let parts: Vec<String> = last_syncs(&org.policy.objects, org, now)
                .map(|(object, last)| format!("{object} synced {}", ago(last.at, org, now)))
                .collect();
            sentence(&parts.join(", "))
        }
    }
}

/// What has not synced yet, beside what has.
fn waiting(org: &OrgView, now: Timestamp) -> String {
    let objects = &org.policy.objects;
    let synced: Vec<(ObjectType, LastSync)> = last_syncs(objects, org, now).collect();
    if synced.is_empty() {
        return "Nothing has synced yet.".to_owned();
    }
    let waiting: Vec<ObjectType> = objects
        .iter()
        .copied()
        .filter(|object| synced.iter().all(|(other, _)| other != object))
        .collect();
    let parts: Vec<String> = synced
        .iter()
        .map(|(object, last)| format!("{object} synced {}", ago(last.at, org, now)))
        .collect();
    sentence(&format!("{} have not synced yet, {}", both(&waiting), parts.join(", ")))
}

/// A finding in one sentence, together with those of the same cause about other object types.
pub(super) fn together(
    finding: &Finding,
    findings: &[Finding],
    org: &OrgView,
    now: Timestamp,
) -> String {
    let cause = finding.cause;
    let summary = || cause_of(org.policy.product, cause).summary.to_owned();
    let mut objects: Vec<ObjectType> = objects_of(cause, findings).collect();
    if objects.is_empty() {
        objects.clone_from(&org.policy.objects);
    }
    match cause {
        Cause::ServiceAccountNotRecognized => match account(org, now) {
            Some(name) => format!("Salesforce does not accept {name}."),
            None => summary(),
        },
        Cause::NoSyncIn24Hours => not_synced(&objects, org, now).unwrap_or_else(summary),
        Cause::NeverSynced => sentence(&format!("{} have never synced", both(&objects))),
        Cause::ObservationsStale => last_reported(&objects, org, now),
        Cause::NothingIn24Hours => sentence(&format!(
            "no {} synced in 24 hours with a working day among them",
            names(&objects).join(" and no ")
        )),
        Cause::LinkedUsersUnexpected => linked(org, now).unwrap_or_else(summary),
        Cause::UsersFailing => users(finding, org).unwrap_or_else(summary),
        Cause::ResetStuck => {
            let limit = span(org.policy.reset_limit);
            longest(finding, "reset", &limit).unwrap_or_else(summary)
        }
        Cause::InitialSyncStuck => {
            let limit = span(org.policy.initial_sync_limit);
            longest(finding, "first sync", &limit).unwrap_or_else(summary)
        }
        Cause::Delayed => late(&objects, org, now).unwrap_or_else(summary),
        Cause::NothingIn60Minutes => sentence(&format!(
            "no {} synced in the last working hour",
            names(&objects).join(" and no ")
        )),
        Cause::RetirementNear => match org.policy.retirement {
            Some(end) => format!("Lightning Sync ends in {}.", span(end.since(now))),
            None => summary(),
        },
        Cause::Retired => match org.policy.retirement {
            Some(end) => format!("Lightning Sync ended {}.", local(end, org, now)),
            None => summary(),
        },
        Cause::PollFailing => polls(org).unwrap_or_else(summary),
        Cause::ServiceAccountMissing
        | Cause::UsersSyncNothing
        | Cause::NoLinkedUsers
        | Cause::OutlookIntegrationDisabled
        | Cause::ExporterDown
        | Cause::StoreFailing
        | Cause::ClockSuspect
        | Cause::IngestRejected
        | Cause::SalesforceApiBudgetLow
        | Cause::ConfigReloadFailed
        | Cause::WebReloadFailed
        | Cause::CertificateExpiring
        | Cause::Restarting
        | Cause::SalesforceUsageUnknown
        | Cause::ManyOrganizations
        | Cause::Watchdog => summary(),
    }
}

/// "Polling salesforce fails: maintenance. Wait; see the service's own status page."
fn polls(org: &OrgView) -> Option<String> {
    let parts: Vec<String> = org
        .source_states
        .failing()
        .map(|(source, failing)| {
            format!("Polling {source} fails: {}. {}", failing.reason, failing.advice)
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn account(org: &OrgView, now: Timestamp) -> Option<String> {
    let row = org.current(OrgRow::ServiceAccountProvided, now)?;
    match row.value {
        OrgValue::Account(name) => name.map(|name| name.to_string()),
        OrgValue::Flag(_) | OrgValue::Count(_) | OrgValue::Instant(_) => None,
    }
}

/// "Contacts have not synced for 26 h.", in the past tense when no live source says so.
fn not_synced(objects: &[ObjectType], org: &OrgView, now: Timestamp) -> Option<String> {
    let newest = last_syncs(objects, org, now).map(|(_, last)| last).max_by_key(|last| last.at)?;
    let whose = both(objects);
    let (more, before) = if objects.len() > 1 { (" or longer", " or before") } else { ("", "") };
    Some(sentence(&if newest.live {
        let age = span(now.since(newest.at));
        let since = local(newest.at, org, now);
        format!("{whose} have not synced for {age}{more} (since {since}{before})")
    } else {
        let age = span(newest.observed_at.since(newest.at));
        format!("{whose} had not synced for {age}{more} when somebody last looked")
    }))
}

fn last_reported(objects: &[ObjectType], org: &OrgView, now: Timestamp) -> String {
    let whose = both(objects);
    let newest = last_syncs(objects, org, now).map(|(_, last)| last.observed_at).min();
    match newest {
        Some(at) => {
            format!("We no longer know whether {whose} sync: last reported {}.", ago(at, org, now))
        }
        None => format!("No source has ever reported whether {whose} sync."),
    }
}

fn late(objects: &[ObjectType], org: &OrgView, now: Timestamp) -> Option<String> {
    let parts: Vec<String> = last_syncs(objects, org, now)
        .map(|(object, last)| format!("{object} last synced {}", ago(last.at, org, now)))
        .collect();
    (!parts.is_empty()).then(|| sentence(&parts.join(", ")))
}

fn linked(org: &OrgView, now: Timestamp) -> Option<String> {
    let OrgValue::Count(linked) = org.current(OrgRow::LinkedUsers, now)?.value else {
        return None;
    };
    let expected = org.expected_linked_users(now)?;
    let verb = if linked == 1 { "user is" } else { "users are" };
    Some(format!("{linked} {verb} linked, {expected} expected."))
}

fn users(finding: &Finding, org: &OrgView) -> Option<String> {
    let (count, check) = (finding.users?, finding.check?);
    let noun = if org.summary.known == 1 { "user" } else { "users" };
    let who = format!("{count} of {} {noun}", org.summary.known);
    let (are, have, fail) =
        if count == 1 { ("is", "has", "fails") } else { ("are", "have", "fail") };
    Some(match check {
        UserRow::ActiveConfiguration => format!("{who} {are} in no active configuration."),
        UserRow::MailboxVersion => {
            format!("{who} {have} a mailbox on an unsupported Exchange version.")
        }
        UserRow::ServiceAccount if org.policy.product == Product::EinsteinActivityCapture => {
            format!("Einstein Activity Capture does not work for {who}.")
        }
        UserRow::ServiceAccount => format!("The service account cannot open {who}."),
        UserRow::ContactsLinked => {
            format!("{who} {have} addresses that do not match, for contacts.")
        }
        UserRow::EventsLinked => format!("{who} {have} addresses that do not match, for events."),
        UserRow::ContactsFolder => format!("{who} {have} no Salesforce_Sync folder."),
        UserRow::EventsFolder => format!("{who} {have} no calendar folder."),
        UserRow::OutlookIntegration => {
            format!("{who} {have} not set up the Outlook integration.")
        }
        UserRow::Reset
        | UserRow::ContactsToExchange
        | UserRow::ContactsToSalesforce
        | UserRow::ContactsRecords
        | UserRow::EventsToExchange
        | UserRow::EventsToSalesforce
        | UserRow::EventsRecords => format!("{who} {fail}: {}.", check.label()),
    })
}

/// "The longest of 3 resets has lasted more than 4 h."
fn longest(finding: &Finding, what: &str, limit: &str) -> Option<String> {
    Some(match finding.users? {
        0 | 1 => format!("A {what} has lasted more than {limit}."),
        count => {
            let plural = what.replace("sync", "syncs").replace("reset", "resets");
            format!("The longest of {count} {plural} has lasted more than {limit}.")
        }
    })
}

fn last_syncs(
    objects: &[ObjectType],
    org: &OrgView,
    now: Timestamp,
) -> impl Iterator<Item = (ObjectType, LastSync)> {
    objects.iter().filter_map(move |object| Some((*object, org.last_sync(*object, now)?)))
}

fn names(objects: &[ObjectType]) -> Vec<&'static str> {
    objects.iter().map(|object| object.name()).collect()
}

fn both(objects: &[ObjectType]) -> String {
    names(objects).join(" and ")
}

/// The words with a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    let first: String = first.into_iter().flatten().collect();
    format!("{first}{}.", letters.as_str())
}

/// "26 h ago (Sat 12:00)": how long ago, and when.
fn ago(at: Timestamp, org: &OrgView, now: Timestamp) -> String {
    format!("{} ago ({})", span(now.since(at)), local(at, org, now))
}

/// A span as people say it: minutes below two hours, hours below three days, then days.
pub fn span(span: TimeDelta) -> String {
    match span.num_minutes() {
        ..1 => "less than a minute".to_owned(),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes @ 120..4_320 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}

/// An instant in the organisation's time, as short as is clear from `now`: the time today, the weekday and time within
/// six days, else the date.
pub fn local(at: Timestamp, org: &OrgView, now: Timestamp) -> String {
    let zone = &org.policy.time_zone;
    let (then, today) = (at.datetime().with_timezone(zone), now.datetime().with_timezone(zone));
    let days = today.date_naive().signed_duration_since(then.date_naive());
    let format = match days.num_days() {
        0 => "%H:%M",
        -6..=6 => "%a %H:%M",
        _ => "%Y-%m-%d",
    };
    then.format(format).to_string()
}
