//! What the vendor's status page shows of a sync.

use super::{Synchroniser, UserState};
use crate::domain::ids::{ObjectType, Source};
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::domain::windows::{DAY, HOUR};

impl Synchroniser {
    /// The status page at `now`.
    pub fn page(&self, now: Timestamp) -> Snapshot {
        let users = self.users.iter();
        Snapshot {
            org: self.org.clone(),
            source: Source::Snapshot,
            captured_at: now,
            rows: self.rows(now),
            users: users.map(|it| (it.user.name.clone(), Self::user(it))).collect(),
            users_complete: true,
        }
    }

    fn rows(&self, now: Timestamp) -> Vec<(OrgRow, OrgValue)> {
        let account = self.caller.target.username.as_str().into();
        let mut rows = vec![
            (OrgRow::ServiceAccountProvided, OrgValue::Account(Some(account))),
            (OrgRow::OutlookIntegration, OrgValue::Flag(true)),
            (OrgRow::ServiceAccountRecognized, OrgValue::Flag(self.recognized)),
            (OrgRow::LinkedUsers, OrgValue::Count(self.users.len() as u64)),
        ];
        for object in ObjectType::ALL {
            let within = |span| {
                let done = self.done.iter();
                let done = done.filter(|(at, of)| of == object && now.since(*at) < span);
                OrgValue::Count(done.count() as u64)
            };
            if let Some(at) = self.last_sync[*object] {
                rows.push((OrgRow::LastSync(*object), OrgValue::Instant(at)));
            }
            rows.push((OrgRow::Synced60m(*object), within(HOUR)));
            rows.push((OrgRow::Synced24h(*object), within(DAY)));
        }
        rows
    }

    fn user(state: &UserState) -> UserValues {
        let row = |row: UserRow| -> (UserRow, UserValue) {
            let good = |good: bool| UserValue::from(if good { Status::Yes } else { Status::No });
            let value = match row {
                UserRow::ContactsRecords => {
                    UserValue::Records(state.pairs[ObjectType::Contacts].count())
                }
                UserRow::EventsRecords => {
                    UserValue::Records(state.pairs[ObjectType::Events].count())
                }
                UserRow::Reset => Status::None.into(),
                UserRow::ServiceAccount => good(!state.refused),
                UserRow::ContactsFolder => good(state.contacts_folder),
                // The page calls a direction in sync whether or not something moves in it.
                UserRow::ContactsToExchange
                | UserRow::EventsToExchange
                | UserRow::ContactsToSalesforce
                | UserRow::EventsToSalesforce => Status::InSync.into(),
                UserRow::ActiveConfiguration
                | UserRow::MailboxVersion
                | UserRow::OutlookIntegration
                | UserRow::ContactsLinked
                | UserRow::EventsLinked
                | UserRow::EventsFolder => good(true),
            };
            (row, value)
        };
        UserRow::ALL.into_iter().map(row).collect()
    }
}
