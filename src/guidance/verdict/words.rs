//! The verdict in words: headline and sentence, from facts of the moment.

use super::{Level, objects_of};
use crate::domain::causes::Cause;
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::judge::Finding;
use crate::domain::policy::Product;
use crate::domain::probe::ProbeTrouble;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::view::{LastSync, OrgView};
use crate::guidance::Text;
use crate::guidance::cause_of;
use chrono::TimeDelta;
use chrono_tz::Tz;

/// The words for an organisation at an instant.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) org: &'a OrgView,
    pub(super) now: Timestamp,
    /// The zone of every time of day.
    pub(super) zone: Tz,
}

impl Words<'_> {
    fn local(self, at: Timestamp) -> String {
        local_in(at, self.zone, self.now)
    }

    /// The level in capitals with what belongs to it: since when, until when, as of when.
    pub(super) fn headline(
        self,
        level: Level,
        since: Option<Timestamp>,
        held_as_of: Option<Timestamp>,
    ) -> String {
        let time = |at| self.local(at);
        // For "stale" the API has an older name.
        let name =
            if level == Level::Held { "STALE".to_owned() } else { level.name().to_uppercase() };
        match (level, since, held_as_of) {
            (Level::Held, _, Some(at)) => format!("{name}, last reported {}", time(at)),
            (Level::Waiting, ..) => match self.org.policy.setup_until {
                Some(until) if self.now < until => format!("SETTING UP until {}", time(until)),
                _ => "WAITING for the first sync".to_owned(),
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
    pub(super) fn calm(self, level: Level) -> String {
        let objects = &self.org.policy.objects;
        match level {
            Level::Unknown => "No source has reported yet whether anything syncs.".to_owned(),
            Level::Waiting => self.waiting(),
            Level::Held => self.last_reported(objects),
            Level::Broken | Level::Attention | Level::Watch | Level::Fine | Level::Retired => {
                sentence(&self.synced(objects, "synced").join(", "))
            }
        }
    }

    /// What has not synced yet, beside what has.
    fn waiting(self) -> String {
        let objects = &self.org.policy.objects;
        let waits = |object: &&ObjectType| looked_at(self.org, **object, self.now).is_none();
        let waiting: Vec<ObjectType> = objects.iter().filter(waits).copied().collect();
        if waiting.len() == objects.len() {
            return "Nothing has synced yet.".to_owned();
        }
        let synced = self.synced(objects, "synced").join(", ");
        sentence(&format!("{} have not synced yet, {synced}", both(&waiting)))
    }

    /// A finding in one sentence, together with those of the same cause about other object types.
    pub(super) fn together(self, finding: &Finding, findings: &[Finding]) -> String {
        let policy = &self.org.policy;
        let mut objects: Vec<ObjectType> = objects_of(finding.cause, findings).collect();
        if objects.is_empty() {
            objects.clone_from(&policy.objects);
        }
        let own = self.of_cause(finding, &objects);
        own.unwrap_or_else(|| cause_of(policy.product, finding.cause).summary.to_owned())
    }

    /// A finding with its facts; `None` where they are not known, or the cause's summary says all.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the summary of every other cause says all")]
    fn of_cause(self, finding: &Finding, objects: &[ObjectType]) -> Option<String> {
        let policy = &self.org.policy;
        let none = || names(objects).join(" and no ");
        Some(match finding.cause {
            Cause::ServiceAccountNotRecognized => {
                let account = self.account()?;
                // A name that was shortened has its dots already.
                let stop = if account.ends_with('…') { "" } else { "." };
                format!("Salesforce does not accept {account}{stop}")
            }
            Cause::NoSyncIn24Hours => self.not_synced(objects)?,
            Cause::NeverSynced => sentence(&format!("{} have never synced", both(objects))),
            Cause::ObservationsStale => self.last_reported(objects),
            Cause::NothingIn24Hours => {
                sentence(&format!("no {} synced in 24 hours with a working day among them", none()))
            }
            Cause::NothingIn60Minutes => {
                sentence(&format!("no {} synced in the last working hour", none()))
            }
            Cause::UnusuallyQuiet => sentence(&format!(
                "no {} synced at hours that had records in each of the last four weeks",
                none()
            )),
            Cause::LinkedUsersUnexpected => self.linked()?,
            Cause::UsersFailing => self.users(finding)?,
            Cause::ResetStuck => longest(finding, "reset", &span(policy.reset_limit))?,
            Cause::InitialSyncStuck => {
                longest(finding, "first sync", &span(policy.initial_sync_limit))?
            }
            Cause::Delayed => {
                let late = self.synced(objects, "last synced");
                sentence(&(!late.is_empty()).then(|| late.join(", "))?)
            }
            Cause::RetirementNear => {
                format!("Lightning Sync ends in {}.", span(policy.retirement?.since(self.now)))
            }
            Cause::Retired => {
                format!("Lightning Sync ended {}.", self.local(policy.retirement?))
            }
            Cause::PollFailing => self.polls()?,
            Cause::ExchangeSignInRefused => {
                let refused = self.org.source_states.exchange_calls()?.refused?;
                let reason = refused.reason.words();
                format!("Exchange refuses the service account's sign-ins: {reason}.")
            }
            Cause::ExchangeNoCalls => {
                let since = self.org.source_states.exchange_calls()?.no_calls_since();
                let since = self.local(since);
                format!("Exchange's logs show no call of Salesforce since {since}.")
            }
            Cause::ExchangeTwoWriters => {
                let mailboxes = finding.users?;
                let (noun, verb) =
                    if mailboxes == 1 { ("mailbox", "has") } else { ("mailboxes", "have") };
                format!("{mailboxes} {noun} {verb} a second sync program that writes.")
            }
            Cause::DuplicateSurge => {
                let (users, have) = some_users(finding.users?, "has", "have");
                format!("{users} {have} twice as many synced contacts as two days ago.")
            }
            Cause::RecordsDrift => {
                let (users, _) = some_users(finding.users?, "", "");
                format!(
                    "The contacts of {users} are counted differently by Salesforce and by Exchange."
                )
            }
            Cause::ExchangeUnreachable
            | Cause::ExchangeAccountRefused
            | Cause::ExchangeEwsOff
            | Cause::ExchangeImpersonationRefused => self.probed(finding.cause)?,
            Cause::CanaryLate => {
                let lanes = self.org.source_states.canary()?.lanes();
                let late = lanes.filter(|(.., lane)| lane.late_since.is_some());
                let late: Vec<String> = late
                    .map(|(object, direction, _)| format!("{object} {}", which_way(direction)))
                    .collect();
                sentence(&format!("the canary's items do not arrive: {}", late.join(", ")))
            }
            Cause::CanaryFailing => {
                let failing = self.org.source_states.of("canary")?.failing?;
                let advice = Text::new(failing.advice).plain();
                format!("The canary fails ({}). {advice}", failing.reason)
            }
            Cause::CanaryLeftovers => {
                let leftovers = self.org.source_states.canary()?.leftovers.len();
                let noun = if leftovers == 1 { "item" } else { "items" };
                format!("{leftovers} {noun} of the canary should have been gone for a day.")
            }
            Cause::ExchangeCertificateEnding => {
                let ends = self.org.source_states.probe()?.certificate_ends?;
                format!("The certificate of Exchange ends in {}.", span(ends.since(self.now)))
            }
            _ => return None,
        })
    }

    /// "Polling salesforce fails: maintenance. Wait; see the service's own status page."
    fn polls(self) -> Option<String> {
        let failing = self.org.source_states.failing();
        let parts: Vec<String> = failing
            .map(|(source, failing)| {
                format!("Polling {source} fails: {}. {}", failing.reason, failing.advice)
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// "Exchange: the step tls fails. Renew the certificate."
    fn probed(self, cause: Cause) -> Option<String> {
        let trouble = self.org.source_states.probe()?.trouble?;
        let ProbeTrouble { step, reason, advice, .. } = trouble;
        (trouble.cause == cause).then(|| {
            format!("Exchange: the step {step} fails ({reason}). {}", Text::new(advice).plain())
        })
    }

    fn account(self) -> Option<String> {
        let row = self.org.current(OrgRow::ServiceAccountProvided, self.now)?;
        let OrgValue::Account(name) = row.value else { return None };
        name.map(|name| name.to_string())
    }

    /// "Contacts have not synced for 26 h.", in the past tense when no live source says so.
    fn not_synced(self, objects: &[ObjectType]) -> Option<String> {
        let newest = self.last_syncs(objects).map(|(_, last)| last).max_by_key(|last| last.at)?;
        let whose = both(objects);
        let (more, before) =
            if objects.len() > 1 { (" or longer", " or before") } else { ("", "") };
        Some(sentence(&if newest.live {
            let age = span(self.now.since(newest.at));
            let since = self.local(newest.at);
            format!("{whose} have not synced for {age}{more} (since {since}{before})")
        } else {
            let age = span(newest.observed_at.since(newest.at));
            format!("{whose} had not synced for {age}{more} when somebody last looked")
        }))
    }

    fn last_reported(self, objects: &[ObjectType]) -> String {
        let whose = both(objects);
        match objects.iter().filter_map(|object| looked_at(self.org, *object, self.now)).min() {
            Some(at) => {
                let ago = self.ago(at);
                format!("We no longer know whether {whose} sync: last reported {ago}.")
            }
            None => format!("No source has ever reported whether {whose} sync."),
        }
    }

    fn linked(self) -> Option<String> {
        let OrgValue::Count(linked) = self.org.current(OrgRow::LinkedUsers, self.now)?.value else {
            return None;
        };
        let expected = self.org.expected_linked_users(self.now)?;
        let verb = if linked == 1 { "user is" } else { "users are" };
        Some(format!("{linked} {verb} linked, {expected} expected."))
    }

    fn users(self, finding: &Finding) -> Option<String> {
        let (count, check) = (finding.users?, finding.check?);
        let noun = if self.org.summary.known == 1 { "user" } else { "users" };
        let who = format!("{count} of {} {noun}", self.org.summary.known);
        let (are, have, fail) =
            if count == 1 { ("is", "has", "fails") } else { ("are", "have", "fail") };
        Some(match check {
            UserRow::ActiveConfiguration => format!("{who} {are} in no active configuration."),
            UserRow::MailboxVersion => {
                format!("{who} {have} a mailbox on an unsupported Exchange version.")
            }
            UserRow::ServiceAccount
                if self.org.policy.product == Product::EinsteinActivityCapture =>
            {
                format!("Einstein Activity Capture does not work for {who}.")
            }
            UserRow::ServiceAccount => format!("The service account cannot open {who}."),
            UserRow::ContactsLinked => {
                format!("{who} {have} addresses that do not match, for contacts.")
            }
            UserRow::EventsLinked => {
                format!("{who} {have} addresses that do not match, for events.")
            }
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

    /// When each object type that ever synced did so last, in words.
    fn synced(self, objects: &[ObjectType], verb: &str) -> Vec<String> {
        let when = |object: &ObjectType| match self.org.last_sync(*object, self.now) {
            Some(last) => Some(self.ago(last.at)),
            None => counted_in(*object, self.org, self.zone, self.now),
        };
        objects
            .iter()
            .filter_map(|object| Some(format!("{object} {verb} {}", when(object)?)))
            .collect()
    }

    fn last_syncs(self, objects: &[ObjectType]) -> impl Iterator<Item = (ObjectType, LastSync)> {
        let last =
            move |object: &ObjectType| Some((*object, self.org.last_sync(*object, self.now)?));
        objects.iter().filter_map(last)
    }

    /// "26 h ago (Sat 12:00)": how long ago, and when.
    fn ago(self, at: Timestamp) -> String {
        format!("{} ago ({})", span(self.now.since(at)), self.local(at))
    }
}

/// "3 users" with the verb that goes with them.
fn some_users(users: u32, one: &'static str, more: &'static str) -> (String, &'static str) {
    if users == 1 { ("1 user".to_owned(), one) } else { (format!("{users} users"), more) }
}

/// A direction in words.
pub const fn which_way(direction: Direction) -> &'static str {
    match direction {
        Direction::ToExchange => "from Salesforce to Exchange",
        Direction::ToSalesforce => "from Exchange to Salesforce",
    }
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

fn names(objects: &[ObjectType]) -> Vec<&'static str> {
    objects.iter().map(|object| object.name()).collect()
}

fn both(objects: &[ObjectType]) -> String {
    names(objects).join(" and ")
}

/// When somebody last looked who saw that `object` syncs, if only by a count.
pub(super) fn looked_at(org: &OrgView, object: ObjectType, now: Timestamp) -> Option<Timestamp> {
    let last = org.last_sync(object, now).map(|last| last.observed_at);
    last.or_else(|| org.counted_within(object).map(|(_, at)| at))
}

/// Within which span something synced, where only counts are reported: "within the last 60 minutes".
pub fn counted(object: ObjectType, org: &OrgView, now: Timestamp) -> Option<String> {
    counted_in(object, org, org.policy.time_zone, now)
}

fn counted_in(object: ObjectType, org: &OrgView, zone: Tz, now: Timestamp) -> Option<String> {
    let (window, at) = org.counted_within(object)?;
    let window = if window < TimeDelta::days(1) { "60 minutes" } else { "24 hours" };
    Some(if now.since(at) < JUST_READ {
        format!("within the last {window}")
    } else {
        format!("within the {window} before {}", local_in(at, zone, now))
    })
}

/// A count is of now for as long as a person needs to read it.
const JUST_READ: TimeDelta = TimeDelta::minutes(2);

/// The words with a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    let first: String = first.into_iter().flatten().collect();
    format!("{first}{}.", letters.as_str())
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

/// An instant in the organisation's time.
pub fn local(at: Timestamp, org: &OrgView, now: Timestamp) -> String {
    local_in(at, org.policy.time_zone, now)
}

/// An instant in a zone, as short as is clear from `now`: the time today, the weekday and time within six days, else the
/// date.
pub fn local_in(at: Timestamp, zone: Tz, now: Timestamp) -> String {
    let (then, today) = (at.datetime().with_timezone(&zone), now.datetime().with_timezone(&zone));
    let days = today.date_naive().signed_duration_since(then.date_naive());
    let format = match days.num_days() {
        0 => "%H:%M",
        -6..=6 => "%a %H:%M",
        _ => "%Y-%m-%d",
    };
    then.format(format).to_string()
}
