//! Users of Einstein Activity Capture → the article's rows, as far as one says something about the other.
//!
//! The vendor gives neither object type nor direction, so all directions of a user show the same unless the counters
//! differ. What it does not give is reported as unknown, so that an earlier reading does not stand for it. "Recognized by
//! service account" is here whether the product works for the user: the connection, and the first sync, of which the
//! article knows no failure. Without a service account, the same shows as "addresses linked".

use super::counters::Counters;
use super::users::{Assignments, CaptureUser, Connectivity, Onboarding};
use crate::domain::ids::ObjectType;
use crate::domain::policy::{ConnectionMethod, OrgPolicy};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::users::UserValues;

/// What the rows of users depend on besides the users.
pub(super) struct Mapping<'a> {
    pub(super) policy: &'a OrgPolicy,
    pub(super) assignments: Option<&'a Assignments>,
    /// Whether the organisation's switches turn the sync off.
    pub(super) is_off: bool,
    /// Whether something synced lately.
    pub(super) syncs: bool,
    /// What was counted; `None`: nothing but what the users show.
    pub(super) counters: Option<&'a Counters>,
}

impl Mapping<'_> {
    /// The rows of the organisation.
    pub(super) fn org_rows(&self, users: &[&CaptureUser]) -> Vec<(OrgRow, OrgValue)> {
        let mut rows = Vec::new();
        let addresses_read = users.iter().any(|user| user.address.is_some());
        let linked = users.iter().filter(|user| is_linked(user)).count() as u64;
        // Who has not been connected yet cannot have lost the link: nobody of a new organisation is no fault.
        if addresses_read && (linked > 0 || users.iter().any(|user| was_connected(user))) {
            rows.push((OrgRow::LinkedUsers, OrgValue::Count(linked)));
        }
        if self.policy.connection == ConnectionMethod::ServiceAccount
            && let Some(recognized) = self.recognized(users)
        {
            rows.push((OrgRow::ServiceAccountRecognized, OrgValue::Flag(recognized)));
        }
        rows
    }

    /// Whether the organisation's own connection works. A user's status is as old as the last log-in, so that one does
    /// not refute what others show: syncs that were seen lately prove it, and without them the majority does. A minority
    /// says nothing.
    fn recognized(&self, users: &[&CaptureUser]) -> Option<bool> {
        let count = |is: fn(Connectivity) -> bool| {
            users.iter().filter(|user| is(user.connectivity)).count()
        };
        let (works, broken) = (count(Connectivity::works), count(Connectivity::is_broken_for_all));
        match broken {
            0 => (works > 0).then_some(true),
            _ if self.syncs && works > 0 => Some(true),
            _ => (broken > works).then_some(false),
        }
    }

    /// The rows of a user.
    pub(super) fn user_values(&self, user: &CaptureUser) -> UserValues {
        let direction = |object| self.direction(user, object);
        let (contacts, events) = (direction(ObjectType::Contacts), direction(ObjectType::Events));
        let linked = self.linked(user);
        [
            (UserRow::ActiveConfiguration, self.configuration(user)),
            (UserRow::ServiceAccount, self.account(user)),
            (UserRow::ContactsLinked, linked),
            (UserRow::EventsLinked, linked),
            (UserRow::ContactsToExchange, contacts),
            (UserRow::ContactsToSalesforce, contacts),
            (UserRow::EventsToExchange, events),
            (UserRow::EventsToSalesforce, events),
        ]
        .map(|(row, status)| (row, status.into()))
        .to_vec()
    }

    /// Whether the user is disabled and assigned to nothing: no user of the product any more.
    pub(super) fn has_left(&self, user: &CaptureUser) -> bool {
        user.connectivity == Connectivity::Disabled
            && user.has_configuration == Some(false)
            && self.configuration(user) != Status::Yes
    }

    fn configuration(&self, user: &CaptureUser) -> Status {
        if user.has_configuration == Some(true) {
            return Status::Yes;
        }
        let Some(assignments) = self.assignments else {
            return user.has_configuration.map_or(Status::Unknown, |_| Status::No);
        };
        let by_name = user.id.as_ref().is_some_and(|id| assignments.users.contains(id));
        match (by_name, assignments.profiles) {
            (true, _) => Status::Yes,
            (false, 0) => Status::No,
            // The user may have an assigned profile.
            (false, _) => Status::Unknown,
        }
    }

    fn account(&self, user: &CaptureUser) -> Status {
        if self.policy.connection != ConnectionMethod::ServiceAccount {
            return Status::Unknown;
        }
        match (fails(user), user.connectivity.works()) {
            (true, _) => Status::No,
            (false, true) => Status::Yes,
            (false, false) => Status::Unknown,
        }
    }

    fn linked(&self, user: &CaptureUser) -> Status {
        if is_linked(user) {
            return Status::Yes;
        }
        let without_address = user.address == Some(None);
        let fails = fails(user) && self.policy.connection != ConnectionMethod::ServiceAccount;
        // Before the first connection, nothing could be linked.
        if was_connected(user) && (without_address || fails) { Status::No } else { Status::Unknown }
    }

    fn direction(&self, user: &CaptureUser, object: ObjectType) -> Status {
        if self.is_off || !self.policy.objects.contains(&object) {
            return Status::NotSetToSync;
        }
        // Without a record that was counted, the configuration may not sync this object type: it shows 0, or nothing.
        let was_seen = user.synced[object] > Some(0)
            || self.counters.is_some_and(|counters| counters.was_seen(object, user));
        match (user.onboarding, user.connectivity) {
            (Onboarding::NotConfigured, _) => Status::NotSetToSync,
            (_, Connectivity::Disabled) => Status::Unknown,
            (Onboarding::NotStarted, _)
            | (Onboarding::None, Connectivity::Pending | Connectivity::Initializing) => {
                Status::NotStarted
            }
            (Onboarding::InProgress, _) => Status::InitialSyncInProgress,
            (Onboarding::Complete, _) if !was_seen => Status::Unknown,
            (Onboarding::Complete, Connectivity::Active) => Status::InSync,
            (Onboarding::Complete, Connectivity::Processing) => Status::SyncInProgress,
            // A first sync that is complete says nothing about a connection that does not work now.
            (
                Onboarding::Complete | Onboarding::Failed | Onboarding::Other | Onboarding::None,
                _,
            ) => Status::Unknown,
        }
    }
}

fn is_linked(user: &CaptureUser) -> bool {
    matches!(user.address, Some(Some(_))) && user.connectivity.works()
}

/// Whether the user is connected, or was at some time, and has not been turned off.
fn was_connected(user: &CaptureUser) -> bool {
    let begun = matches!(
        user.onboarding,
        Onboarding::InProgress | Onboarding::Complete | Onboarding::Failed
    );
    let synced = user.synced.values().flatten().any(|count| *count > 0);
    user.connectivity.works()
        || (user.connectivity != Connectivity::Disabled
            && (synced || (begun && user.connectivity != Connectivity::Pending)))
}

/// Whether the product does not work for the user.
fn fails(user: &CaptureUser) -> bool {
    user.onboarding == Onboarding::Failed
        || user.connectivity == Connectivity::Disabled
        || user.connectivity == Connectivity::NeedsAttention
        || user.connectivity.is_broken_for_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{OrgName, UserName};
    use crate::domain::time::Timestamp;
    use enum_map::EnumMap;

    fn user(connectivity: Connectivity, onboarding: Onboarding) -> CaptureUser {
        CaptureUser {
            name: UserName::new("ann@corp.example").unwrap(),
            id: Some("005000000000001".to_owned()),
            address: Some(Some("ann@corp.example".to_owned())),
            recommended: None,
            has_configuration: Some(true),
            configuration: Some("Sales".to_owned()),
            connectivity,
            onboarding,
            // Nothing of who was never connected.
            synced: EnumMap::from_fn(|_| Some(u64::from(connectivity != Connectivity::Pending))),
        }
    }

    fn policy(connection: ConnectionMethod) -> OrgPolicy {
        OrgPolicy { connection, ..OrgPolicy::defaults(OrgName::new("acme").unwrap()) }
    }

    fn mapping(policy: &OrgPolicy) -> Mapping<'_> {
        Mapping { policy, assignments: None, is_off: false, syncs: false, counters: None }
    }

    fn status(mapping: &Mapping<'_>, user: &CaptureUser, row: UserRow) -> Status {
        let values = mapping.user_values(user);
        let (_, value) = values.iter().find(|(of, _)| *of == row).unwrap();
        value.status()
    }

    /// The status of a row for each connectivity and first sync, under a service account.
    fn statuses(row: UserRow, users: &[(Connectivity, Onboarding)]) -> Vec<Status> {
        let policy = policy(ConnectionMethod::ServiceAccount);
        let of = |(connectivity, onboarding): &(_, _)| {
            status(&mapping(&policy), &user(*connectivity, *onboarding), row)
        };
        users.iter().map(of).collect()
    }

    #[test]
    fn every_value_is_one_that_the_row_shows() {
        for connection in [ConnectionMethod::ServiceAccount, ConnectionMethod::Oauth] {
            let policy = policy(connection);
            for connectivity in Connectivity::ALL {
                for onboarding in Onboarding::ALL {
                    let user = user(*connectivity, *onboarding);
                    for (row, value) in mapping(&policy).user_values(&user) {
                        let status = value.status();
                        assert!(row.statuses().contains(&status), "{row} {status}");
                    }
                }
            }
        }
    }

    #[test]
    fn in_sync_needs_a_connection_that_works_and_a_configuration_that_syncs() {
        let row = UserRow::ContactsToExchange;
        let complete = |connectivity| (connectivity, Onboarding::Complete);
        let users = [
            complete(Connectivity::Active),
            complete(Connectivity::Processing),
            complete(Connectivity::NeedsAttention),
            (Connectivity::Active, Onboarding::Failed),
        ];
        let expected = [Status::InSync, Status::SyncInProgress, Status::Unknown, Status::Unknown];
        assert_eq!(statuses(row, &users), expected);
        let mut policy = policy(ConnectionMethod::ServiceAccount);
        let mut user = user(Connectivity::Active, Onboarding::Complete);
        for contacts in [None, Some(0)] {
            user.synced = EnumMap::from_array([contacts, Some(12)]);
            assert_eq!(status(&mapping(&policy), &user, row), Status::Unknown, "{contacts:?}");
            let events = status(&mapping(&policy), &user, UserRow::EventsToExchange);
            assert_eq!(events, Status::InSync);
        }
        let off = Mapping { is_off: true, ..mapping(&policy) };
        assert_eq!(status(&off, &user, row), Status::NotSetToSync, "the organisation's switch");
        policy.objects = vec![ObjectType::Events];
        assert_eq!(status(&mapping(&policy), &user, row), Status::NotSetToSync);
        assert_eq!(status(&mapping(&policy), &user, UserRow::EventsToExchange), Status::InSync);
    }

    #[test]
    fn nobody_is_in_sync_before_a_record_of_the_configuration_was_counted() {
        let policy = policy(ConnectionMethod::ServiceAccount);
        let of = |configuration: &str, contacts| CaptureUser {
            name: UserName::new(configuration).unwrap(),
            id: None,
            configuration: Some(configuration.to_owned()),
            synced: EnumMap::from_array([Some(contacts), Some(3)]),
            ..user(Connectivity::Active, Onboarding::Complete)
        };
        let row = UserRow::ContactsToSalesforce;
        let status = |counters: &Counters, user: &CaptureUser| {
            status(&Mapping { counters: Some(counters), ..mapping(&policy) }, user, row)
        };
        let at = Timestamp::from_seconds(1_795_435_200);
        let mut counters = Counters::new(chrono_tz::Tz::UTC);
        // Sales syncs contacts, Support does not.
        counters.look(&[of("Sales", 2), of("Support", 0)], at);
        let (sales, support) = (of("Sales", 0), of("Support", 0));
        let both = [Status::InSync, Status::Unknown];
        assert_eq!([&sales, &support].map(|user| status(&counters, user)), both);
        // Midnight takes the counts away and a restart the poller; what was seen stays known.
        let mut again = Counters::new(chrono_tz::Tz::UTC);
        again.resume(EnumMap::default(), counters.memory().as_deref());
        again.look(&[sales.clone(), support.clone()], at.plus(chrono::TimeDelta::hours(13)));
        assert_eq!([&sales, &support].map(|user| status(&again, user)), both);
        let nothing = Counters::new(chrono_tz::Tz::UTC);
        assert_eq!(status(&nothing, &sales), Status::Unknown);
        // Memory of before configurations were remembered is still taken.
        let mut old = Counters::new(chrono_tz::Tz::UTC);
        let memory = br#"[{"sum":40,"users":1,"looked_at":1795435200000000000},null]"#;
        old.resume(EnumMap::default(), Some(memory));
        old.look(std::slice::from_ref(&sales), at.plus(chrono::TimeDelta::minutes(1)));
        assert_eq!(status(&old, &sales), Status::Unknown);
    }

    #[test]
    fn who_was_never_connected_is_not_started_and_fails_at_nothing() {
        let new = [
            (Connectivity::Pending, Onboarding::NotStarted),
            (Connectivity::Pending, Onboarding::None),
            (Connectivity::Initializing, Onboarding::NotStarted),
        ];
        assert_eq!(statuses(UserRow::EventsToSalesforce, &new), [Status::NotStarted; 3]);
        assert_eq!(statuses(UserRow::ServiceAccount, &new), [Status::Unknown; 3]);
        for connection in [ConnectionMethod::ServiceAccount, ConnectionMethod::Oauth] {
            let policy = policy(connection);
            let mut pending = user(Connectivity::Pending, Onboarding::NotStarted);
            pending.address = Some(None);
            let linked = status(&mapping(&policy), &pending, UserRow::EventsLinked);
            assert_eq!(linked, Status::Unknown);
        }
    }

    #[test]
    fn disabled_is_no_first_sync_and_without_an_assignment_no_user() {
        let disabled = [Onboarding::InProgress, Onboarding::NotStarted, Onboarding::Complete]
            .map(|onboarding| (Connectivity::Disabled, onboarding));
        assert_eq!(statuses(UserRow::EventsToExchange, &disabled), [Status::Unknown; 3]);
        assert_eq!(statuses(UserRow::ServiceAccount, &disabled), [Status::No; 3]);
        let policy = policy(ConnectionMethod::ServiceAccount);
        let mut user = user(Connectivity::Disabled, Onboarding::Complete);
        assert!(!mapping(&policy).has_left(&user));
        user.has_configuration = Some(false);
        assert!(mapping(&policy).has_left(&user));
        user.has_configuration = None;
        assert!(!mapping(&policy).has_left(&user), "it was not read");
    }

    #[test]
    fn a_first_sync_that_failed_is_no_healthy_user() {
        let users = [Onboarding::Failed, Onboarding::Complete];
        let users = users.map(|onboarding| (Connectivity::Active, onboarding));
        assert_eq!(statuses(UserRow::ServiceAccount, &users), [Status::No, Status::Yes]);
    }

    #[test]
    fn without_a_service_account_none_is_recognized() {
        let policy = policy(ConnectionMethod::Oauth);
        let broken = user(Connectivity::NeedsAttention, Onboarding::Complete);
        let mapping = mapping(&policy);
        assert_eq!(status(&mapping, &broken, UserRow::ServiceAccount), Status::Unknown);
        assert_eq!(status(&mapping, &broken, UserRow::ContactsLinked), Status::No);
        let works = user(Connectivity::Active, Onboarding::Complete);
        assert_eq!(
            mapping.org_rows(&[&works, &broken]),
            [(OrgRow::LinkedUsers, OrgValue::Count(1))]
        );
    }

    #[test]
    fn one_user_does_not_refute_what_others_show() {
        let policy = policy(ConnectionMethod::ServiceAccount);
        let active = user(Connectivity::Active, Onboarding::Complete);
        let broken = user(Connectivity::NeedsAttentionGlobal, Onboarding::Complete);
        let pending = user(Connectivity::Pending, Onboarding::NotStarted);
        let still = mapping(&policy);
        let syncs = Mapping { syncs: true, ..mapping(&policy) };
        for (users, without, with) in [
            (vec![&active, &active, &broken], None, Some(true)),
            (vec![&active, &broken, &broken], Some(false), Some(true)),
            (vec![&pending, &broken], Some(false), Some(false)),
            (vec![&pending, &active], Some(true), Some(true)),
            (vec![&pending], None, None),
            (vec![], None, None),
        ] {
            assert_eq!((still.recognized(&users), syncs.recognized(&users)), (without, with));
        }
    }

    #[test]
    fn nobody_is_linked_only_after_somebody_was() {
        let policy = policy(ConnectionMethod::ServiceAccount);
        let mapping = mapping(&policy);
        let pending = user(Connectivity::Pending, Onboarding::NotStarted);
        let lost = user(Connectivity::NeedsAttention, Onboarding::Complete);
        assert_eq!(mapping.org_rows(&[&pending, &pending]), []);
        let nobody = (OrgRow::LinkedUsers, OrgValue::Count(0));
        assert_eq!(mapping.org_rows(&[&pending, &lost]), [nobody]);
        let mut unread = user(Connectivity::Active, Onboarding::Complete);
        unread.address = None;
        let recognized = (OrgRow::ServiceAccountRecognized, OrgValue::Flag(true));
        assert_eq!(mapping.org_rows(&[&unread]), [recognized]);
    }

    #[test]
    fn assignments_count_where_the_configuration_has_no_name() {
        let policy = policy(ConnectionMethod::ServiceAccount);
        let mut user = user(Connectivity::Active, Onboarding::Complete);
        user.has_configuration = Some(false);
        let mut assignments = Assignments::default();
        let of = |assignments: &Assignments, user: &CaptureUser| {
            Mapping { assignments: Some(assignments), ..mapping(&policy) }.configuration(user)
        };
        assert_eq!(of(&assignments, &user), Status::No);
        assignments.profiles = 1;
        assert_eq!(of(&assignments, &user), Status::Unknown);
        assignments.users.insert("005000000000001".to_owned());
        assert_eq!(of(&assignments, &user), Status::Yes);
        user.has_configuration = None;
        assert_eq!(mapping(&policy).configuration(&user), Status::Unknown);
    }
}
