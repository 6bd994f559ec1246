//! Lives in which it is the watching that breaks, or that is sparse.

use super::{change, scenario};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{ObjectType, Source};
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::scenarios::life::What;
use crate::scenarios::scenario::Scenario;
use crate::scenarios::setting::{BERLIN, day, local, office, office_hours, org_name};
use crate::scenarios::truth::Truth;
use chrono::TimeDelta;

pub(super) fn stories() -> Vec<Scenario> {
    vec![feed_silent(), feed_silent_at_night(), page_unread(), page_read_each_morning()]
}

fn at(date: u32, hour: u32, minute: u32) -> Timestamp {
    local(BERLIN, day(11, date), hour, minute)
}

fn expecting(mut policy: OrgPolicy, source: Source, every: TimeDelta) -> OrgPolicy {
    policy.expected_every[source] = Some(every);
    policy
}

const NEVER_READ: What = What::PageUnread;

fn feed_silent() -> Scenario {
    let policy = office(org_name("feed_silent"), BERLIN, &[]);
    let policy = expecting(policy, Source::Activity, TimeDelta::minutes(5));
    let mut story = scenario("feed_silent", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "The feed falls silent";
    story.about = "Nobody reads the page, and the job that sends activity dies for two hours on Tuesday: sync goes on, but \
                   nobody can know. Afterwards it sends what it missed.";
    let (died, back) = (at(10, 11, 0), at(10, 13, 0));
    story.life.changes = vec![
        change(Timestamp::MIN, Timestamp::MAX, NEVER_READ),
        change(died, back, What::FeedSilent),
    ];
    story.truth = Truth::org(Cause::ObservationsStale, Severity::Critical, at(10, 11, 10), back)
        .each(ObjectType::ALL)
        .collect();
    story
}

fn feed_silent_at_night() -> Scenario {
    let policy = office(org_name("feed_silent_at_night"), BERLIN, &[]);
    let policy = expecting(policy, Source::Activity, TimeDelta::minutes(5));
    let mut story = scenario("feed_silent_at_night", policy, at(9, 0, 0), at(12, 0, 0));
    story.title = "The feed falls silent at night";
    story.about =
        "The same at ten in the evening: a warning until somebody works, a page from then on.";
    let (died, opened, back) = (at(10, 22, 0), at(11, 8, 15), at(11, 9, 0));
    story.life.changes = vec![
        change(Timestamp::MIN, Timestamp::MAX, NEVER_READ),
        change(died, back, What::FeedSilent),
    ];
    let stale = |severity, from, until| Truth::org(Cause::ObservationsStale, severity, from, until);
    story.truth = stale(Severity::Warning, at(10, 22, 10), opened)
        .each(ObjectType::ALL)
        .chain(stale(Severity::Critical, opened, back).each(ObjectType::ALL))
        .collect();
    story
}

fn page_unread() -> Scenario {
    let policy = office(org_name("page_unread"), BERLIN, &[]);
    let policy = expecting(policy, Source::Snapshot, TimeDelta::hours(1));
    let mut story = scenario("page_unread", policy, at(9, 0, 0), at(13, 0, 0));
    story.title = "Nobody reads the page any more";
    story.about = "The page is all there is, and the job that reads it dies on Tuesday at two; two business hours later \
                   nobody can say whether anything syncs. It is started again on Wednesday.";
    let (died, started) = (at(10, 14, 0), at(11, 11, 0));
    story.life.changes = vec![
        change(Timestamp::MIN, Timestamp::MAX, What::FeedSilent),
        change(died, started, What::PageUnread),
    ];
    story.truth = Truth::org(Cause::ObservationsStale, Severity::Critical, at(10, 15, 30), started)
        .each(ObjectType::ALL)
        .collect();
    story
}

fn page_read_each_morning() -> Scenario {
    let policy = office_hours(org_name("page_read_each_morning"), BERLIN, &[]);
    let mut story = scenario("page_read_each_morning", policy, at(5, 7, 30), at(12, 0, 0));
    story.title = "The page, once a day";
    story.about = "Somebody pastes the page at half past seven each morning, before anything syncs, weekends included: it \
                   shows zeros on Sunday and Monday, and nothing is wrong.";
    story.life.rhythm.closed_one_in = 0;
    story.life.changes = vec![change(Timestamp::MIN, Timestamp::MAX, What::FeedSilent)];
    story.reads.every = TimeDelta::hours(24);
    // Half past seven in Berlin's winter.
    story.reads.at = TimeDelta::minutes(6 * 60 + 30);
    story
}
