//! What is remembered, and until when.

use super::*;
use crate::judge::judge_org;
use crate::judge::tests::fixture::{Answer, DAY, NOON, Org, TICK, at, open};
use crate::rows::{OrgRow, OrgValue};
use Severity::{Critical, Warning};

const CAUSE: Cause = Cause::ServiceAccountNotRecognized;
const SUBJECT: Subject = Subject { cause: CAUSE, object_type: None, check: None };

fn recognized(org: Org, yes: bool, at: Timestamp) -> Org {
    org.page(OrgRow::ServiceAccountRecognized, OrgValue::Flag(yes), at)
}

/// The organisation as the engine leaves it at `now`, and whether anything was to be remembered.
fn ticked(mut org: Org, now: Timestamp) -> (Org, bool) {
    let next = Incidents::after(&org.0, now);
    let changed = next.is_some();
    if let Some(next) = next {
        org.0.incidents = next.into();
    }
    (org, changed)
}

fn incident(org: &Org, subject: Subject) -> Option<Incident> {
    org.0.incidents.get(subject).copied()
}

#[test]
fn the_calm_after_a_root_cause_lasts_a_day_and_is_never_shortened() {
    let held = open(Critical, NOON);
    assert_eq!(held.calm_until(), None);
    let ended = Incident { ended: Some(NOON), ..held };
    assert_eq!(ended.calm_until(), Some(at(DAY)));
    assert_eq!(Incident { calm_until: Some(at(9)), ..ended }.calm_until(), Some(at(DAY)));
    let longer = Some(at(DAY + 9));
    assert_eq!(Incident { calm_until: longer, ..ended }.calm_until(), longer);
    assert_eq!(Incident { calm_until: longer, ..held }.calm_until(), longer);
}

#[test]
fn what_has_ended_is_there_and_not_open() {
    let ended = Incident { ended: Some(NOON), ..open(Critical, at(-9)) };
    let org = Org::new().found(SUBJECT, ended);
    assert_eq!(org.0.incidents.get(SUBJECT), Some(&ended));
    assert_eq!(org.0.incidents.open(SUBJECT), None);
    assert_eq!(org.0.incidents.ended().collect::<Vec<_>>(), [(CAUSE, Severity::Critical, NOON)]);
    let org = org.found(SUBJECT, open(Critical, at(-9)));
    assert_eq!(org.0.incidents.open(SUBJECT), Some(&open(Critical, at(-9))));
    assert_eq!(org.0.incidents.ended().count(), 0);
}

#[test]
fn a_root_cause_that_returns_within_a_day_is_the_same_incident() {
    let (org, _) = ticked(recognized(Org::young(), false, at(-20)), at(-19));
    assert_eq!(incident(&org, SUBJECT), Some(open(Critical, at(-20))));
    let (org, changed) = ticked(org, at(-18));
    assert!(!changed, "nothing new is nothing to store");

    let (org, _) = ticked(recognized(org, true, at(-1)), NOON);
    let ended = Incident { ended: Some(NOON), ..open(Critical, at(-20)) };
    assert_eq!(incident(&org, SUBJECT), Some(ended));
    let (org, changed) = ticked(org, at(1));
    assert!(!changed, "it ended once");

    let returned = || recognized(Org::young(), false, at(30)).found(SUBJECT, ended);
    let (org, _) = (ticked(returned(), at(31)).0, org);
    let expected = Incident { calm_until: Some(at(DAY)), ..open(Warning, at(-20)) };
    assert_eq!(incident(&org, SUBJECT), Some(expected), "since the first time, and calm");
    let (org, _) = ticked(org, at(DAY).minus(TICK));
    assert_eq!(incident(&org, SUBJECT), Some(expected));
    let (org, _) = ticked(org, at(DAY));
    assert_eq!(incident(&org, SUBJECT), Some(open(Critical, at(-20))), "a day later a page");
}

#[test]
fn after_a_day_it_is_forgotten_and_what_returns_is_new() {
    let ended = Incident { ended: Some(NOON), ..open(Critical, at(-20)) };
    let (org, _) = ticked(Org::young().found(SUBJECT, ended), at(DAY).minus(TICK));
    assert_eq!(incident(&org, SUBJECT), Some(ended));
    let (org, _) = ticked(org, at(DAY));
    assert_eq!(incident(&org, SUBJECT), None);
    let (org, _) = ticked(recognized(org, false, at(DAY + 5)), at(DAY + 6));
    assert_eq!(incident(&org, SUBJECT), Some(open(Critical, at(DAY + 5))));
    assert_eq!(org.on(CAUSE, at(DAY + 6)), Answer::Holds(Critical, at(DAY + 5)));
}

#[test]
fn what_is_no_root_cause_is_forgotten_when_it_ends() {
    let subject = Subject { cause: Cause::OutlookIntegrationDisabled, ..SUBJECT };
    let org = Org::young().with(|policy| policy.reps_select_events = true);
    let flag = |org: Org, on, at| org.page(OrgRow::OutlookIntegration, OrgValue::Flag(on), at);
    let (org, _) = ticked(flag(org, false, at(-20)), at(-19));
    assert_eq!(incident(&org, subject), Some(open(Severity::Info, at(-20))));
    let (org, _) = ticked(flag(org, true, at(-1)), NOON);
    assert_eq!(incident(&org, subject), None);
}

#[test]
fn what_is_about_an_object_that_is_not_synced_any_more_is_forgotten() {
    let of = |object| Subject { cause: Cause::Delayed, object_type: Some(object), check: None };
    let org = Org::young().with(|policy| policy.objects = vec![ObjectType::Contacts]);
    let org = org
        .found(of(ObjectType::Contacts), open(Severity::Info, at(-9)))
        .found(of(ObjectType::Events), open(Severity::Info, at(-9)));
    let (org, _) = ticked(org, at(-1));
    assert!(incident(&org, of(ObjectType::Contacts)).is_some());
    assert_eq!(incident(&org, of(ObjectType::Events)), None);
}

#[test]
fn what_counts_show_is_remembered_as_what_rows_show() {
    let object_type = Some(ObjectType::Contacts);
    let subject = Subject { cause: Cause::NothingIn24Hours, object_type, check: None };
    let row = OrgRow::Synced24h(ObjectType::Contacts);
    let (org, _) = ticked(Org::young().page(row, OrgValue::Count(0), at(-5)), NOON);
    assert_eq!(incident(&org, subject), Some(open(Critical, at(-5))));
    // Nobody reads anything after it: the zero stands.
    let (org, _) = ticked(org, at(9 * DAY));
    assert_eq!(org.on_contacts(subject.cause, at(9 * DAY)), Answer::Unknown);
    assert_eq!(incident(&org, subject), Some(open(Critical, at(-5))));
    let found = judge_org(&org.0, true, at(9 * DAY));
    let found = found.iter().find(|found| found.cause == subject.cause);
    assert_eq!(found.and_then(|found| found.since), Some(at(-5)));
}

#[test]
fn what_a_day_had_is_remembered_from_when_the_cause_was_found() {
    let fed = |org: Org, counts| org.fed(at(-7 * DAY), Some(at(-20)), counts);
    let remembered = |org: &Org| incident(org, SUBJECT).unwrap().synced_before;
    let (org, _) = ticked(fed(recognized(Org::young(), false, at(-20)), (7, 480)), at(-19));
    assert_eq!(remembered(&org), Some(960));
    let (org, changed) = ticked(fed(org, (1, 30)), at(-9));
    assert_eq!((remembered(&org), changed), (Some(960), false));
}
