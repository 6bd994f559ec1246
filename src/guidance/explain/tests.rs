//! Rows and states by the names people use.

use super::*;

fn ids(name: &str) -> Vec<&'static str> {
    row_by_name(name).into_iter().map(|row| row.spec().id).collect()
}

fn state(row: &str, value: &str) -> Option<&'static str> {
    let row = row_by_name(row).into_iter().next()?;
    state_by_name(row, value).map(RowState::name)
}

#[test]
fn every_id_and_every_label_finds_its_row() {
    assert_eq!(ArticleRow::all().count(), 25);
    for row in ArticleRow::all() {
        assert_eq!(row_by_name(row.spec().id), [row]);
        assert!(row_by_name(&row.spec().label.to_uppercase()).contains(&row), "{row:?}");
    }
}

#[test]
fn a_label_that_two_rows_carry_finds_both_unless_the_object_type_stands_before_it() {
    assert_eq!(ids("Last sync activity:"), ["contacts.last_sync", "events.last_sync"]);
    assert_eq!(ids("Contacts: last sync activity"), ["contacts.last_sync"]);
    assert_eq!(ids("records in sync"), ["user.contacts.records", "user.events.records"]);
    assert_eq!(ids("synced_24h"), ["contacts.synced_24h", "events.synced_24h"]);
}

#[test]
fn a_row_is_found_by_its_check_and_by_a_label_with_a_curly_apostrophe() {
    assert_eq!(ids("contacts_folder"), ["user.contacts.folder"]);
    assert_eq!(ids("reset"), ["user.reset"]);
    assert_eq!(ids("User\u{2019}s  reset sync status"), ["user.reset"]);
    assert_eq!(ids("last"), [""; 0]);
}

#[test]
fn every_state_reads_back_by_its_name() {
    for row in ArticleRow::all() {
        for state in states_of(row) {
            assert_eq!(state_by_name(row, state.name()), Some(state), "{row:?}");
            assert!(guide_of(row, state).is_some(), "{row:?} {state:?}");
        }
    }
}

#[test]
fn the_articles_values_name_states() {
    for (row, value, expected) in [
        ("service_account_provided", "svc-sfsync", Some("named")),
        ("service_account_provided", "None", Some("none")),
        ("service_account_provided", "", None),
        ("service_account_recognized", "X", Some("no")),
        ("outlook_integration", "Yes", Some("yes")),
        ("linked_users", "41", Some("number")),
        ("linked_users", "0", Some("zero")),
        ("events.last_sync", "A past date", Some("past")),
        ("events.last_sync", "within the last few minutes", Some("minutes")),
        ("contacts.synced_60m", "0", Some("zero")),
        ("contacts.synced_60m", "-1", None),
        ("user.reset", "Marked for reset", Some("marked_for_reset")),
        ("user.reset", "not shown", Some("none")),
        ("user.reset", "In sync", None),
        (
            "user.events.to_exchange",
            "Exchange configuration not set to sync",
            Some("not_set_to_sync"),
        ),
        ("user.events.to_exchange", "IN SYNC", Some("in_sync")),
        ("user.contacts.records", "312", Some("number")),
        ("user.contacts.records", "many", None),
    ] {
        assert_eq!(state(row, value), expected, "{row}={value}");
    }
}

#[test]
fn explain_prints_the_meaning_the_causes_steps_in_order_and_the_alert() {
    let cause = crate::guidance::cause(Cause::NothingIn24Hours);
    let steps: String = (1..)
        .zip(cause.steps)
        .map(|(number, step)| format!("  {number}. {}: {}\n", step.owner, step.text.marked()))
        .collect();
    assert_eq!(
        explain(Some("contacts.synced_24h=0")).unwrap(),
        format!(
            "Records synced in last 24 hours  (contacts.synced_24h)\n\n\
             zero: No record synced in the last 24 hours. It is a finding when a working day lies among them; then there \
             is nothing to wait for.\n{steps}  alert: LightningSyncNothingIn24Hours\n"
        )
    );
}

#[test]
fn explain_without_a_name_lists_every_row_once() {
    let list = explain(None).unwrap();
    assert_eq!(list.lines().count(), 25);
    assert_eq!(
        list.lines().next(),
        Some("service_account_provided     Microsoft Exchange service account provided")
    );
}

#[test]
fn explain_says_what_it_does_not_know() {
    assert_eq!(
        explain(Some("last_snyc")).unwrap_err().to_string(),
        "no row is called `last_snyc`; `explain` without a name lists all 25"
    );
    assert_eq!(
        explain(Some("user.reset=broken")).unwrap_err().to_string(),
        "`user.reset` never shows `broken`; it shows: none, marked_for_reset, reset_in_progress, unknown"
    );
}
