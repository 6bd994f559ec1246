//! What holds for every row and state.

use super::*;
use crate::domain::policy::Product;
use crate::domain::rows::{OrgRow, Status, UserRow};

/// Every row's id with every state it can show and the guide of that state.
fn guides() -> Vec<(String, Option<RowGuide>)> {
    let org = OrgRow::ALL.into_iter().flat_map(|row| {
        OrgState::of(row).iter().map(move |state| {
            (
                format!("{}={}", row.id(), state.name()),
                org_row_of(Product::LightningSync, row, *state),
            )
        })
    });
    let user = UserRow::ALL.iter().copied().flat_map(|row| {
        let statuses = if row.statuses().is_empty() { Status::ALL } else { row.statuses() };
        statuses.iter().map(move |status| {
            (format!("{row}={status}"), user_row_of(Product::LightningSync, row, *status))
        })
    });
    org.chain(user).collect()
}

#[test]
fn every_state_of_the_25_rows_has_a_meaning_and_steps_in_whole_sentences() {
    let guides = guides();
    assert_eq!(guides.len(), 34 + 8 * 3 + 4 + 4 * 7 + 2 * Status::COUNT);
    for (name, guide) in guides {
        let guide = guide.unwrap_or_else(|| panic!("{name}"));
        let steps = guide.steps.iter().map(|step| step.text);
        for text in steps.chain([guide.meaning]) {
            assert!(is_sentence(text.marked()), "{name}: {text:?}");
        }
    }
}

#[test]
fn every_cause_says_in_whole_sentences_what_it_means_what_suffers_and_what_to_do() {
    let mut summaries = std::collections::BTreeSet::new();
    for cause in Cause::ALL {
        let guide = super::cause(*cause);
        let steps = guide.steps.iter().map(|step| step.text);
        for text in steps.chain([guide.meaning, guide.impact]) {
            assert!(is_sentence(text.marked()), "{cause}: {text:?}");
        }
        let summary = guide.summary;
        assert!(is_sentence(summary) && summary.len() <= 90, "{cause}: {summary}");
        let stops = summary.matches(['.', '?', '!', '`']).count();
        assert_eq!(stops, 1, "{cause}: {summary}");
        assert!(summaries.insert(summary), "twice: {summary}");
        assert_eq!(guide.steps.is_empty(), *cause == Cause::Watchdog, "{cause}");
    }
}

#[test]
fn every_output_renders_the_marks_its_own_way() {
    let text = Text("`df` shows it. Then `Get-Mailbox USER`, field `EwsEnabled`.");
    assert_eq!(text.plain(), "df shows it. Then Get-Mailbox USER, field EwsEnabled.");
    let code: Vec<&str> = text.pieces().filter(|piece| piece.0).map(|piece| piece.1).collect();
    assert_eq!(code, ["df", "Get-Mailbox USER", "EwsEnabled"]);
    let all: String = text.pieces().map(|piece| piece.1).collect();
    assert_eq!(all, text.plain());
}

#[test]
fn an_unmarked_command_or_name_is_found() {
    assert!(is_sentence("Set `retirement: none`."));
    for text in [
        "Set expected_linked_users.",
        "See Get-Mailbox USER.",
        "Look at the field EwsEnabled.",
        "A mark `without an end.",
        "no capital.",
        "No stop",
    ] {
        assert!(!is_sentence(text), "{text}");
    }
}

/// A whole sentence that may stand in a template's annotation, a page and a terminal alike, and in which every command
/// and name is marked.
pub(super) fn is_sentence(text: &str) -> bool {
    let whole = text.starts_with(|first: char| first.is_uppercase() || first == '`')
        && text.ends_with(['.', '?'])
        && text.matches('`').count().is_multiple_of(2)
        && !text.contains(['<', '>', '\n', '"'])
        && !text.contains("  ")
        && !text.contains("{{");
    let names = text.split('`').step_by(2).flat_map(|piece| piece.split([' ', ',', '.', '/']));
    whole && names.into_iter().all(|word| !is_name(word))
}

/// `expected_linked_users`, `Get-Mailbox`, `EwsEnabled`, `-Role`, `--config.check`.
fn is_name(word: &str) -> bool {
    let inner_capital = word.as_bytes().windows(2).any(|pair| {
        (pair[0].is_ascii_lowercase() || pair[0] == b'-') && pair[1].is_ascii_uppercase()
    });
    word.contains(['_', '\\']) || word.starts_with('-') || inner_capital
}

#[test]
fn a_state_that_a_row_cannot_show_has_no_guide() {
    for row in OrgRow::ALL {
        for state in
            [OrgState::Named, OrgState::Yes, OrgState::Number, OrgState::Zero, OrgState::Past]
        {
            assert_eq!(
                org_row_of(Product::LightningSync, row, state).is_some(),
                OrgState::of(row).contains(&state),
                "{}={}",
                row.id(),
                state.name()
            );
        }
    }
    for row in UserRow::checks() {
        for status in Status::ALL {
            assert_eq!(
                user_row_of(Product::LightningSync, row, *status).is_some(),
                row.statuses().contains(status),
                "{row}={status}"
            );
        }
    }
}

#[test]
fn the_states_that_are_evidence_name_their_cause() {
    let evidence: Vec<String> = guides()
        .into_iter()
        .filter_map(|(name, guide)| Some(format!("{name} {}", guide?.cause?)))
        .collect();
    assert_eq!(
        evidence,
        [
            "service_account_provided=none service_account_missing",
            "outlook_integration=no outlook_integration_disabled",
            "service_account_recognized=no service_account_not_recognized",
            "linked_users=unexpected linked_users_unexpected",
            "linked_users=zero no_linked_users",
            "contacts.last_sync=hours delayed",
            "contacts.last_sync=past no_sync_in_24_hours",
            "contacts.last_sync=unknown observations_stale",
            "contacts.synced_60m=zero nothing_in_60_minutes",
            "contacts.synced_24h=zero nothing_in_24_hours",
            "events.last_sync=hours delayed",
            "events.last_sync=past no_sync_in_24_hours",
            "events.last_sync=unknown observations_stale",
            "events.synced_60m=zero nothing_in_60_minutes",
            "events.synced_24h=zero nothing_in_24_hours",
            "user.active_configuration=no users_failing",
            "user.mailbox_version=no users_failing",
            "user.service_account=no users_failing",
            "user.reset=marked_for_reset reset_stuck",
            "user.reset=reset_in_progress reset_stuck",
            "user.outlook_integration=no users_failing",
            "user.contacts.folder=no users_failing",
            "user.contacts.linked=no users_failing",
            "user.contacts.to_exchange=not_started initial_sync_stuck",
            "user.contacts.to_exchange=initial_sync_in_progress initial_sync_stuck",
            "user.contacts.to_salesforce=not_started initial_sync_stuck",
            "user.contacts.to_salesforce=initial_sync_in_progress initial_sync_stuck",
            "user.events.folder=no users_failing",
            "user.events.linked=no users_failing",
            "user.events.to_exchange=not_started initial_sync_stuck",
            "user.events.to_exchange=initial_sync_in_progress initial_sync_stuck",
            "user.events.to_salesforce=not_started initial_sync_stuck",
            "user.events.to_salesforce=initial_sync_in_progress initial_sync_stuck",
        ]
    );
}
