//! Every limit of the judgement, a nanosecond on either side of it. `tests/mutation/judge.py` shows what they leave out.

pub(crate) mod fixture;

use super::*;
use crate::calendar::{Calendar, Weekly};
use crate::canary::{CanaryClass, CanaryReport, LaneReport, Leftover};
use crate::drift::CountTrails;
use crate::exchange_log::{ExchangeCalls, LoggedRefusals, SignInRefusal, TwoWriters};
use crate::ids::UserName;
use crate::probe::{ProbeReport, ProbeStep, ProbeTrouble, StepReport};
use crate::rows::OrgRow::{
    LastSync, LinkedUsers, OutlookIntegration, ServiceAccountProvided, ServiceAccountRecognized,
    Synced24h, Synced60m,
};
use crate::source_state::{PollFailing, SourceFacts, SourceState};
use crate::users::UserTable;
use Severity::{Critical, Info, Warning};
use fixture::Answer::{Holds, Refuted, Unknown};
use fixture::{Answer, NOON, Org, TICK, at, open};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

const CONTACTS: ObjectType = ObjectType::Contacts;
const ZERO: OrgValue = OrgValue::Count(0);
/// A day, as the minutes of [`at`].
const A_DAY: i64 = fixture::DAY;

fn account(name: &str) -> OrgValue {
    OrgValue::Account((!name.is_empty()).then(|| name.into()))
}

fn judged(org: &Org, now: Timestamp) -> Judgement {
    judgement(&org.0, true, now)
}

/// What explains a finding of a cause at an instant; panics where nothing of that cause is found.
fn explained_by(org: &Org, cause: Cause, now: Timestamp) -> Option<Cause> {
    let findings = judged(org, now).findings;
    findings.iter().find(|finding| finding.cause == cause).unwrap().held_back_by
}

#[test]
fn a_cause_explains_its_consequences_and_a_page_of_an_organisation_what_is_found_of_its_users() {
    let org = Org::new().0;
    for (cause, severity, other, expected) in [
        (Cause::ServiceAccountMissing, Critical, Cause::NoSyncIn24Hours, true),
        (Cause::ServiceAccountMissing, Warning, Cause::NoSyncIn24Hours, true),
        (Cause::NothingIn24Hours, Critical, Cause::UsersFailing, true),
        (Cause::NothingIn24Hours, Warning, Cause::UsersFailing, false),
        (Cause::NothingIn24Hours, Critical, Cause::RetirementNear, false),
        (Cause::Delayed, Info, Cause::UsersFailing, false),
        (Cause::Delayed, Info, Cause::RetirementNear, false),
        (Cause::UsersFailing, Warning, Cause::ResetStuck, false),
        (Cause::UsersFailing, Critical, Cause::ResetStuck, false),
    ] {
        let finding = |cause, severity| finding(&org, of_org(cause), severity, NOON, None);
        let explains = finding(cause, severity).explains(&finding(other, Warning));
        assert_eq!(explains, expected, "{cause} ({severity}) and {other}");
    }
}

#[test]
fn of_two_causes_the_first_in_the_list_explains() {
    let org = Org::new()
        .page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5))
        .page(LinkedUsers, ZERO, at(-5))
        .failing(UserRow::EventsFolder, 3, at(-60));
    let by = explained_by(&org, Cause::UsersFailing, NOON);
    assert_eq!(by, Some(Cause::ServiceAccountNotRecognized));
    assert_eq!(explained_by(&org, Cause::NoLinkedUsers, NOON), None, "a root cause of its own");
    assert_eq!(judged(&org, NOON).deadlines[CONTACTS], Timestamp::MAX, "no news while it holds");
}

#[test]
fn what_was_found_stays_with_its_time_until_there_is_a_word_on_it() {
    let (held, over) = (of_org(Cause::OutlookIntegrationDisabled), of_org(Cause::NoLinkedUsers));
    let ended = Incident { ended: Some(at(-60)), ..open(Critical, at(-90)) };
    let since = Incident { users: Some(7), ..open(Warning, at(-600)) };
    let org = Org::new().with(|policy| policy.reps_select_events = true);
    let org = org.found(held, since).found(over, ended).known(NOON);
    let findings = judged(&org, NOON).findings;
    let expected = finding(&org.0, held, Warning, at(-600), Some(7));
    assert_eq!(findings, [expected], "no word; what has ended is no finding");

    let read = org.page(OutlookIntegration, OrgValue::Flag(false), NOON);
    let found = judged(&read, NOON).findings;
    let times: Vec<_> = found.iter().map(|finding| (finding.cause, finding.since)).collect();
    assert_eq!(times, [(held.cause, Some(at(-600)))], "found again: since the first time");
    let read = read.page(OutlookIntegration, OrgValue::Flag(true), NOON.plus(TICK));
    assert_eq!(judged(&read, NOON.plus(TICK)).findings, []);
}

#[test]
fn what_a_root_cause_brought_about_is_no_news_until_it_could_recover() {
    let ended = Incident { ended: Some(at(-60)), ..open(Critical, at(-900)) };
    let stopped = Org::new()
        .synced(at(-A_DAY - 60), at(-5))
        .page(ServiceAccountRecognized, OrgValue::Flag(true), at(-5))
        .found(of_org(Cause::ServiceAccountNotRecognized), ended);
    let cause = Cause::NoSyncIn24Hours;
    let until = at(60);
    let by = Some(Cause::ServiceAccountNotRecognized);
    assert_eq!(explained_by(&stopped, cause, NOON), by);
    assert_eq!(judged(&stopped, NOON).deadlines[CONTACTS], until);
    assert_eq!(explained_by(&stopped, cause, until.minus(TICK)), by);
    assert_eq!(explained_by(&stopped, cause, until), None);
    assert_eq!(judged(&stopped, until).deadlines[CONTACTS], at(-60));

    // Beside one that holds, what has ended does not count.
    let org = stopped.page(LinkedUsers, ZERO, at(-4));
    assert_eq!(judged(&org, NOON).deadlines[CONTACTS], Timestamp::MAX);
    let later = Org::new()
        .synced(at(-A_DAY + 120), at(-5))
        .found(of_org(Cause::ServiceAccountNotRecognized), ended)
        .fed_until(at(-A_DAY + 120));
    assert_eq!(judged(&later, NOON).deadlines[CONTACTS], at(120), "later than the recovery");
    // Only a root cause takes time to recover.
    let other = Incident { ended: Some(at(-60)), ..open(Critical, at(-900)) };
    let stopped = Org::new().synced(at(-A_DAY - 60), at(-5));
    let stopped = stopped.found(of_object(Cause::NeverSynced, CONTACTS), other);
    assert_eq!(explained_by(&stopped, cause, NOON), None);
}

#[test]
fn all_organisations_are_judged_worst_first_and_an_old_picture_counts_nothing() {
    let calm = Org::young().page(Synced24h(CONTACTS), ZERO, at(-5));
    let late = Org::new().synced(at(-A_DAY - 60), at(-5)).with(|policy| {
        policy.name = OrgName::new("zeta").unwrap();
    });
    let mut view = View::empty(NOON);
    view.orgs = [calm, late].map(|org| Arc::new(org.0)).into();
    let causes = |now| {
        let findings = judge(&view, now);
        findings.iter().map(|found| (found.severity, found.cause)).collect::<Vec<_>>()
    };
    let stopped = (Critical, Cause::NoSyncIn24Hours);
    let nothing = (Critical, Cause::NothingIn24Hours);
    assert_eq!(causes(NOON), [stopped, stopped, nothing]);
    assert_eq!(causes(NOON.plus(View::FRESH_FOR).plus(TICK)), [stopped, stopped]);
}

mod deadlines {
    use super::*;

    fn of(org: &Org, now: Timestamp) -> Timestamp {
        org.0
            .last_sync(CONTACTS, now)
            .map_or(Timestamp::MAX, |last| deadline(&org.0, CONTACTS, &last, now))
    }

    #[test]
    fn only_who_looked_after_it_can_claim_it_or_a_feed_whose_silence_answers() {
        let read = |at| Org::new().synced(super::at(-A_DAY), at);
        assert_eq!(of(&Org::new(), NOON), Timestamp::MAX, "nothing is known");
        assert_eq!(of(&read(at(-5)), at(60)), Timestamp::MAX, "nobody has looked since");
        assert_eq!(of(&read(NOON), at(60)), Timestamp::MAX);
        assert_eq!(of(&read(NOON.plus(TICK)), at(60)), NOON);
        let feed = Org::new().fed_until(at(-A_DAY));
        assert_eq!(of(&feed, at(-10)), NOON, "it is known beforehand");
        let mut behind = Org::new().fed_until(at(-A_DAY));
        behind.0.caught_up_at = at(30);
        assert_eq!(of(&behind, at(30).minus(TICK)), Timestamp::MAX);
        assert_eq!(of(&behind, at(30)), NOON);
    }

    #[test]
    fn set_up_moves_it_and_the_end_of_the_product_takes_it_away() {
        let feed = |change: fn(&mut OrgPolicy)| Org::new().fed_until(at(-A_DAY)).with(change);
        assert_eq!(of(&feed(|policy| policy.setup_until = Some(at(100))), at(-10)), at(100));
        assert_eq!(of(&feed(|policy| policy.setup_until = Some(at(-100))), at(-10)), NOON);
        let end = |policy: &mut OrgPolicy| policy.retirement = Some(NOON);
        assert_eq!(of(&feed(end), at(-10)), Timestamp::MAX, "they fall together");
        let later = |policy: &mut OrgPolicy| policy.retirement = Some(NOON.plus(TICK));
        assert_eq!(of(&feed(later), at(-10)), NOON);
        assert_eq!(of(&feed(later), NOON.plus(TICK)), Timestamp::MAX, "it has ended since");
        let successor = |policy: &mut OrgPolicy| {
            policy.product = Product::EinsteinActivityCapture;
            policy.retirement = Some(NOON);
        };
        assert_eq!(of(&feed(successor), at(-10)), NOON, "another product does not end");
    }

    #[test]
    fn what_is_not_synced_has_none() {
        let org = Org::new().fed_until(at(-A_DAY)).with(|policy| policy.objects = vec![CONTACTS]);
        let deadlines = judged(&org, NOON).deadlines;
        assert_eq!((deadlines[CONTACTS], deadlines[ObjectType::Events]), (NOON, Timestamp::MAX));
    }
}

mod roots {
    use super::*;

    const CAUSE: Cause = Cause::ServiceAccountNotRecognized;

    /// An X, read at noon.
    fn marked() -> Org {
        Org::young().page(ServiceAccountRecognized, OrgValue::Flag(false), NOON)
    }

    #[test]
    fn an_x_holds_and_a_live_check_refutes_it() {
        assert_eq!(marked().on(CAUSE, at(5)), Holds(Critical, NOON));
        let good = |org: Org| org.page(ServiceAccountRecognized, OrgValue::Flag(true), at(1));
        let org = good(marked());
        assert_eq!(org.on(CAUSE, at(5)), Refuted);
        assert_eq!(org.on(CAUSE, at(1 + 2 * A_DAY)), Refuted);
        assert_eq!(org.on(CAUSE, at(1 + 2 * A_DAY).plus(TICK)), Unknown, "nobody confirms it now");
        assert_eq!(marked().on(CAUSE, at(10 * A_DAY)), Holds(Critical, NOON), "stale");
        assert_eq!(Org::young().on(CAUSE, NOON), Unknown);
    }

    #[test]
    fn a_sync_long_enough_after_the_reading_keeps_it_from_beginning() {
        let fed = |last| marked().fed_until(last);
        assert_eq!(fed(NOON).on(CAUSE, at(20)), Holds(Critical, NOON), "not after it");
        assert_eq!(fed(at(15).minus(TICK)).on(CAUSE, at(20)), Holds(Critical, NOON), "a straggler");
        assert_eq!(fed(at(15)).on(CAUSE, at(20)), Refuted);
        // What has ended is not what holds.
        let over = Incident { ended: Some(at(-60)), ..open(Critical, at(-90)) };
        let org = fed(at(15)).found(of_org(CAUSE), over);
        assert_eq!(org.on(CAUSE, at(20)), Refuted);
    }

    /// Found at noon, when a day had had 480 records of each object type; syncs have gone on since, until the hour that was
    /// counted last had so many of each.
    fn beside(synced_before: Option<u64>, hour: u64, minutes: i64) -> Answer {
        let incident = Incident { first_sync: Some(at(1)), synced_before, ..open(Critical, NOON) };
        let now = at(minutes);
        let org =
            marked().fed(at(-7 * A_DAY), Some(now), (hour, 480)).found(of_org(CAUSE), incident);
        org.on(CAUSE, now)
    }

    #[test]
    fn a_trickle_of_syncs_does_not_end_it() {
        let holds = Holds(Critical, NOON);
        // 960 in a day are 40 in an average hour, and half of that is 20.
        assert_eq!(beside(Some(960), 10, 60), Refuted);
        assert_eq!(beside(Some(961), 10, 60), holds);
        assert_eq!(beside(Some(960), 9, 60), holds);
        assert_eq!(beside(Some(960), 100, 59), holds, "a part of that hour was before");
        assert_eq!(beside(None, 1, 16), Refuted, "nobody counted before");
        assert_eq!(beside(Some(0), 0, 60), holds, "nothing in that hour");
        // Where nobody counts any more, nobody can tell that it is no trickle.
        let mut org = marked().fed(at(-7 * A_DAY), Some(at(60)), (100, 480)).found(
            of_org(CAUSE),
            Incident { first_sync: Some(at(1)), synced_before: Some(960), ..open(Critical, NOON) },
        );
        let uncounted = words(&org.0, false, at(60));
        assert!(
            uncounted.iter().any(|word| matches!(word, Judged::Holds(of, _) if of.cause == CAUSE))
        );
        // Of two counts that were read at different times, the earlier one says which hour it was.
        let read = |contacts, events| {
            let incident = Incident {
                first_sync: Some(at(1)),
                synced_before: Some(960),
                ..open(Critical, NOON)
            };
            let org = marked().found(of_org(CAUSE), incident);
            let org = org.page(Synced60m(CONTACTS), OrgValue::Count(100), contacts);
            let org = org.page(Synced60m(ObjectType::Events), OrgValue::Count(100), events);
            let org = org.page(LastSync(CONTACTS), OrgValue::Instant(at(59)), at(61));
            org.on(CAUSE, at(61))
        };
        assert_eq!(read(at(60), at(60)), Refuted);
        assert_eq!(read(at(59), at(60)), holds);
        assert_eq!(read(at(60), at(59)), holds);
        // A round trip of the canary is no straggler.
        org = org.read(Source::Canary, LastSync(CONTACTS), OrgValue::Instant(at(61)), at(61));
        org.0.activity[CONTACTS].synced_60m = 0;
        org.0.activity[ObjectType::Events].synced_60m = 0;
        assert_eq!(org.on(CAUSE, at(61)), Refuted);
    }

    #[test]
    fn what_a_day_had_is_noted_when_it_is_found_and_stays() {
        let noted = |org: Org, now| {
            words(&org.0, true, now).into_iter().find_map(|word| match word {
                Judged::Holds(of, found) if of.cause == CAUSE => Some(found.synced_before),
                Judged::Holds(..) | Judged::Refuted(_) => None,
            })
        };
        let fed = |counts| marked().fed(at(-7 * A_DAY), Some(NOON), counts);
        assert_eq!(noted(fed((7, 480)), at(5)), Some(Some(960)));
        assert_eq!(noted(fed((0, 480)), at(5)), Some(None), "a feed that is hours late");
        let mut one = fed((1, 480));
        one.0.activity[CONTACTS].synced_60m = 0;
        assert_eq!(noted(one, at(5)), Some(Some(960)), "a single record in the last hour");
        assert_eq!(noted(marked(), at(5)), Some(None), "nobody counts");
        let before = Incident { synced_before: Some(5), ..open(Critical, NOON) };
        assert_eq!(noted(fed((7, 480)).found(of_org(CAUSE), before), at(5)), Some(Some(5)));
        let over = Incident { ended: Some(at(-60)), ..before };
        assert_eq!(noted(fed((7, 480)).found(of_org(CAUSE), over), at(5)), Some(Some(5)));
    }

    #[test]
    fn once_begun_it_ends_by_syncs_that_go_on_for_as_long_as_fresh_is() {
        let first = |at| Incident { first_sync: at, ..open(Critical, NOON) };
        let word = |last, incident| {
            let org = marked().fed_until(last).found(of_org(CAUSE), incident);
            let words = words(&org.0, true, at(30));
            let found = words.iter().find_map(|word| match word {
                Judged::Holds(of, found) if of.cause == CAUSE => Some(found.first_sync),
                Judged::Holds(..) | Judged::Refuted(_) => None,
            });
            (org.on(CAUSE, at(30)), found.flatten())
        };
        let holds = Holds(Critical, NOON);
        assert_eq!(word(NOON, first(None)), (holds, None));
        assert_eq!(word(at(1), first(None)), (holds, Some(at(1))), "a straggler");
        assert_eq!(word(at(16).minus(TICK), first(Some(at(1)))), (holds, Some(at(1))));
        assert_eq!(word(at(16), first(Some(at(1)))), (Refuted, None));
        // What synced before the reading is no recovery from it.
        assert_eq!(word(at(15), first(Some(NOON))), (holds, Some(at(15))));
        assert_eq!(word(at(15), first(Some(at(-5)))), (holds, Some(at(15))));
    }

    #[test]
    fn once_refuted_it_is_no_news_when_it_is_read_again_beside_syncs_that_go_on() {
        let word = |ended, last| {
            let over = Incident { ended: Some(ended), ..open(Critical, at(-130)) };
            let org = Org::young().page(ServiceAccountRecognized, OrgValue::Flag(false), at(-120));
            let org = org.page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5));
            org.fed_until(last).found(of_org(CAUSE), over).on(CAUSE, NOON)
        };
        let returned = Holds(Warning, at(-120));
        assert_eq!(word(at(-60), at(-20).plus(TICK)), Refuted);
        assert_eq!(word(at(-60), at(-20)), returned, "nothing synced lately when it was read");
        assert_eq!(word(at(-120).plus(TICK), at(-10)), Refuted);
        assert_eq!(word(at(-120), at(-10)), returned, "another one than that which ended");
    }

    #[test]
    fn the_latest_sync_of_any_object_counts() {
        let mut org = marked()
            .fed_until(at(1))
            .found(of_org(CAUSE), Incident { first_sync: Some(at(1)), ..open(Critical, NOON) });
        assert_eq!(org.on(CAUSE, at(30)), Holds(Critical, NOON));
        org.0.activity[CONTACTS].last_synced = Some(at(16));
        assert_eq!(org.on(CAUSE, at(30)), Refuted);
        org.0.activity[CONTACTS].last_synced = Some(at(1));
        org.0.activity[ObjectType::Events].last_synced = Some(at(16));
        assert_eq!(org.on(CAUSE, at(30)), Refuted);
    }

    #[test]
    fn one_that_returns_within_a_day_wakes_nobody_again() {
        let over = Incident { ended: Some(at(-A_DAY + 10)), ..open(Critical, at(-2000)) };
        let org = marked().found(of_org(CAUSE), over);
        assert_eq!(org.on(CAUSE, at(10).minus(TICK)), Holds(Warning, NOON));
        assert_eq!(org.on(CAUSE, at(10)), Holds(Critical, NOON));
        let calm = Incident { calm_until: Some(at(20)), ..open(Warning, at(-100)) };
        let org = marked().found(of_org(CAUSE), calm);
        assert_eq!(org.on(CAUSE, at(20).minus(TICK)), Holds(Warning, NOON));
        assert_eq!(org.on(CAUSE, at(20)), Holds(Critical, NOON));
    }

    #[test]
    fn where_there_is_no_account_none_is_recognised_and_that_is_one_finding() {
        let (missing, unrecognized) = (Cause::ServiceAccountMissing, CAUSE);
        let both = |org: &Org| (org.on(missing, at(20)), org.on(unrecognized, at(20)));
        let none = || marked().page(ServiceAccountProvided, account(""), NOON);
        assert_eq!(both(&none()), (Holds(Critical, NOON), Refuted));
        let given = marked().page(ServiceAccountProvided, account("svc@corp.example"), NOON);
        assert_eq!(both(&given), (Refuted, Holds(Critical, NOON)));
        // A sync since then refutes the None; the X was read later.
        let refuted =
            none().fed_until(at(15)).page(ServiceAccountRecognized, OrgValue::Flag(false), at(16));
        assert_eq!(both(&refuted), (Refuted, Holds(Critical, NOON)));
        let set_up = none().with(|policy| policy.setup_until = Some(at(20).plus(TICK)));
        assert_eq!(both(&set_up), (Refuted, Refuted));
        let set_up = none().with(|policy| policy.setup_until = Some(at(20)));
        assert_eq!(both(&set_up), (Holds(Critical, NOON), Refuted));
        let oauth = none().with(|policy| policy.connection = ConnectionMethod::Oauth);
        assert_eq!(both(&oauth), (Refuted, Refuted));
    }
}

mod linked_users {
    use super::*;

    fn linked(users: u64) -> Org {
        let org = Org::young().page(LinkedUsers, OrgValue::Count(users), NOON);
        org.with(|policy| policy.expected_linked_users = Some(40))
    }

    fn both(org: &Org, now: Timestamp) -> (Answer, Answer) {
        (org.on(Cause::NoLinkedUsers, now), org.on(Cause::LinkedUsersUnexpected, now))
    }

    #[test]
    fn none_is_a_root_cause_and_another_number_a_warning() {
        assert_eq!(both(&linked(0), at(5)), (Holds(Critical, NOON), Refuted));
        assert_eq!(both(&linked(1), at(5)), (Refuted, Holds(Warning, NOON)));
        assert_eq!(both(&linked(40), at(5)), (Refuted, Refuted));
        assert_eq!(both(&linked(42), at(5)), (Refuted, Holds(Warning, NOON)));
        let unknown = linked(38).with(|policy| policy.expected_linked_users = None);
        assert_eq!(both(&unknown, at(5)), (Refuted, Refuted), "nobody expects a number");
    }

    #[test]
    fn a_stale_reading_confirms_nothing_and_goes_on_to_differ() {
        let later = at(3 * A_DAY);
        assert_eq!(both(&linked(40), later), (Unknown, Unknown));
        assert_eq!(both(&linked(38), later), (Unknown, Holds(Warning, NOON)));
        assert_eq!(both(&Org::young(), NOON), (Unknown, Unknown));
    }

    #[test]
    fn users_who_are_known_not_to_be_linked_explain_as_many_as_they_are() {
        let org = |users, contacts, events| {
            let org = linked(users).failing(UserRow::ContactsLinked, contacts, at(-60));
            org.failing(UserRow::EventsLinked, events, at(-60))
                .on(Cause::LinkedUsersUnexpected, at(5))
        };
        assert_eq!(org(37, 2, 1), Refuted);
        assert_eq!(org(39, 1, 0), Refuted);
        assert_eq!(org(36, 2, 1), Holds(Warning, NOON));
        assert_eq!(org(38, 2, 1), Refuted, "more than are missing");
        assert_eq!(org(42, 2, 1), Holds(Warning, NOON), "too many are none that are missing");
        let other = linked(38).failing(UserRow::EventsFolder, 2, at(-60));
        assert_eq!(other.on(Cause::LinkedUsersUnexpected, at(5)), Holds(Warning, NOON));
    }

    #[test]
    fn set_up_has_nobody_linked_yet() {
        let until = |until| linked(0).with(|policy| policy.setup_until = Some(until));
        assert_eq!(both(&until(at(5).plus(TICK)), at(5)), (Refuted, Refuted));
        assert_eq!(both(&until(at(5)), at(5)), (Holds(Critical, NOON), Refuted));
    }
}

#[test]
fn the_outlook_integration_counts_where_reps_choose_events() {
    let cause = Cause::OutlookIntegrationDisabled;
    let org = |select, on| {
        let org = Org::young().page(OutlookIntegration, OrgValue::Flag(on), NOON);
        org.with(|policy| policy.reps_select_events = select)
    };
    assert_eq!(org(true, false).on(cause, at(5)), Holds(Info, NOON));
    assert_eq!(org(true, false).on(cause, at(3 * A_DAY)), Holds(Info, NOON), "stale");
    assert_eq!(org(true, true).on(cause, at(5)), Refuted);
    assert_eq!(org(true, true).on(cause, at(3 * A_DAY)), Unknown);
    assert_eq!(org(false, false).on(cause, at(5)), Refuted);
    let unread = Org::young().with(|policy| policy.reps_select_events = true);
    assert_eq!(unread.on(cause, NOON), Unknown);
}

mod last_sync {
    use super::*;

    const NO_SYNC: Cause = Cause::NoSyncIn24Hours;

    #[test]
    fn it_is_missing_after_the_deadline_and_in_time_while_somebody_would_have_seen_a_newer_one() {
        let feed = Org::new().fed_until(at(-A_DAY));
        assert_eq!(feed.on_contacts(NO_SYNC, NOON), Refuted);
        assert_eq!(feed.on_contacts(NO_SYNC, NOON.plus(TICK)), Holds(Critical, NOON));

        let page = Org::new().synced(at(-A_DAY + 10), NOON);
        assert_eq!(page.on_contacts(NO_SYNC, at(10)), Refuted);
        assert_eq!(page.on_contacts(NO_SYNC, at(10).plus(TICK)), Unknown, "nobody has looked");
        let hourly = |last| {
            let org = Org::new().synced(last, NOON);
            org.with(|policy| {
                policy.expected_every[Source::Snapshot] = Some(TimeDelta::hours(1));
            })
        };
        assert_eq!(hourly(at(-10)).on_contacts(NO_SYNC, at(120)), Refuted);
        assert_eq!(hourly(at(-10)).on_contacts(NO_SYNC, at(120).plus(TICK)), Unknown, "stale");
    }

    #[test]
    fn without_any_sync_it_is_never_synced_that_holds() {
        let page = Org::young().page(LinkedUsers, OrgValue::Count(40), at(-5));
        assert_eq!(page.on_contacts(NO_SYNC, NOON), Unknown, "so does an emptied database look");
        assert_eq!(empty().on_contacts(NO_SYNC, NOON), Unknown);
        assert_eq!(empty().on_contacts(NO_SYNC, NOON.plus(TICK)), Refuted);
        assert_eq!(Org::young().on_contacts(NO_SYNC, NOON), Unknown, "nobody looks");
        let counted = page.page(Synced24h(CONTACTS), OrgValue::Count(5), at(-5));
        assert_eq!(counted.on_contacts(NO_SYNC, NOON), Unknown, "it synced at some time");
        let set_up = Org::young().with(|policy| policy.setup_until = Some(NOON.plus(TICK)));
        assert_eq!(set_up.on_contacts(NO_SYNC, NOON), Refuted);
        let set_up = Org::young().with(|policy| policy.setup_until = Some(NOON));
        assert_eq!(set_up.on_contacts(NO_SYNC, NOON), Unknown);
    }

    /// Watched for three days at noon, by a page that shows no last sync.
    fn empty() -> Org {
        let org = Org::new().known(at(-3 * A_DAY));
        org.page(LinkedUsers, OrgValue::Count(40), at(-5))
    }

    #[test]
    fn never_synced_is_news_after_three_days_outside_set_up() {
        let never = Cause::NeverSynced;
        let after = NOON.plus(TICK);
        assert_eq!(empty().on_contacts(never, NOON), Unknown, "it may be an emptied database");
        assert_eq!(empty().on_contacts(never, after), Holds(Critical, NOON));
        let early = |org: Org| org.known(at(-60)).on_contacts(never, NOON);
        let first = [(UserRow::ContactsToExchange, Status::InitialSyncInProgress, at(-60))];
        assert_eq!(early(empty().users(true, &first)), Refuted);
        assert_eq!(early(empty().with(|policy| policy.setup_until = Some(after))), Refuted);
        let until = |until| empty().with(|policy| policy.setup_until = Some(until));
        assert_eq!(until(after).on_contacts(never, after), Holds(Critical, NOON));
        assert_eq!(until(after.plus(TICK)).on_contacts(never, after), Refuted);
        assert_eq!(empty().synced(at(-60), at(-5)).on_contacts(never, after), Refuted);
        assert_eq!(empty().on_contacts(never, at(3 * A_DAY)), Unknown, "nobody looks");
    }

    #[test]
    fn a_count_that_pages_is_not_followed_by_a_second_page() {
        let zero = |subject| empty().found(subject, open(Critical, at(-60)));
        let after = NOON.plus(TICK);
        let (never, day) = (Cause::NeverSynced, Cause::NothingIn24Hours);
        assert_eq!(zero(of_object(day, CONTACTS)).on_contacts(never, after), Unknown);
        let other = zero(of_object(day, ObjectType::Events));
        assert_eq!(other.on_contacts(never, after), Holds(Critical, NOON));
        let setting_up = zero(of_object(day, CONTACTS));
        let setting_up = setting_up.with(|policy| policy.setup_until = Some(after.plus(TICK)));
        assert_eq!(setting_up.on_contacts(never, after), Refuted);
    }

    #[test]
    fn a_first_sync_that_is_not_over_its_limit_explains_it() {
        let never = Cause::NeverSynced;
        let since = at(-2 * A_DAY);
        let runs = |row| {
            let org = empty().users(true, &[(row, Status::InitialSyncInProgress, since)]);
            org.on_contacts(never, at(A_DAY))
        };
        assert_eq!(runs(UserRow::ContactsToExchange), Refuted, "for three days");
        assert_eq!(runs(UserRow::EventsToExchange), Holds(Critical, NOON));
        let state = [(UserRow::ContactsToSalesforce, Status::InitialSyncInProgress, since)];
        let org = empty().users(true, &state);
        assert_eq!(org.on_contacts(never, at(A_DAY).plus(TICK)), Holds(Critical, NOON));
    }

    #[test]
    fn delayed_means_that_somebody_saw_it_late_in_business_hours() {
        let late = Cause::Delayed;
        let page = |read_at| Org::new().synced(at(-15), read_at);
        assert_eq!(page(NOON).on_contacts(late, at(5)), Refuted);
        assert_eq!(page(NOON.plus(TICK)).on_contacts(late, at(5)), Holds(Info, NOON));
        assert_eq!(page(at(1)).on_contacts(late, at(3 * A_DAY)), Unknown, "stale");
        let first = [(UserRow::ContactsToExchange, Status::InitialSyncInProgress, at(-60))];
        assert_eq!(page(at(1)).users(true, &first).on_contacts(late, at(5)), Refuted);
        assert_eq!(Org::new().on_contacts(late, NOON), Unknown);

        // Opened at 8:00; the last sync was at night.
        let morning = |read_at| Org::new().in_business_hours().synced(at(-4 * 60 - 60), read_at);
        let (early, enough) = (at(-4 * 60 + 15).minus(TICK), at(-4 * 60 + 15));
        assert_eq!(morning(early).on_contacts(late, NOON), Refuted, "read too early");
        assert_eq!(morning(enough).on_contacts(late, NOON), Holds(Info, at(-4 * 60 - 45)));
        assert_eq!(morning(enough).on_contacts(late, early), Refuted, "a clock that is ahead");
        // Late since a moment that business had not lasted until.
        let just = Org::new().in_business_hours().synced(at(-4 * 60 - 15), enough);
        assert_eq!(just.on_contacts(late, NOON), Holds(Info, at(-4 * 60)));
    }

    #[test]
    fn who_says_it_more_exactly_speaks_alone() {
        let zeros = |org: Org| {
            org.page(Synced24h(CONTACTS), ZERO, at(-5)).page(Synced60m(CONTACTS), ZERO, at(-5))
        };
        let others = [Cause::Delayed, Cause::NothingIn24Hours, Cause::NothingIn60Minutes];
        let stopped = zeros(Org::new().synced(at(-A_DAY - 60), at(-5)));
        let never = zeros(Org::new());
        for org in [&stopped, &never] {
            assert_eq!(others.map(|cause| org.on_contacts(cause, NOON)), [Refuted; 3]);
        }
        assert_eq!(stopped.on_contacts(NO_SYNC, NOON), Holds(Critical, at(-60)));
        assert_eq!(never.on_contacts(Cause::NeverSynced, NOON), Holds(Critical, at(-27 * A_DAY)));
        let day = zeros(Org::young());
        assert_eq!(
            others.map(|cause| day.on_contacts(cause, NOON)),
            [Unknown, Holds(Critical, at(-5)), Refuted]
        );
    }

    #[test]
    fn nobody_confirms_it_is_a_page_in_business_hours() {
        let stale = Cause::ObservationsStale;
        let org = Org::new().known(at(-60));
        assert_eq!(org.on_contacts(stale, NOON.minus(TICK)), Refuted);
        assert_eq!(org.on_contacts(stale, NOON), Holds(Critical, NOON));
        let night = Org::new().in_business_hours().known(at(-4 * 60 - 60));
        let open = at(-4 * 60);
        assert_eq!(night.on_contacts(stale, at(-4 * 60 + 15).minus(TICK)), Holds(Warning, open));
        assert_eq!(night.on_contacts(stale, at(-4 * 60 + 15)), Holds(Critical, open));
        let closed = Org::young().with(|policy| {
            let days = Vec::new();
            let calendar = Org::new().in_business_hours().0.policy.calendar.clone();
            if let Calendar::Weekly(weekly) = calendar {
                policy.calendar = Calendar::Weekly(Weekly { days, ..weekly });
            }
        });
        assert_eq!(closed.on_contacts(stale, at(600)), Holds(Warning, NOON), "never open");
        // A page that was read lasts for twice the day in which the next one is expected.
        let read = Org::new().page(LastSync(CONTACTS), OrgValue::Instant(at(-5)), NOON);
        let ends = at(2 * 24 * 60);
        assert_eq!(read.on_contacts(stale, ends), Refuted);
        assert_eq!(read.on_contacts(stale, ends.plus(TICK)), Holds(Critical, ends));
    }
}

mod zeros {
    use super::*;

    const DAY_CAUSE: Cause = Cause::NothingIn24Hours;
    const HOUR_CAUSE: Cause = Cause::NothingIn60Minutes;

    /// Where a sync of two days ago is in time still.
    fn patient(org: Org) -> Org {
        org.with(|policy| policy.stale_after = TimeDelta::hours(48))
    }

    fn read(row: OrgRow, counts: &[(u64, i64)]) -> Org {
        let read = |org: Org, (count, minute): &(u64, i64)| {
            org.page(row, OrgValue::Count(*count), at(*minute))
        };
        counts.iter().fold(patient(Org::young()), read)
    }

    fn day(counts: &[(u64, i64)]) -> Org {
        read(Synced24h(CONTACTS), counts)
    }

    fn hour(counts: &[(u64, i64)]) -> Org {
        read(Synced60m(CONTACTS), counts)
    }

    #[test]
    fn without_a_last_sync_it_is_a_page_of_a_day_and_information_of_an_hour() {
        assert_eq!(day(&[(0, 0)]).on_contacts(DAY_CAUSE, at(5)), Holds(Critical, NOON));
        assert_eq!(hour(&[(0, 0)]).on_contacts(HOUR_CAUSE, at(5)), Holds(Info, NOON));
        assert_eq!(day(&[(0, -9), (0, 0)]).on_contacts(DAY_CAUSE, at(5)), Holds(Critical, at(-9)));
        assert_eq!(day(&[(1, 0)]).on_contacts(DAY_CAUSE, at(5)), Refuted);
        assert_eq!(hour(&[(1, 0)]).on_contacts(HOUR_CAUSE, at(5)), Refuted);
        assert_eq!(hour(&[(0, 0)]).on_contacts(DAY_CAUSE, at(5)), Unknown);
        assert_eq!(day(&[(0, 0)]).on_contacts(HOUR_CAUSE, at(5)), Refuted, "the day says more");
        assert_eq!(day(&[(1, 0)]).on_contacts(HOUR_CAUSE, at(5)), Unknown);
        assert_eq!(day(&[(0, 0)]).on_contacts(DAY_CAUSE, at(3 * A_DAY)), Unknown, "stale");
        let subject = of_object(DAY_CAUSE, CONTACTS);
        assert_eq!(day(&[(0, 0)]).word(subject, false, at(5)), Unknown, "an old picture");
    }

    #[test]
    fn beside_a_last_sync_it_begins_when_that_left_the_window() {
        let beside = |counts: &[(u64, i64)], last: i64| day(counts).synced(at(last), NOON);
        let word = |counts: &[(u64, i64)], last| beside(counts, last).on_contacts(DAY_CAUSE, at(5));
        assert_eq!(word(&[(0, 0)], -A_DAY - 60), Holds(Warning, NOON), "read later");
        assert_eq!(word(&[(0, -300), (0, 0)], -A_DAY - 60), Holds(Warning, at(-60)));
        assert_eq!(word(&[(0, -300), (0, 0)], -A_DAY), Holds(Warning, NOON), "at that moment");
        assert_eq!(word(&[(0, -300), (0, 0)], -A_DAY + 1), Holds(Warning, at(-300)), "within it");
        assert_eq!(word(&[(0, -300), (0, 0)], 0), Holds(Warning, at(-300)), "as it was read");
        assert_eq!(word(&[(0, -300), (0, 0)], 1), Refuted, "synced since");

        let word = |counts: &[(u64, i64)], last| {
            hour(counts).synced(at(last), NOON).on_contacts(HOUR_CAUSE, at(5))
        };
        assert_eq!(word(&[(0, -300), (0, 0)], -120), Holds(Info, at(-60)));
        assert_eq!(word(&[(0, -300), (0, 0)], -59), Holds(Info, NOON), "says little");
        assert_eq!(word(&[(0, -300), (0, 0)], 1), Refuted);
    }

    #[test]
    fn it_counts_when_business_had_lasted_when_it_was_read() {
        let six = |read_at: Timestamp| {
            let org = patient(Org::young().in_business_hours());
            let org = org.page(Synced24h(CONTACTS), ZERO, read_at);
            org.on_contacts(DAY_CAUSE, at(5 * 60))
        };
        // On Monday six hours are over at two o'clock; a day later they are all day long.
        let monday = at(-A_DAY + 120);
        assert_eq!(six(monday.minus(TICK)), Refuted);
        assert_eq!(six(monday), Holds(Critical, monday));
        assert_eq!(six(at(-4 * 60)), Holds(Critical, at(-4 * 60)));
        let hour = |read_at: Timestamp| {
            let org = patient(Org::young().in_business_hours());
            let org = org.page(Synced60m(CONTACTS), ZERO, read_at);
            org.on_contacts(HOUR_CAUSE, at(5 * 60))
        };
        assert_eq!(hour(at(-3 * 60).minus(TICK)), Refuted);
        assert_eq!(hour(at(-3 * 60)), Holds(Info, at(-3 * 60)));
    }

    #[test]
    fn it_is_no_news_while_nothing_can_have_synced() {
        let now = at(5);
        let first = [(UserRow::ContactsToExchange, Status::InitialSyncInProgress, at(-60))];
        let set_up = |org: Org| org.with(|policy| policy.setup_until = Some(at(600)));
        let zero = || day(&[(0, 0)]);
        assert_eq!(zero().users(true, &first).on_contacts(DAY_CAUSE, now), Refuted);
        assert_eq!(set_up(zero()).on_contacts(DAY_CAUSE, now), Refuted);
        let synced = || zero().synced(at(-60), NOON);
        let holds = Holds(Warning, NOON);
        assert_eq!(synced().users(true, &first).on_contacts(DAY_CAUSE, now), holds);
        assert_eq!(set_up(synced()).on_contacts(DAY_CAUSE, now), holds);
    }

    #[test]
    fn a_feed_has_to_have_seen_the_whole_window() {
        let feed = |covered, counts, last: i64| {
            patient(Org::young()).fed(at(covered), Some(at(last)), counts)
        };
        let whole = feed(-A_DAY, (0, 0), -A_DAY - 60);
        assert_eq!(whole.on_contacts(DAY_CAUSE, NOON), Holds(Warning, at(-60)));
        assert_eq!(whole.on_contacts(DAY_CAUSE, NOON.minus(TICK)), Unknown);
        let young = feed(-60, (0, 5), -61);
        assert_eq!(young.on_contacts(DAY_CAUSE, NOON), Refuted, "what it saw, it saw");
        assert_eq!(young.on_contacts(HOUR_CAUSE, NOON), Holds(Info, at(-1)));
        assert_eq!(young.on_contacts(HOUR_CAUSE, NOON.minus(TICK)), Unknown);
        let mut behind = feed(-2 * A_DAY, (0, 0), -A_DAY - 60);
        behind.0.caught_up_at = at(10);
        assert_eq!(behind.on_contacts(DAY_CAUSE, at(10).minus(TICK)), Unknown);
        assert_eq!(behind.on_contacts(DAY_CAUSE, at(10)), Holds(Warning, at(-60)));
        // A page beside a feed that is too young is believed.
        let beside = day(&[(0, 0)]).fed(at(-60), Some(at(-90)), (0, 1));
        assert_eq!(beside.on_contacts(DAY_CAUSE, at(5)), Holds(Warning, NOON));
    }
}

mod users {
    use super::*;

    #[test]
    fn a_failing_check_is_news_in_business_hours() {
        let check = UserRow::EventsFolder;
        let failing = || Org::young().in_business_hours().failing(check, 3, at(-4 * 60 + 15));
        let word = |now| failing().on_check(Cause::UsersFailing, check, now);
        assert_eq!(word(at(-4 * 60 + 15).minus(TICK)), Refuted);
        assert_eq!(word(at(-4 * 60 + 15)), Holds(Warning, at(-4 * 60 + 15)));
        let other = UserRow::ContactsFolder;
        assert_eq!(failing().on_check(Cause::UsersFailing, other, NOON), Unknown);
        let contacts = failing().with(|policy| policy.objects = vec![CONTACTS]);
        assert_eq!(contacts.on_check(Cause::UsersFailing, check, NOON), Unknown, "not synced");
        let found = judged(&failing(), NOON).findings;
        let users = found.iter().find(|found| found.cause == Cause::UsersFailing).unwrap().users;
        assert_eq!(users, Some(3));
    }

    #[test]
    fn what_no_user_shows_is_refuted_where_somebody_lists_them() {
        let (cause, check) = (Cause::UsersFailing, UserRow::ContactsFolder);
        let word = |org: &Org| org.on_check(cause, check, NOON);
        let state = [(check, Status::Yes, at(-60))];
        assert_eq!(word(&Org::young().users(true, &state)), Refuted);
        assert_eq!(word(&Org::young().users(false, &state)), Unknown, "stale");
        assert_eq!(word(&Org::young()), Unknown);
        let listed = |complete, read_at| {
            let mut org = Org::young().page(LinkedUsers, ZERO, read_at);
            org.0.users = Arc::new(UserTable { users: Vec::new(), complete });
            org
        };
        assert_eq!(word(&listed(true, at(-5))), Refuted, "there are none");
        assert_eq!(word(&listed(false, at(-5))), Unknown);
        assert_eq!(word(&listed(true, at(-5 * A_DAY))), Unknown, "nobody lists them any more");
    }

    #[test]
    fn users_who_sync_nothing_are_information() {
        let (cause, check) = (Cause::UsersSyncNothing, UserRow::ActiveConfiguration);
        let mut org = Org::young();
        Arc::make_mut(&mut org.0.summary).sync_nothing = Some((2, at(-60)));
        assert_eq!(org.on_check(cause, check, NOON), Holds(Info, at(-60)));
        let live = Org::young().users(true, &[(check, Status::Yes, at(-60))]);
        assert_eq!(live.on_check(cause, check, NOON), Refuted);
        assert_eq!(Org::young().on_check(cause, check, NOON), Unknown);
    }

    #[test]
    fn a_reset_hangs_after_its_limit_by_the_oldest_that_waits_or_runs() {
        let (cause, row) = (Cause::ResetStuck, UserRow::Reset);
        let marked = (row, Status::MarkedForReset, at(-4 * 60));
        let running = (row, Status::ResetInProgress, at(-4 * 60 + 30));
        for states in [[marked, running], [running, marked]] {
            let org = Org::young().users(true, &states);
            assert_eq!(org.on_check(cause, row, NOON), Refuted);
            assert_eq!(org.on_check(cause, row, NOON.plus(TICK)), Holds(Warning, NOON));
            let found = judged(&org, at(1)).findings;
            let found = found.iter().find(|found| found.cause == cause).unwrap();
            assert_eq!(found.users, Some(2));
        }
        let swapped =
            [(row, Status::ResetInProgress, at(-4 * 60)), (row, Status::MarkedForReset, at(-60))];
        let org = Org::young().users(true, &swapped);
        assert_eq!(org.on_check(cause, row, NOON.plus(TICK)), Holds(Warning, NOON));
        let none = Org::young().users(true, &[(row, Status::None, at(-900))]);
        assert_eq!(none.on_check(cause, row, NOON), Refuted);
        assert_eq!(Org::young().on_check(cause, row, NOON), Unknown);
    }

    #[test]
    fn a_stale_state_claims_only_what_was_so_when_it_was_read() {
        let (cause, row) = (Cause::ResetStuck, UserRow::Reset);
        let word = |since, read_at| {
            let users = [(row, Status::MarkedForReset, since)];
            let mut org = Org::young().users(false, &users);
            Arc::make_mut(&mut org.0.summary).add_observed(row, read_at, true);
            org.on_check(cause, row, at(600))
        };
        assert_eq!(word(at(-4 * 60), NOON), Unknown);
        assert_eq!(word(at(-4 * 60), NOON.plus(TICK)), Holds(Warning, NOON));
    }

    #[test]
    fn a_first_sync_hangs_after_its_limit_and_does_not_begin_during_set_up() {
        let (cause, row) = (Cause::InitialSyncStuck, UserRow::ContactsToExchange);
        let after = NOON.plus(TICK);
        let org = |status| Org::young().users(true, &[(row, status, at(-3 * A_DAY))]);
        for status in [Status::InitialSyncInProgress, Status::NotStarted] {
            assert_eq!(org(status).on_check(cause, row, NOON), Refuted, "{status}");
            assert_eq!(org(status).on_check(cause, row, after), Holds(Warning, NOON), "{status}");
        }
        let set_up = |status, until| {
            let org = org(status).with(|policy| policy.setup_until = Some(until));
            org.on_check(cause, row, after)
        };
        let holds = Holds(Warning, NOON);
        assert_eq!(set_up(Status::InitialSyncInProgress, at(9)), holds);
        assert_eq!(set_up(Status::NotStarted, at(9)), Refuted);
        assert_eq!(set_up(Status::NotStarted, after), holds);
        let events =
            org(Status::NotStarted).with(|policy| policy.objects = vec![ObjectType::Events]);
        assert_eq!(events.on_check(cause, row, after), Unknown, "not synced");
        assert_eq!(org(Status::InSync).on_check(cause, row, after), Refuted);
    }
}

#[test]
fn polls_fail_since_the_first_that_did_of_any_source() {
    let cause = Cause::PollFailing;
    let org = |salesforce, files| {
        Org::young().polled("salesforce", salesforce).polled("files", files).on(cause, NOON)
    };
    assert_eq!(org(None, Some(at(-15).plus(TICK))), Refuted);
    assert_eq!(org(None, Some(at(-15))), Holds(Warning, at(-15)));
    assert_eq!(org(Some(at(-20)), Some(at(-16))), Holds(Warning, at(-20)));
    assert_eq!(org(Some(at(-16)), Some(at(-20))), Holds(Warning, at(-20)));
    assert_eq!(org(None, None), Refuted);
    assert_eq!(Org::young().on(cause, NOON), Unknown, "nobody polls");
}

#[test]
fn refused_sign_ins_are_a_root_cause_until_one_works_or_something_syncs() {
    let cause = Cause::ExchangeSignInRefused;
    let reason = SignInRefusal::LockedOut;
    let found = LoggedRefusals { since: at(-30), latest: at(-10), reason };
    let refused = || Org::young().logs(NOON, |calls| calls.refused = Some(found));
    assert_eq!(refused().on(cause, at(600)), Holds(Critical, at(-30)), "it stays");
    assert_eq!(Org::young().logs(NOON, |_| {}).on(cause, NOON), Refuted);
    assert_eq!(Org::young().on(cause, NOON), Unknown);
    let unread = Org::young().with(|policy| policy.reads_exchange_log = true);
    assert_eq!(unread.on(cause, NOON), Unknown, "not read yet");
    // It explains that nothing syncs and that nobody calls.
    assert_eq!(judged(&refused(), NOON).deadlines[ObjectType::Contacts], Timestamp::MAX);
    let silent = refused().logs(NOON, |calls| {
        (calls.refused, calls.last_call) = (Some(found), Some(at(-300)));
    });
    let findings = judged(&silent, NOON).findings;
    let no_calls = findings.iter().find(|found| found.cause == Cause::ExchangeNoCalls).unwrap();
    assert_eq!(no_calls.held_back_by, Some(cause));
}

#[test]
fn nobody_calls_from_the_limit_on_while_the_logs_reach_to_now() {
    let cause = Cause::ExchangeNoCalls;
    let word = |last_call, complete_until| {
        let logs = |calls: &mut ExchangeCalls| {
            (calls.last_call, calls.complete_until) = (last_call, complete_until);
        };
        Org::young().logs(NOON, logs).on(cause, NOON)
    };
    let four_hours = at(-240);
    assert_eq!(word(Some(four_hours), Some(NOON)), Holds(Warning, NOON));
    assert_eq!(word(Some(four_hours.plus(TICK)), Some(NOON)), Refuted);
    assert_eq!(word(Some(four_hours), Some(at(-15))), Holds(Warning, NOON));
    assert_eq!(word(Some(four_hours), Some(at(-15).minus(TICK))), Unknown, "one is late");
    assert_eq!(word(Some(four_hours), None), Unknown);
    assert_eq!(word(None, Some(NOON)), Holds(Warning, at(240 - A_DAY)), "never");
}

#[test]
fn two_writers_are_a_warning_with_the_number_of_mailboxes() {
    let cause = Cause::ExchangeTwoWriters;
    let user = |name| UserName::new(name).unwrap();
    let two = |minute| TwoWriters { mailbox: user("ann"), other: user("crm"), at: at(minute) };
    let org = Org::young().logs(NOON, |calls| {
        (calls.two_writers, calls.two_writers_count) = (vec![two(-9), two(-20)], 7);
    });
    assert_eq!(org.on(cause, NOON), Holds(Warning, at(-20)));
    let findings = judged(&org, NOON).findings;
    assert_eq!(findings.iter().find(|found| found.cause == cause).unwrap().users, Some(7));
    assert_eq!(Org::young().logs(NOON, |_| {}).on(cause, NOON), Refuted);
}

#[test]
fn what_logs_showed_is_over_when_they_are_no_longer_read_and_when_the_product_has_ended() {
    for cause in [Cause::ExchangeSignInRefused, Cause::ExchangeNoCalls, Cause::ExchangeTwoWriters] {
        let mut org = Org::young();
        assert_eq!(org.on(cause, NOON), Unknown, "never read");
        Arc::make_mut(&mut org.0.source_states).remember(Source::ExchangeLog, Arc::from([0]));
        assert_eq!(org.on(cause, NOON), Refuted);
        let read = Org::young().logs(NOON, |calls| calls.last_call = Some(at(-A_DAY)));
        let ended = read.with(|policy| policy.retirement = Some(NOON));
        assert_eq!(ended.on(cause, NOON), Refuted);
        let ended = Org::young().with(|policy| policy.retirement = Some(NOON));
        assert_eq!(ended.on(cause, NOON), Unknown);
    }
}

#[test]
fn counts_that_are_apart_or_doubled_are_warnings_and_end_only_when_all_agree() {
    let (drift, surge) = (Cause::RecordsDrift, Cause::DuplicateSurge);
    let counted = |change: fn(&mut CountTrails)| {
        let org = Org::young().fed_until(at(-1));
        let mut org = org.with(|policy| policy.probes_exchange = true);
        change(&mut Arc::make_mut(&mut org.0.summary).counts);
        org
    };
    let both = counted(|counts| {
        (counts.drifting, counts.surging) = (Some((3, at(-9))), Some((2, at(-20))));
    });
    assert_eq!(both.on(drift, NOON), Holds(Warning, at(-9)));
    assert_eq!(both.on(surge, NOON), Holds(Warning, at(-20)));
    let findings = judged(&both, NOON).findings;
    let found = |cause| findings.iter().find(|found| found.cause == cause).unwrap();
    assert_eq!((found(drift).users, found(surge).users), (Some(3), Some(2)));
    assert_eq!((found(drift).held_back_by, found(surge).held_back_by), (None, None));
    // What is on its way, and folders whose past is not known, begin and end nothing.
    for cause in [drift, surge] {
        assert_eq!(counted(|_| {}).on(cause, NOON), Unknown);
        let subject = Subject { cause, object_type: None, check: None };
        let open = counted(|_| {}).found(subject, open(Warning, at(-50)));
        assert!(judged(&open, NOON).findings.iter().any(|found| found.cause == cause));
        let well = counted(|counts| (counts.agree, counts.steady) = (true, true));
        assert_eq!(well.on(cause, NOON), Refuted);
        // Who no longer probes has none.
        let gone = Org::young().found(subject, fixture::open(Warning, at(-50)));
        assert_eq!(gone.on(cause, NOON), Refuted);
    }
}

#[test]
fn the_end_of_the_product_is_a_notice_a_quarter_before_and_a_warning_a_month_before() {
    let cause = Cause::RetirementNear;
    let word = |days: i64, left: TimeDelta| {
        let end = NOON.plus(TimeDelta::days(days)).plus(left);
        Org::young().with(|policy| policy.retirement = Some(end)).on(cause, NOON)
    };
    assert_eq!(word(90, TICK), Refuted);
    assert_eq!(word(90, TimeDelta::zero()), Holds(Info, NOON));
    assert_eq!(word(30, TICK), Holds(Info, NOON.plus(TICK).minus(TimeDelta::days(60))));
    assert_eq!(word(30, TimeDelta::zero()), Holds(Warning, NOON));
    let open = at(-4 * 60);
    let morning = Org::young().in_business_hours();
    let morning = morning.with(|policy| policy.retirement = Some(open.plus(TimeDelta::days(30))));
    let notice = Holds(Info, open.minus(TimeDelta::days(60)));
    assert_eq!(morning.on(cause, at(-4 * 60 + 15).minus(TICK)), notice);
    assert_eq!(morning.on(cause, at(-4 * 60 + 15)), Holds(Warning, open));
    let successor = Org::young().with(|policy| {
        policy.product = Product::EinsteinActivityCapture;
        policy.retirement = Some(at(600));
    });
    assert_eq!(successor.on(cause, NOON), Refuted);
    assert_eq!(Org::young().on(cause, NOON), Refuted);
}

#[test]
fn after_the_end_there_is_one_word_and_everything_that_was_judged_is_refuted() {
    let zeros = |org: Org| {
        ObjectType::ALL.iter().fold(org, |org, object| {
            let org = org.page(Synced24h(*object), OrgValue::Count(3), at(-5));
            org.page(Synced60m(*object), OrgValue::Count(3), at(-5))
        })
    };
    let org = zeros(Org::young())
        .synced(at(-10), at(-5))
        .page(ServiceAccountProvided, account("svc@corp.example"), at(-5))
        .page(ServiceAccountRecognized, OrgValue::Flag(true), at(-5))
        .page(LinkedUsers, OrgValue::Count(40), at(-5))
        .page(LastSync(CONTACTS), OrgValue::Instant(at(-10)), at(-5))
        .polled("salesforce", Some(at(-60)));
    let mut org = org;
    org.0.users = Arc::new(UserTable { users: Vec::new(), complete: true });
    let subjects = |words: &[Judged]| -> BTreeSet<Subject> {
        words
            .iter()
            .map(|word| match word {
                Judged::Holds(subject, _) | Judged::Refuted(subject) => *subject,
            })
            .collect()
    };
    let before = words(&org.0, true, NOON);
    let ended = org.with(|policy| policy.retirement = Some(NOON));
    let after = words(&ended.0, true, NOON);
    assert_eq!(subjects(&after), subjects(&before));
    assert_eq!(subjects(&after).len(), after.len());
    let holding: Vec<&Judged> =
        after.iter().filter(|word| matches!(word, Judged::Holds(..))).collect();
    let found =
        Found { severity: Info, since: NOON, users: None, first_sync: None, synced_before: None };
    assert_eq!(holding, [&Judged::Holds(of_org(Cause::Retired), found)]);
    assert_eq!(ended.on(Cause::Retired, NOON.minus(TICK)), Refuted);
}

fn probed(trouble: Option<(Cause, Timestamp)>, decided: bool, ends: Option<Timestamp>) -> Org {
    let trouble = trouble.map(|(cause, since)| ProbeTrouble {
        cause,
        step: ProbeStep::Auth,
        reason: "sign_in_refused",
        advice: "Look.",
        since,
    });
    let probe = ProbeReport {
        at: NOON,
        steps: EnumMap::from_fn(|_| StepReport::SKIPPED),
        certificate_ends: ends,
        tls_version: None,
        throttled_until: None,
        suspended_until: None,
        places: EnumMap::default(),
        ews_ends: None,
        mailboxes: 1,
        trouble,
        decided,
    };
    let mut org = Org::young().with(|policy| policy.probes_exchange = true);
    let facts = SourceFacts { probe: Some(Arc::new(probe)), ..SourceFacts::default() };
    let state = SourceState { failing: None, facts };
    Arc::make_mut(&mut org.0.source_states).set("exchange", Some(state));
    org
}

#[test]
fn what_a_probe_finds_refutes_what_comes_before_it_and_says_nothing_of_what_it_hides() {
    for (place, cause) in OF_EXCHANGE.iter().enumerate() {
        let org = probed(Some((*cause, at(-60))), true, None);
        let words = OF_EXCHANGE.map(|cause| org.on(cause, NOON));
        let expected: [Answer; 4] = std::array::from_fn(|other| match other.cmp(&place) {
            Ordering::Less => Refuted,
            Ordering::Equal => Holds(Critical, at(-60)),
            Ordering::Greater => Unknown,
        });
        assert_eq!(words, expected, "{cause}");
    }
    for (decided, word) in [(true, Refuted), (false, Unknown)] {
        let org = probed(None, decided, None);
        assert_eq!(OF_EXCHANGE.map(|cause| org.on(cause, NOON)), [word; 4]);
    }
}

#[test]
fn a_probe_wakes_nobody_while_records_sync_or_where_the_page_shows_an_x() {
    let cause = Cause::ExchangeAccountRefused;
    let org = |minutes| probed(Some((cause, at(-60))), true, None).synced(at(minutes), at(-1));
    assert_eq!(org(-60).on(cause, NOON), Holds(Critical, at(-60)));
    assert_eq!(org(-59).on(cause, NOON), Holds(Warning, at(-60)));
    let page = |cause, mark| {
        let org = probed(Some((cause, at(-60))), true, None);
        org.page(ServiceAccountRecognized, OrgValue::Flag(mark), at(-1)).on(cause, NOON)
    };
    assert_eq!(page(cause, false), Holds(Warning, at(-60)));
    assert_eq!(page(cause, true), Holds(Critical, at(-60)));
    let unreachable = Cause::ExchangeUnreachable;
    assert_eq!(page(unreachable, false), Holds(Critical, at(-60)));
}

#[test]
fn a_probe_explains_pages_while_it_pages_and_until_sync_could_recover() {
    let (cause, stopped) = (Cause::ExchangeEwsOff, Cause::NoSyncIn24Hours);
    let last = at(-A_DAY - 60);
    let org = |trouble| probed(trouble, true, None).synced(last, at(-5));
    let pages = org(Some((cause, at(-A_DAY))));
    assert_eq!(explained_by(&pages, stopped, NOON), Some(cause));
    assert_eq!(judged(&pages, NOON).deadlines[CONTACTS], Timestamp::MAX);
    let warns = org(Some((cause, last.minus(TICK))));
    assert_eq!(warns.on(cause, NOON), Holds(Warning, last.minus(TICK)));
    assert_eq!(explained_by(&warns, stopped, NOON), None, "sync stopped for a reason of its own");
    assert_eq!(judged(&warns, NOON).deadlines[CONTACTS], at(-60));
    let over = |severity| {
        let ended = Incident { ended: Some(at(-60)), ..open(severity, at(-900)) };
        org(None).found(of_org(cause), ended)
    };
    assert_eq!(explained_by(&over(Critical), stopped, at(60).minus(TICK)), Some(cause));
    assert_eq!(judged(&over(Critical), NOON).deadlines[CONTACTS], at(60));
    assert_eq!(explained_by(&over(Critical), stopped, at(60)), None);
    assert_eq!(explained_by(&over(Warning), stopped, NOON), None);
    // As a warning it explains what wakes nobody either.
    let of = |severity| finding(&warns.0, of_org(cause), severity, NOON, None);
    let zero = of_object(Cause::NothingIn24Hours, CONTACTS);
    let zero = |severity| finding(&warns.0, zero, severity, NOON, None);
    assert!(of(Warning).explains(&zero(Warning)) && of(Critical).explains(&zero(Critical)));
    assert!(!of(Warning).explains(&zero(Critical)));
}

#[test]
fn one_account_that_is_refused_is_one_page_whoever_finds_it_first() {
    let [page, logs, probe] = ACCOUNT_REFUSED;
    let reason = SignInRefusal::LockedOut;
    let found = LoggedRefusals { since: at(-30), latest: at(-10), reason };
    let shown = || {
        let org = probed(Some((probe, at(-60))), true, None);
        let org = org.page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5));
        org.logs(NOON, |calls| calls.refused = Some(found))
    };
    let of_all = |org: &Org, now| {
        ACCOUNT_REFUSED.map(|cause| match org.on(cause, now) {
            Holds(severity, _) => severity,
            other @ (Refuted | Unknown) => panic!("{cause}: {other:?}"),
        })
    };
    assert_eq!(of_all(&shown(), NOON), [Critical, Warning, Warning], "all at once");
    // Whoever paged goes on, and the others are no page.
    let paged = open(Critical, at(-60));
    for (first, expected) in [
        (page, [Critical, Warning, Warning]),
        (logs, [Warning, Critical, Warning]),
        (probe, [Warning, Warning, Critical]),
    ] {
        assert_eq!(of_all(&shown().found(of_org(first), paged), NOON), expected, "{first}");
    }
    // The one that paged has ended; what is left has time to recover, and pages after that.
    let org = Org::young().page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5));
    let two_hours = TimeDelta::hours(2);
    for first in [logs, probe] {
        let over = |severity| Incident { ended: Some(NOON), ..open(severity, at(-60)) };
        let left = |severity| {
            let org = Org::young().page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5));
            org.found(of_org(first), over(severity)).found(of_org(page), open(Warning, at(-5)))
        };
        let until = NOON.plus(two_hours);
        assert_eq!(left(Critical).on(page, until.minus(TICK)), Holds(Warning, at(-5)));
        assert_eq!(left(Critical).on(page, until), Holds(Critical, at(-5)));
        assert_eq!(left(Warning).on(page, NOON), Holds(Critical, at(-5)), "it woke nobody");
    }
    // A page that returns and wakes nobody holds back what the probe sees, and not the logs.
    let calm = Incident { calm_until: Some(at(60)), ..open(Warning, at(-60)) };
    let returned = shown().found(of_org(page), calm);
    assert_eq!(of_all(&returned, NOON), [Warning, Critical, Warning]);
    let unlogged = probed(Some((probe, at(-60))), true, None).found(of_org(page), calm);
    let unlogged = unlogged.page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5));
    assert_eq!(unlogged.on(probe, NOON), Holds(Warning, at(-60)));
    // Other causes page beside it, and a probe that wakes nobody holds back no page.
    let other = org.found(of_org(probe), open(Warning, at(-900)));
    assert_eq!(other.on(page, NOON), Holds(Critical, at(-5)));
    let other = Org::young().page(LinkedUsers, ZERO, at(-5)).found(of_org(page), paged);
    assert_eq!(other.on(Cause::NoLinkedUsers, NOON), Holds(Critical, at(-5)));
    let ews = probed(Some((Cause::ExchangeEwsOff, at(-60))), true, None);
    let ews = ews.found(of_org(page), paged);
    assert_eq!(ews.on(Cause::ExchangeEwsOff, NOON), Holds(Critical, at(-60)));
}

#[test]
fn a_certificate_of_exchange_is_a_warning_three_weeks_before_its_end() {
    let cause = Cause::ExchangeCertificateEnding;
    let ends = NOON.plus(TimeDelta::days(21));
    assert_eq!(probed(None, true, Some(ends.plus(TICK))).on(cause, NOON), Refuted);
    assert_eq!(probed(None, true, Some(ends)).on(cause, NOON), Holds(Warning, NOON));
    let late = probed(None, true, Some(ends.minus(TimeDelta::days(1))));
    assert_eq!(late.on(cause, NOON), Holds(Warning, at(-A_DAY)));
    assert_eq!(probed(None, true, None).on(cause, NOON), Unknown);
}

#[test]
fn what_a_probe_found_ends_when_nobody_probes_any_more_and_not_by_a_restart() {
    let cause = Cause::ExchangeEwsOff;
    let incident = Incident {
        severity: Critical,
        since: at(-60),
        users: None,
        first_sync: None,
        synced_before: None,
        ended: None,
        calm_until: None,
    };
    let org = |probes| {
        let org = Org::young().with(|policy| policy.probes_exchange = probes);
        org.found(of_org(cause), incident)
    };
    assert_eq!(org(true).on(cause, NOON), Unknown);
    assert_eq!(org(false).on(cause, NOON), Refuted);
    assert_eq!(Org::young().on(cause, NOON), Unknown);
    assert_eq!(org(false).on(Cause::ExchangeUnreachable, NOON), Unknown);
}

fn canary(change: impl FnOnce(&mut CanaryReport), failing: Option<Timestamp>) -> Org {
    let lane = LaneReport {
        class: CanaryClass::Plain,
        state: CanaryState::InTime,
        last_proof: Some(at(-5)),
        last_round_trip: Some(TimeDelta::minutes(3)),
        allowed: TimeDelta::minutes(10),
        late_since: None,
        trips: VecDeque::new(),
    };
    let mut report = CanaryReport {
        lanes: EnumMap::from_fn(|_| EnumMap::from_fn(|_| Some(lane.clone()))),
        every: TimeDelta::minutes(30),
        leftovers: Vec::new(),
    };
    change(&mut report);
    let facts = SourceFacts { canary: Some(Arc::new(report)), ..SourceFacts::default() };
    let failing = failing.map(|since| PollFailing { since, reason: "timeout", advice: "" });
    let mut org = Org::young().with(|policy| policy.runs_canary = true);
    let states = Arc::make_mut(&mut org.0.source_states);
    states.set("canary", Some(SourceState { failing, facts }));
    org
}

fn late(report: &mut CanaryReport, direction: Direction) {
    let lane = report.lanes[ObjectType::Events][direction].as_mut().unwrap();
    (lane.state, lane.late_since) = (CanaryState::Late, Some(at(-20)));
}

#[test]
fn a_late_canary_pages_for_its_direction_alone_unless_a_root_cause_explains_it() {
    let cause = Cause::CanaryLate;
    let org = canary(|report| late(report, Direction::ToExchange), None);
    let on = |org: &Org, row| org.on_check(cause, row, NOON);
    assert_eq!(on(&org, UserRow::EventsToExchange), Holds(Critical, at(-20)));
    for row in
        [UserRow::EventsToSalesforce, UserRow::ContactsToExchange, UserRow::ContactsToSalesforce]
    {
        assert_eq!(on(&org, row), Refuted);
    }
    let found = |org: &Org| {
        let findings = judged(org, NOON).findings;
        findings.into_iter().find(|found| found.cause == cause).unwrap()
    };
    assert_eq!(found(&org).held_back_by, None);
    let refused = Subject { cause: Cause::ExchangeAccountRefused, object_type: None, check: None };
    let explained = org.found(refused, open(Critical, at(-30)));
    let explained = explained.with(|policy| policy.probes_exchange = true);
    assert_eq!(found(&explained).held_back_by, Some(Cause::ExchangeAccountRefused));
    // In the first set-up, and before work begins, it is no news.
    let org = canary(|report| late(report, Direction::ToExchange), None);
    let young = org.with(|policy| policy.setup_until = Some(at(60)));
    assert_eq!(on(&young, UserRow::EventsToExchange), Refuted);
    let ended = young.with(|policy| policy.retirement = Some(NOON));
    assert_eq!(on(&ended, UserRow::EventsToExchange), Refuted);
    // What became late at night is news a quarter of an hour after work began.
    let (since, opening) = (at(-4 * 60 - 30), at(-4 * 60));
    let night = |report: &mut CanaryReport| {
        late(report, Direction::ToExchange);
        let lane = &mut report.lanes[ObjectType::Events][Direction::ToExchange];
        lane.as_mut().unwrap().late_since = Some(since);
    };
    let night = canary(night, None).in_business_hours();
    let on = |now| night.on_check(cause, UserRow::EventsToExchange, now);
    let quarter = opening.plus(TimeDelta::minutes(15));
    assert_eq!((on(quarter), on(quarter.minus(TICK))), (Holds(Critical, since), Refuted));
}

#[test]
fn a_canary_that_fails_says_nothing_of_the_sync_and_is_no_failing_poll() {
    let failing = |report: &mut CanaryReport| {
        for lane in report.lanes.values_mut().flat_map(EnumMap::values_mut).flatten() {
            lane.state = CanaryState::Failing;
        }
    };
    let org = canary(failing, Some(at(-15)));
    assert_eq!(org.on(Cause::CanaryFailing, NOON), Holds(Warning, at(-15)));
    assert_eq!(org.on(Cause::PollFailing, NOON), Refuted);
    assert_eq!(org.on_check(Cause::CanaryLate, UserRow::EventsToExchange, NOON), Unknown);
    let org = canary(failing, Some(at(-15).plus(TICK)));
    assert_eq!(org.on(Cause::CanaryFailing, NOON), Refuted);
    let leftover = Leftover {
        object_type: ObjectType::Events,
        direction: Direction::ToExchange,
        on_other_side: true,
        title: "Sync canary".to_owned(),
        written_at: at(-A_DAY - 7),
    };
    let newer = Leftover { written_at: at(-A_DAY - 3), ..leftover.clone() };
    let org = canary(|report| report.leftovers = vec![newer, leftover], None);
    assert_eq!(org.on(Cause::CanaryLeftovers, NOON), Holds(Warning, at(-7)));
    // A restart ends nothing, and without a canary there is nothing to find.
    let subject = Subject { cause: Cause::CanaryFailing, object_type: None, check: None };
    let found = Org::young().found(subject, open(Warning, at(-60)));
    assert_eq!(found.on(Cause::CanaryFailing, NOON), Refuted);
    let restarted = found.with(|policy| policy.runs_canary = true);
    assert_eq!(restarted.on(Cause::CanaryFailing, NOON), Unknown);
}

const QUIET: Cause = Cause::UnusuallyQuiet;

/// Thirty records are usual in each hour, and the last is of so many minutes before noon.
fn quiet_since(minutes: i64) -> Org {
    Org::new().fed(at(-9 * A_DAY), Some(at(-minutes)), (1, 1)).with_rhythm(30)
}

#[test]
fn a_silence_at_hours_that_always_had_records_is_a_warning() {
    let org = quiet_since(62);
    // The feed may be a minute late.
    assert_eq!(org.on_contacts(QUIET, at(1)), Holds(Warning, at(-62)));
    assert_eq!(org.on_contacts(QUIET, at(1).minus(TICK)), Refuted);
    let subject = of_object(QUIET, CONTACTS);
    assert_eq!(org.word(subject, false, at(1)), Unknown, "an old View has no counts");
    assert_eq!(Org::new().with_rhythm(30).on_contacts(QUIET, at(1)), Unknown, "never synced");
    assert_eq!(
        quiet_since(A_DAY + 1).on_contacts(QUIET, at(1)),
        Refuted,
        "that is another finding"
    );
    let zero = Org::new().fed(at(-9 * A_DAY), Some(at(-A_DAY)), (0, 0)).with_rhythm(30);
    let zero = zero.with(|policy| policy.stale_after = TimeDelta::hours(48));
    assert!(matches!(zero.on_contacts(Cause::NothingIn24Hours, NOON), Holds(..)));
    assert_eq!(zero.on_contacts(QUIET, at(1)), Refuted, "so is that");
}

#[test]
fn a_silence_is_judged_only_where_it_is_wanted_and_nobody_leaves() {
    let off = quiet_since(62).with(|policy| policy.unusually_quiet = false);
    assert_eq!(off.on_contacts(QUIET, at(1)), Refuted);
    let leaving = |since| quiet_since(62).with(|policy| policy.migrating_since = Some(since));
    assert_eq!(leaving(at(1)).on_contacts(QUIET, at(1)), Refuted);
    assert_eq!(leaving(at(1).plus(TICK)).on_contacts(QUIET, at(1)), Holds(Warning, at(-62)));
}

#[test]
fn a_silence_of_a_feed_that_may_be_broken_is_no_word() {
    let org = |change: fn(&mut crate::view::OrgView)| {
        let mut org = quiet_since(62);
        change(&mut org.0);
        org.on_contacts(QUIET, at(1))
    };
    assert_eq!(org(|view| view.usual = None), Unknown);
    assert_eq!(org(|view| view.feed_delay = Default::default()), Unknown);
    assert_eq!(org(|view| view.activity[CONTACTS].covered_since = None), Unknown);
    assert_eq!(org(|view| view.caught_up_at = at(1)), Holds(Warning, at(-62)));
    assert_eq!(org(|view| view.caught_up_at = at(2)), Unknown);
    assert_eq!(
        org(|view| view.activity[CONTACTS].covered_since = Some(at(-62))),
        Holds(Warning, at(-62))
    );
    assert_eq!(org(|view| view.activity[CONTACTS].covered_since = Some(at(-60))), Refuted, "a gap");
    // A feed that reports every five minutes: what it has reported on, and while it does.
    let reported = |last: i64| {
        let mut org = quiet_since(62).with(|policy| {
            policy.expected_every[Source::Activity] = Some(TimeDelta::minutes(5));
        });
        org.0.last_report[Source::Activity] = Some(at(last));
        org
    };
    assert_eq!(reported(1).on_contacts(QUIET, at(11)), Holds(Warning, at(-62)));
    assert_eq!(reported(1).on_contacts(QUIET, at(11).plus(TICK)), Unknown);
    assert_eq!(reported(0).on_contacts(QUIET, at(9)), Refuted);
}

#[test]
fn a_silence_that_was_found_ends_by_a_sync_alone() {
    let found = |since| {
        let mut org = quiet_since(62).found(of_object(QUIET, CONTACTS), open(Warning, since));
        org.0.usual = None;
        org
    };
    assert_eq!(found(at(-62)).on_contacts(QUIET, at(1)), Holds(Warning, at(-62)), "a restart");
    assert_eq!(found(at(-62).minus(TICK)).on_contacts(QUIET, at(1)), Refuted, "a newer one came");
    let mut still = quiet_since(62).found(of_object(QUIET, CONTACTS), open(Warning, at(-63)));
    assert_eq!(still.on_contacts(QUIET, at(1)), Holds(Warning, at(-62)), "a late one came");
    still.0.activity[CONTACTS].last_synced = Some(at(-1));
    assert_eq!(still.on_contacts(QUIET, at(1)), Refuted);
}

#[test]
fn the_early_warning_is_no_news_beside_what_explains_it() {
    let org = quiet_since(62).page(ServiceAccountRecognized, OrgValue::Flag(false), at(-5));
    let by = explained_by(&org, QUIET, at(1));
    assert_eq!(by, Some(Cause::ServiceAccountNotRecognized));
    assert_eq!(explained_by(&quiet_since(62), QUIET, at(1)), None);
}
