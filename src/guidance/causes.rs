//! Causes in words, one place for each [`Cause`]. Which alert speaks of a cause and how loudly is `domain::causes`.

mod account;
mod exporter;
mod lifecycle;
mod polling;
mod silence;
mod users;

use super::CauseGuide;
use crate::domain::causes::Cause;

/// The words of a cause; without a wildcard, so that a new reason does not compile until it has some.
pub(super) const fn guide(reason: Cause) -> &'static CauseGuide {
    match reason {
        Cause::ServiceAccountMissing => &account::MISSING,
        Cause::ServiceAccountNotRecognized => &account::NOT_RECOGNIZED,
        Cause::NoLinkedUsers => &account::NO_LINKED_USERS,
        Cause::NoSyncIn24Hours => &silence::NO_SYNC_IN_24_HOURS,
        Cause::NeverSynced => &silence::NEVER_SYNCED,
        Cause::ObservationsStale => &exporter::OBSERVATIONS_STALE,
        Cause::NothingIn24Hours => &silence::NOTHING_IN_24_HOURS,
        Cause::LinkedUsersUnexpected => &account::LINKED_USERS_UNEXPECTED,
        Cause::UsersFailing => &users::USERS_FAILING,
        Cause::ResetStuck => &users::RESET_STUCK,
        Cause::UsersSyncNothing => &users::SYNC_NOTHING,
        Cause::InitialSyncStuck => &users::INITIAL_SYNC_STUCK,
        Cause::Delayed => &silence::DELAYED,
        Cause::NothingIn60Minutes => &silence::NOTHING_IN_60_MINUTES,
        Cause::OutlookIntegrationDisabled => &lifecycle::OUTLOOK_INTEGRATION_DISABLED,
        Cause::RetirementNear => &lifecycle::RETIREMENT_NEAR,
        Cause::Retired => &lifecycle::RETIRED,
        Cause::ExporterDown => &exporter::EXPORTER_DOWN,
        Cause::StoreFailing => &exporter::STORE_FAILING,
        Cause::ClockSuspect => &exporter::CLOCK_SUSPECT,
        Cause::IngestRejected => &exporter::INGEST_REJECTED,
        Cause::PollFailing => &polling::POLL_FAILING,
        Cause::SalesforceApiBudgetLow => &polling::SALESFORCE_API_BUDGET_LOW,
        Cause::Watchdog => &exporter::WATCHDOG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guidance::Owner;

    /// What may stand in a template's annotation, a page and a terminal alike.
    fn plain(text: &str) -> bool {
        !text.contains("{{") && !text.contains(['<', '>', '\n', '"']) && !text.contains("  ")
    }

    #[test]
    fn a_summary_is_one_sentence_with_one_full_stop_at_its_end() {
        for reason in Cause::ALL {
            let summary = guide(*reason).summary;
            assert!(summary.ends_with('.'), "{reason}: {summary}");
            assert_eq!(
                summary.matches(['.', '?', '!']).count(),
                1,
                "{reason}: {summary}"
            );
            assert!(
                summary.starts_with(char::is_uppercase),
                "{reason}: {summary}"
            );
            assert!(summary.len() <= 90, "{reason}: {summary}");
        }
    }

    #[test]
    fn no_two_causes_have_the_same_summary() {
        let all: std::collections::BTreeSet<_> = Cause::ALL
            .iter()
            .map(|reason| guide(*reason).summary)
            .collect();
        assert_eq!(all.len(), Cause::COUNT);
    }

    #[test]
    fn every_cause_says_what_it_means_what_suffers_and_what_to_do() {
        for reason in Cause::ALL {
            let guide = guide(*reason);
            for text in [guide.summary, guide.meaning, guide.impact] {
                assert!(text.ends_with('.') && plain(text), "{reason}: {text}");
            }
            for step in guide.steps {
                assert!(
                    step.text.starts_with(char::is_uppercase),
                    "{reason}: {}",
                    step.text
                );
                assert!(step.text.ends_with(['.', '?']), "{reason}: {}", step.text);
                assert!(plain(step.text), "{reason}: {}", step.text);
            }
        }
    }

    #[test]
    fn the_owner_of_a_cause_is_the_owner_of_its_first_step() {
        for reason in Cause::ALL {
            let guide = guide(*reason);
            match guide.steps.first() {
                Some(first) => assert_eq!(guide.owner, first.owner, "{reason}"),
                None => assert!(
                    matches!(guide.owner, Owner::Wait | Owner::Nobody),
                    "{reason}"
                ),
            }
        }
    }

    #[test]
    fn only_the_watchdog_leaves_nothing_to_do() {
        for reason in Cause::ALL {
            assert_eq!(
                guide(*reason).steps.is_empty(),
                *reason == Cause::Watchdog,
                "{reason}"
            );
        }
    }
}
