//! What holds for every row and state.

use super::*;

/// Every row's id with every state it can show and the guide of that state.
fn guides() -> Vec<(String, Option<&'static RowGuide>)> {
    let org = OrgRow::ALL.into_iter().flat_map(|row| {
        OrgState::of(row).iter().map(move |state| {
            (
                format!("{}={}", row.id(), state.name()),
                org_row(row, *state),
            )
        })
    });
    let user = UserRow::ALL.iter().copied().flat_map(|row| {
        let statuses = if row.statuses().is_empty() {
            Status::ALL
        } else {
            row.statuses()
        };
        statuses
            .iter()
            .map(move |status| (format!("{row}={status}"), user_row(row, *status)))
    });
    org.chain(user).collect()
}

#[test]
fn every_state_of_the_25_rows_has_a_meaning_in_whole_sentences() {
    let guides = guides();
    assert_eq!(guides.len(), 34 + 8 * 3 + 4 + 4 * 7 + 2 * Status::COUNT);
    for (name, guide) in guides {
        let meaning = guide.map(|guide| guide.meaning);
        assert!(
            meaning.is_some_and(|text| text.starts_with(char::is_uppercase)
                && text.ends_with('.')
                && !text.contains("  ")),
            "{name}: {meaning:?}"
        );
    }
}

#[test]
fn a_step_begins_with_a_capital_and_ends_as_a_sentence() {
    for (name, guide) in guides() {
        for step in guide.map_or(&[][..], |guide| guide.steps) {
            assert!(
                step.text.starts_with(char::is_uppercase)
                    && step.text.ends_with(['.', '?'])
                    && !step.text.contains("  ")
                    && !step.text.contains(['<', '>', '\n', '"']),
                "{name}: {}",
                step.text
            );
        }
    }
}

#[test]
fn who_acts_first_owns_the_first_step_and_nobody_acts_without_steps() {
    for (name, guide) in guides() {
        let guide = guide.map(|guide| (guide.owner, guide.steps.first().map(|step| step.owner)));
        match guide {
            Some((owner, Some(first))) => assert_eq!(owner, first, "{name}"),
            other => assert_eq!(other, Some((Owner::Nobody, None)), "{name}"),
        }
    }
}

#[test]
fn a_state_that_a_row_cannot_show_has_no_guide() {
    for row in OrgRow::ALL {
        for state in [
            OrgState::Named,
            OrgState::Yes,
            OrgState::Number,
            OrgState::Zero,
            OrgState::Past,
        ] {
            assert_eq!(
                org_row(row, state).is_some(),
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
                user_row(row, *status).is_some(),
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
        .filter_map(|(name, guide)| Some(format!("{name} {}", guide?.reason?)))
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
