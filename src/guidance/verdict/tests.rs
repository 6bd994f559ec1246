//! Root causes, combinations, and the kinds of not knowing.

mod fixture;

use super::*;
use crate::domain::calendar::Calendar;
use crate::domain::ids::OrgName;
use crate::domain::judge::judge_org;
use crate::domain::rows::{OrgValue, UserRow};
use crate::guidance::Owner;
use chrono::TimeDelta;
use fixture::{NOW, ReadOrg, ago};

impl ReadOrg {
    /// Level, headline, sentence, and who acts.
    fn summed(&self) -> (Level, String, String, Option<Owner>) {
        let verdict = self.verdict();
        let owner = verdict.next_step.map(|step| step.owner);
        (verdict.level, verdict.headline, verdict.sentence, owner)
    }
}

fn summed(
    level: Level,
    headline: &str,
    sentence: &str,
    owner: Option<Owner>,
) -> (Level, String, String, Option<Owner>) {
    (level, headline.into(), sentence.into(), owner)
}

fn held_back(verdict: &Verdict) -> Vec<(Cause, Cause)> {
    let pairs = verdict.held_back.iter();
    pairs.map(|held| (held.cause, held.held_back_by.unwrap())).collect()
}

#[test]
fn a_live_source_that_saw_syncs_makes_it_fine_and_leaves_nothing_to_do() {
    let org = ReadOrg::read(1).synced(1).with(|policy| policy.fresh_within = TimeDelta::hours(2));
    assert_eq!(
        org.summed(),
        summed(
            Level::Fine,
            "FINE",
            "Contacts synced 60 min ago (03:00), events synced 60 min ago (03:00).",
            None
        )
    );
}

#[test]
fn nothing_known_is_unknown_and_asks_for_a_source() {
    let org = ReadOrg::unread();
    assert_eq!(
        org.summed(),
        summed(
            Level::Unknown,
            "UNKNOWN",
            "No source has ever reported whether contacts and events sync.",
            Some(Owner::Monitoring)
        )
    );
}

#[test]
fn an_organisation_of_the_last_hour_is_unknown_too_and_never_fine() {
    let mut org = ReadOrg::unread();
    org.view.known_since = NOW.minus(TimeDelta::minutes(5));
    assert_eq!(
        org.summed(),
        summed(
            Level::Unknown,
            "UNKNOWN",
            "No source has reported yet whether anything syncs.",
            Some(Owner::Monitoring)
        )
    );
}

#[test]
fn what_nobody_confirms_any_more_is_held_and_neither_fine_nor_unknown() {
    let org = ReadOrg::read(60).synced(60);
    assert_eq!(
        org.summed(),
        summed(
            Level::Held,
            "STALE, last reported Sat 16:00",
            "We no longer know whether contacts and events sync: last reported 60 h ago (Sat 16:00).",
            Some(Owner::Monitoring)
        )
    );
    assert_eq!(org.verdict().held_as_of, Some(ago(60)));
}

#[test]
fn one_object_type_that_no_source_ever_reported_makes_it_unknown_and_not_held() {
    let mut org =
        ReadOrg::read(60).shows(OrgRow::LastSync(ObjectType::Contacts), OrgValue::Instant(ago(61)));
    org.view.known_since = ago(70);
    assert_eq!(org.summed().0, Level::Unknown);
}

#[test]
fn a_refused_account_is_named_and_explains_what_follows_from_it() {
    let org = ReadOrg::read(0)
        .synced(26)
        .shows(OrgRow::ServiceAccountProvided, OrgValue::Account(Some("svc-sfsync".into())))
        .shows(OrgRow::ServiceAccountRecognized, OrgValue::Flag(false))
        .failing(UserRow::ServiceAccount, 40);
    assert_eq!(
        org.summed(),
        summed(
            Level::Broken,
            "BROKEN since 02:10",
            "Salesforce does not accept svc-sfsync.",
            Some(Owner::ExchangeAdmin)
        )
    );
    let verdict = org.verdict();
    assert_eq!(verdict.cause, Some(Cause::ServiceAccountNotRecognized));
    assert_eq!(verdict.acting.len(), 1);
    let cause = Cause::ServiceAccountNotRecognized;
    assert_eq!(
        held_back(&verdict),
        [
            (Cause::NoSyncIn24Hours, cause),
            (Cause::NoSyncIn24Hours, cause),
            (Cause::UsersFailing, cause),
        ]
    );
}

#[test]
fn a_missing_account_stands_before_everything_else() {
    let org = ReadOrg::read(0)
        .synced(30)
        .shows(OrgRow::ServiceAccountProvided, OrgValue::Account(None))
        .shows(OrgRow::ServiceAccountRecognized, OrgValue::Flag(false));
    assert_eq!(
        org.summed(),
        summed(
            Level::Broken,
            "BROKEN since 02:10",
            "Salesforce has no Exchange service account.",
            Some(Owner::SalesforceAdmin)
        )
    );
}

#[test]
fn no_linked_users_go_to_the_vendor() {
    let org = ReadOrg::read(0).synced(26).shows(OrgRow::LinkedUsers, OrgValue::Count(0));
    assert_eq!(
        org.summed(),
        summed(
            Level::Broken,
            "BROKEN since 02:10",
            "No user is linked between Salesforce and Exchange.",
            Some(Owner::SalesforceSupport)
        )
    );
}

#[test]
fn a_stop_of_both_object_types_is_one_sentence() {
    let org = ReadOrg::read(0).synced(26);
    assert_eq!(
        org.summed(),
        summed(
            Level::Broken,
            "BROKEN since 02:00",
            "Contacts and events have not synced for 26 h or longer (since Mon 02:00 or before).",
            Some(Owner::SalesforceAdmin)
        )
    );
}

#[test]
fn a_stop_of_one_object_type_names_it_and_holds_back_the_users() {
    let org = ReadOrg::read(0)
        .shows(OrgRow::LastSync(ObjectType::Contacts), OrgValue::Instant(ago(26)))
        .shows(OrgRow::LastSync(ObjectType::Events), OrgValue::Instant(NOW))
        .failing(UserRow::ContactsFolder, 3);
    assert_eq!(org.summed().2, "Contacts have not synced for 26 h (since Mon 02:00).");
    assert_eq!(held_back(&org.verdict()), [(Cause::UsersFailing, Cause::NoSyncIn24Hours)]);
}

#[test]
fn a_stop_that_nobody_has_confirmed_lately_is_broken_as_last_reported() {
    let org = ReadOrg::read(60).synced(90);
    assert_eq!(
        org.summed(),
        summed(
            Level::Broken,
            "BROKEN since Sat 10:00, last reported Sat 16:00",
            "Contacts and events had not synced for 30 h or longer when somebody last looked.",
            Some(Owner::SalesforceAdmin)
        )
    );
}

#[test]
fn failing_users_lead_to_the_steps_of_their_check() {
    let org = ReadOrg::read(0).synced(0).failing(UserRow::ServiceAccount, 3);
    assert_eq!(
        org.summed(),
        summed(
            Level::Attention,
            "ATTENTION since Mon 19:00",
            "The service account cannot open 3 of 40 users.",
            Some(Owner::ExchangeAdmin)
        )
    );
    let one = ReadOrg::read(0).synced(0).failing(UserRow::ContactsFolder, 1);
    assert_eq!(one.summed().2, "1 of 40 users has no Salesforce_Sync folder.");
}

#[test]
fn an_unexpected_number_of_linked_users_comes_with_both_numbers() {
    let org = ReadOrg::read(0)
        .synced(0)
        .with(|policy| policy.expected_linked_users = Some(40))
        .shows(OrgRow::LinkedUsers, OrgValue::Count(38));
    assert_eq!(
        org.summed(),
        summed(
            Level::Attention,
            "ATTENTION since 02:10",
            "38 users are linked, 40 expected.",
            Some(Owner::SalesforceAdmin)
        )
    );
}

#[test]
fn a_delay_is_watched_and_waited_for() {
    let org = ReadOrg::read(0).synced(3);
    assert_eq!(
        org.summed(),
        summed(
            Level::Watch,
            "WATCH since 01:15",
            "Contacts last synced 3 h ago (01:00), events last synced 3 h ago (01:00).",
            Some(Owner::Wait)
        )
    );
}

#[test]
fn a_set_up_without_a_sync_waits_with_its_end() {
    let until = Timestamp::from_seconds(1_796_083_200);
    let org = ReadOrg::unread().with(|policy| policy.setup_until = Some(until));
    assert_eq!(
        org.summed(),
        summed(Level::Waiting, "SETTING UP until 2026-12-01", "Nothing has synced yet.", None)
    );
}

#[test]
fn a_source_that_reports_before_the_first_sync_makes_it_wait() {
    let mut org = ReadOrg::read(0);
    org.view.known_since = ago(2);
    assert_eq!(
        org.summed(),
        summed(Level::Waiting, "WAITING for the first sync", "Nothing has synced yet.", None)
    );
}

#[test]
fn what_has_synced_stands_beside_what_waits() {
    let mut org = ReadOrg::read(0).shows(
        OrgRow::LastSync(ObjectType::Contacts),
        OrgValue::Instant(NOW.minus(TimeDelta::minutes(3))),
    );
    org.view.known_since = ago(2);
    assert_eq!(
        org.summed(),
        summed(
            Level::Waiting,
            "WAITING for the first sync",
            "Events have not synced yet, contacts synced 3 min ago (03:57).",
            None
        )
    );
}

#[test]
fn where_only_counts_are_reported_they_say_within_which_span_it_synced() {
    let counts = |org: ReadOrg, hour: u64| {
        let fresh = org.shows(OrgRow::Synced60m(ObjectType::Contacts), OrgValue::Count(hour));
        fresh.shows(OrgRow::Synced24h(ObjectType::Contacts), OrgValue::Count(5)).with(|policy| {
            policy.objects.retain(|object| *object == ObjectType::Contacts);
        })
    };
    let fine = |words: &str| summed(Level::Fine, "FINE", words, None);
    assert_eq!(
        counts(ReadOrg::read(0), 3).summed(),
        fine("Contacts synced within the last 60 minutes.")
    );
    let quiet = counts(ReadOrg::read(0), 0).with(|policy| policy.calendar = Calendar::Always);
    assert_eq!(
        counted(ObjectType::Contacts, &quiet.view, NOW).unwrap(),
        "within the last 24 hours"
    );
    let read_before = counts(ReadOrg::read(5), 3).summed();
    assert_eq!(read_before, fine("Contacts synced within the 60 minutes before Mon 23:00."));
    let stale = counts(ReadOrg::read(60), 3);
    let (level, _, words, _) = stale.summed();
    assert_eq!(
        (level, words.as_str()),
        (
            Level::Held,
            "We no longer know whether contacts sync: last reported 60 h ago (Sat 16:00)."
        )
    );
}

#[test]
fn never_synced_for_days_is_broken() {
    let org = ReadOrg::read(0);
    assert_eq!(org.summed().0, Level::Broken);
    assert_eq!(org.summed().2, "Contacts and events have never synced.");
}

#[test]
fn after_the_retirement_nothing_is_broken() {
    let org = ReadOrg::read(0)
        .synced(26)
        .shows(OrgRow::ServiceAccountRecognized, OrgValue::Flag(false))
        .with(|policy| policy.retirement = Some(ago(48)));
    assert_eq!(
        org.summed(),
        summed(
            Level::Retired,
            "RETIRED since Sun 04:00",
            "Lightning Sync ended Sun 04:00.",
            Some(Owner::SalesforceAdmin)
        )
    );
}

#[test]
fn a_far_retirement_does_not_hide_that_all_is_fine() {
    let org = ReadOrg::read(0)
        .synced(0)
        .with(|policy| policy.retirement = Some(NOW.plus(TimeDelta::days(60))));
    let verdict = org.verdict();
    assert_eq!((verdict.level, verdict.cause), (Level::Fine, Some(Cause::RetirementNear)));
    assert_eq!(
        verdict.acting.first().map(|f| describe(f, &org.view, NOW)),
        Some("Lightning Sync ends in 60 days.".to_owned())
    );
}

#[test]
fn a_near_retirement_asks_for_attention() {
    let org = ReadOrg::read(0)
        .synced(0)
        .with(|policy| policy.retirement = Some(NOW.plus(TimeDelta::days(20))));
    assert_eq!(
        (org.summed().0, org.summed().2),
        (Level::Attention, "Lightning Sync ends in 20 days.".to_owned())
    );
}

#[test]
fn findings_of_another_organisation_are_passed_over() {
    let broken = ReadOrg::read(0).synced(26);
    let mut findings = judge_org(&broken.view, true, NOW);
    for finding in &mut findings {
        finding.org = OrgName::new("other").unwrap();
    }
    let fine = ReadOrg::read(0).synced(0);
    assert_eq!(verdict(&findings, &fine.view, NOW).level, Level::Fine);
}

fn bare(cause: Cause) -> Finding {
    Finding {
        held_back_by: None,
        severity: Severity::Warning,
        cause,
        org: OrgName::new("acme").unwrap(),
        object_type: None,
        check: None,
        since: None,
        users: None,
    }
}

#[test]
fn every_cause_has_a_sentence_even_without_facts() {
    let org = ReadOrg::unread();
    for cause in Cause::ALL {
        let text = describe(&bare(*cause), &org.view, NOW);
        assert!(text.starts_with(char::is_uppercase) && text.ends_with('.'), "{cause}: {text}");
    }
}

#[test]
fn resets_first_syncs_and_zeros_come_with_their_figures() {
    let org = ReadOrg::read(0).synced(30);
    let sentence_of = |finding: Finding| describe(&finding, &org.view, NOW);
    for (cause, users, sentence) in [
        (Cause::ResetStuck, 1, "A reset has lasted more than 4 h."),
        (Cause::ResetStuck, 3, "The longest of 3 resets has lasted more than 4 h."),
        (Cause::InitialSyncStuck, 2, "The longest of 2 first syncs has lasted more than 3 days."),
    ] {
        let users = Some(users);
        assert_eq!(sentence_of(Finding { users, ..bare(cause) }), sentence);
    }
    let object_type = Some(ObjectType::Events);
    assert_eq!(
        sentence_of(Finding { object_type, ..bare(Cause::NothingIn24Hours) }),
        "No events synced in 24 hours with a working day among them."
    );
    assert_eq!(
        sentence_of(Finding { object_type, ..bare(Cause::NothingIn60Minutes) }),
        "No events synced in the last working hour."
    );
}

#[test]
fn spans_are_in_the_unit_people_use() {
    for (minutes, text) in [
        (-5, "less than a minute"),
        (0, "less than a minute"),
        (1, "1 min"),
        (119, "119 min"),
        (120, "2 h"),
        (4_319, "71 h"),
        (4_320, "3 days"),
    ] {
        assert_eq!(words::span(TimeDelta::minutes(minutes)), text);
    }
}
