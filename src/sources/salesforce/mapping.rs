//! Users of Einstein Activity Capture → the article's rows, as far as one says something about the other.
//!
//! The vendor names neither object type nor direction, so all four directions of a user show the same. What it does not
//! name is reported as unknown, so that an earlier word does not stand for it. "Recognized by service account" is here
//! whether the product works for the user: the connection, and the first sync, of which the article knows no failure.

use super::capture::{Assignments, CaptureUser, Connectivity, Onboarding};
use crate::domain::policy::Connection;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::users::UserValues;

/// The rows of the organisation.
pub(super) fn org_rows(users: &[CaptureUser], connection: Connection) -> Vec<(OrgRow, OrgValue)> {
    let linked =
        users.iter().filter(|user| user.address.is_some() && user.connectivity.works()).count()
            as u64;
    let mut rows = vec![(OrgRow::LinkedUsers, OrgValue::Count(linked))];
    if connection == Connection::ServiceAccount
        && let Some(recognized) = recognized(users)
    {
        rows.push((OrgRow::ServiceAccountRecognized, OrgValue::Flag(recognized)));
    }
    rows
}

/// Whether the organisation's own connection works: refuted by one user who says that it does not, shown by one who
/// is connected; otherwise nobody knows.
fn recognized(users: &[CaptureUser]) -> Option<bool> {
    let broken = |user: &CaptureUser| {
        matches!(
            user.connectivity,
            Connectivity::NeedsAttentionGlobal | Connectivity::NeedsAttentionHybrid
        )
    };
    if users.iter().any(broken) {
        return Some(false);
    }
    users.iter().any(|user| user.connectivity.works()).then_some(true)
}

/// The rows of a user.
pub(super) fn user_values(user: &CaptureUser, assignments: Option<&Assignments>) -> UserValues {
    let direction = direction(user);
    let linked = linked(user);
    [
        (UserRow::ActiveConfiguration, configuration(user, assignments)),
        (UserRow::ServiceAccount, account(user)),
        (UserRow::ContactsLinked, linked),
        (UserRow::EventsLinked, linked),
        (UserRow::ContactsToExchange, direction),
        (UserRow::ContactsToSalesforce, direction),
        (UserRow::EventsToExchange, direction),
        (UserRow::EventsToSalesforce, direction),
    ]
    .map(|(row, status)| (row, status.into()))
    .to_vec()
}

fn configuration(user: &CaptureUser, assignments: Option<&Assignments>) -> Status {
    if user.has_configuration {
        return Status::Yes;
    }
    let Some(assignments) = assignments else {
        return Status::No;
    };
    let by_name = user.id.as_ref().is_some_and(|id| assignments.users.contains(id));
    match (by_name, assignments.profiles) {
        (true, _) => Status::Yes,
        (false, 0) => Status::No,
        // The user may have an assigned profile.
        (false, _) => Status::Unknown,
    }
}

const fn account(user: &CaptureUser) -> Status {
    if matches!(user.onboarding, Onboarding::Failed) {
        return Status::No;
    }
    match user.connectivity {
        Connectivity::Active | Connectivity::Processing => Status::Yes,
        Connectivity::Disabled
        | Connectivity::NeedsAttention
        | Connectivity::NeedsAttentionGlobal
        | Connectivity::NeedsAttentionHybrid => Status::No,
        Connectivity::Initializing
        | Connectivity::BoxedFuture
        | Connectivity::Other
        | Connectivity::None => Status::Unknown,
    }
}

fn linked(user: &CaptureUser) -> Status {
    match (user.address.is_some(), user.connectivity.works()) {
        (false, _) => Status::No,
        (true, true) => Status::Yes,
        (true, false) => Status::Unknown,
    }
}

const fn direction(user: &CaptureUser) -> Status {
    match (user.onboarding, user.connectivity) {
        (Onboarding::NotStarted, _) => Status::NotStarted,
        (Onboarding::InProgress, _) => Status::InitialSyncInProgress,
        (Onboarding::NotConfigured, _) => Status::NotSetToSync,
        (Onboarding::Complete, Connectivity::Active) => Status::InSync,
        (Onboarding::Complete, Connectivity::Processing) => Status::SyncInProgress,
        // A first sync that is complete says nothing about a connection that does not work now.
        (Onboarding::Complete | Onboarding::Failed | Onboarding::Other | Onboarding::None, _) => {
            Status::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserName;
    use enum_map::EnumMap;

    fn user(connectivity: Connectivity, onboarding: Onboarding) -> CaptureUser {
        CaptureUser {
            name: UserName::new("ann@corp.example").unwrap(),
            id: Some("005000000000001".to_owned()),
            address: Some("ann@corp.example".to_owned()),
            recommended: None,
            has_configuration: true,
            connectivity,
            onboarding,
            synced: EnumMap::default(),
        }
    }

    fn status(user: &CaptureUser, row: UserRow) -> Status {
        let values = user_values(user, None);
        let (_, value) = values.iter().find(|(of, _)| *of == row).unwrap();
        value.status()
    }

    #[test]
    fn every_value_is_one_that_the_row_shows() {
        for connectivity in Connectivity::ALL {
            for onboarding in Onboarding::ALL {
                let user = user(*connectivity, *onboarding);
                for (row, value) in user_values(&user, None) {
                    let status = value.status();
                    assert!(row.statuses().contains(&status), "{row} {status}");
                }
            }
        }
    }

    #[test]
    fn in_sync_needs_a_connection_that_works() {
        let to = UserRow::ContactsToExchange;
        let of = |connectivity| status(&user(connectivity, Onboarding::Complete), to);
        assert_eq!(of(Connectivity::Active), Status::InSync);
        assert_eq!(of(Connectivity::Processing), Status::SyncInProgress);
        assert_eq!(of(Connectivity::NeedsAttention), Status::Unknown);
        assert_eq!(status(&user(Connectivity::Active, Onboarding::Failed), to), Status::Unknown);
    }

    #[test]
    fn a_first_sync_that_failed_is_no_healthy_user() {
        let row = UserRow::ServiceAccount;
        let of = |onboarding| status(&user(Connectivity::Active, onboarding), row);
        assert_eq!(of(Onboarding::Failed), Status::No);
        assert_eq!(of(Onboarding::Complete), Status::Yes);
    }

    #[test]
    fn one_user_who_says_so_refutes_the_organisations_connection() {
        let active = user(Connectivity::Active, Onboarding::Complete);
        let broken = user(Connectivity::NeedsAttentionGlobal, Onboarding::Complete);
        let pending = user(Connectivity::BoxedFuture, Onboarding::NotStarted);
        assert_eq!(recognized(&[active.clone(), broken]), Some(false));
        assert_eq!(recognized(&[pending.clone(), active]), Some(true));
        assert_eq!(recognized(&[pending]), None);
        assert_eq!(recognized(&[]), None);
    }

    #[test]
    fn assignments_count_where_the_configuration_has_no_name() {
        let mut user = user(Connectivity::Active, Onboarding::Complete);
        user.has_configuration = false;
        let mut assignments = Assignments::default();
        assert_eq!(configuration(&user, Some(&assignments)), Status::No);
        assignments.profiles = 1;
        assert_eq!(configuration(&user, Some(&assignments)), Status::Unknown);
        assignments.users.insert("005000000000001".to_owned());
        assert_eq!(configuration(&user, Some(&assignments)), Status::Yes);
    }
}
