//! What the vendor's status page shows at one instant of a life.

use super::life::{Life, What, mix};
use super::people::user_name;
use crate::domain::ids::{ObjectType, OrgName, Outcome, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::domain::windows::{DAY, HOUR};
use enum_map::Enum;
use std::sync::Arc;

/// What the page has to show besides the life itself.
#[derive(Debug, Clone)]
pub(super) struct StatusPage {
    pub org: OrgName,
    /// How many users are shown.
    pub users: u32,
    /// Whether reps set up the Outlook integration.
    pub outlook: bool,
}

impl StatusPage {
    /// The page at `at`.
    pub(super) fn at(&self, life: &Life, at: Timestamp) -> Snapshot {
        let users: Vec<(UserName, UserValues)> = (0..self.users)
            .map(|index| (user_name(&self.org, index), self.user(life, index, at).collect()))
            .collect();
        Snapshot {
            org: self.org.clone(),
            source: Source::Snapshot,
            captured_at: at,
            rows: self.rows(life, &users, at),
            users,
            users_complete: true,
        }
    }

    fn rows(
        &self,
        life: &Life,
        users: &[(UserName, UserValues)],
        at: Timestamp,
    ) -> Vec<(OrgRow, OrgValue)> {
        let (mut account, mut recognized, mut outlook) = (true, true, true);
        let mut counts_only = false;
        let mut linked = users.iter().filter(|(_, values)| is_linked(values)).count() as u64;
        for what in life.at(at) {
            match what {
                What::NoAccount => (account, recognized) = (false, false),
                What::NotRecognized => recognized = false,
                What::OutlookOff => outlook = false,
                What::Linked(count) => linked = *count,
                What::CountsOnly => counts_only = true,
                What::Stopped { .. }
                | What::AllHours
                | What::Users { .. }
                | What::PageUnread
                | What::FeedSilent
                | What::FeedLate(_)
                | What::FeedRepeats
                | What::Thinned(_)
                | What::Probed(_)
                | What::Throttled
                | What::CertificateEnds(_)
                | What::CanaryLate(_) => {}
            }
        }
        let account: Option<Arc<str>> =
            account.then(|| format!("svc-sync@{}.example", self.org).into());
        let mut rows = vec![
            (OrgRow::ServiceAccountProvided, OrgValue::Account(account)),
            (OrgRow::OutlookIntegration, OrgValue::Flag(outlook)),
            (OrgRow::ServiceAccountRecognized, OrgValue::Flag(recognized)),
            (OrgRow::LinkedUsers, OrgValue::Count(linked)),
        ];
        let day = life.items(at.minus(DAY), at);
        for object in life.objects.iter().copied() {
            let count = |after: Timestamp| {
                day.iter()
                    .filter(|item| item.object_type == object && item.outcome == Outcome::Synced)
                    .filter(|item| item.at > after)
                    .count() as u64
            };
            if let Some(last) = life.last_synced(object, at).filter(|_| !counts_only) {
                rows.push((OrgRow::LastSync(object), OrgValue::Instant(last)));
            }
            rows.push((OrgRow::Synced60m(object), OrgValue::Count(count(at.minus(HOUR)))));
            rows.push((OrgRow::Synced24h(object), OrgValue::Count(count(at.minus(DAY)))));
        }
        rows
    }

    fn user<'a>(
        &'a self,
        life: &'a Life,
        index: u32,
        at: Timestamp,
    ) -> impl Iterator<Item = (UserRow, UserValue)> + 'a {
        UserRow::ALL.into_iter().map(move |row| {
            if row.statuses().is_empty() {
                return (row, UserValue::Records(self.records(life, row, index, at)));
            }
            let usual = self.usual(life, row, index, at);
            let status = life.at(at).fold(usual, |status, what| match what {
                What::Users { who, row: other, status }
                    if *other == row && who.contains(&index) =>
                {
                    *status
                }
                What::Stopped { .. }
                | What::AllHours
                | What::NoAccount
                | What::NotRecognized
                | What::OutlookOff
                | What::Linked(_)
                | What::Users { .. }
                | What::PageUnread
                | What::FeedSilent
                | What::FeedLate(_)
                | What::FeedRepeats
                | What::Thinned(_)
                | What::Probed(_)
                | What::Throttled
                | What::CertificateEnds(_)
                | What::CanaryLate(_)
                | What::CountsOnly => status,
            });
            (row, status.into())
        })
    }

    fn usual(&self, life: &Life, row: UserRow, index: u32, at: Timestamp) -> Status {
        if row == UserRow::Reset {
            return Status::None;
        }
        if row == UserRow::OutlookIntegration && !self.outlook {
            return Status::No;
        }
        if !row.is_direction() {
            return Status::Yes;
        }
        let set = row.object_type().is_some_and(|object| life.objects.contains(&object));
        let busy = mix(life.seed ^ u64::from(index), row.into_usize() as u64, at.hour() as u64);
        match (set, busy.is_multiple_of(16)) {
            (false, _) => Status::NotSetToSync,
            (true, true) => Status::SyncInProgress,
            (true, false) => Status::InSync,
        }
    }

    /// A few hundred records that grow by one in some days.
    fn records(&self, life: &Life, row: UserRow, index: u32, at: Timestamp) -> u32 {
        let object = row.object_type().unwrap_or(ObjectType::Contacts);
        if !life.objects.contains(&object) {
            return 0;
        }
        let bits = mix(life.seed, u64::from(index), row.into_usize() as u64);
        let days = u64::try_from(at.since(life.began).num_days()).unwrap_or(0);
        u32::try_from(120 + bits % 800 + days / (1 + bits % 3)).unwrap_or(u32::MAX)
    }
}

/// Whether a user is assigned and both addresses are linked: what the organisation's count counts.
fn is_linked(values: &UserValues) -> bool {
    [UserRow::ActiveConfiguration, UserRow::ContactsLinked, UserRow::EventsLinked]
        .into_iter()
        .all(|row| values.contains(&(row, Status::Yes.into())))
}
