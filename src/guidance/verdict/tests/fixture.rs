//! Organisations to judge, built row by row.

use super::super::{Verdict, verdict};
use crate::domain::ids::{ObjectType, OrgId, OrgName, Source};
use crate::domain::judge::judge_org;
use crate::domain::policy::OrgPolicy;
use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use chrono::TimeDelta;
use chrono_tz::Tz;
use std::sync::Arc;

/// 2026-11-24T03:00:00Z, a Tuesday, 04:00 in Berlin.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_489_200);

pub(super) fn ago(hours: i64) -> Timestamp {
    NOW.minus(TimeDelta::hours(hours))
}

/// An organisation in Berlin whose status page was read `read` hours ago.
pub(super) struct ReadOrg {
    pub(super) view: OrgView,
    read: Timestamp,
}

impl ReadOrg {
    pub(super) fn unread() -> Self {
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.time_zone = Tz::Europe__Berlin;
        let view = OrgView::new(OrgId(1), Arc::new(policy), ago(24 * 30), NOW);
        Self { view, read: NOW }
    }

    pub(super) fn read(hours: i64) -> Self {
        let mut org = Self::unread();
        org.read = ago(hours);
        org.view.last_report[Source::Snapshot] = Some(org.read);
        org
    }

    /// As read, with both object types synced so many hours before now.
    pub(super) fn synced(self, hours: i64) -> Self {
        let at = OrgValue::Instant(ago(hours));
        self.shows(OrgRow::LastSync(ObjectType::Contacts), at.clone())
            .shows(OrgRow::LastSync(ObjectType::Events), at)
    }

    pub(super) fn shows(mut self, row: OrgRow, value: OrgValue) -> Self {
        let reading = Reading {
            value,
            observed_at: self.read,
            changed_at: self.read.minus(TimeDelta::minutes(110)),
        };
        Arc::make_mut(&mut self.view.readings).put(row, Source::Snapshot, reading);
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut OrgPolicy)) -> Self {
        change(Arc::make_mut(&mut self.view.policy));
        self
    }

    pub(super) fn failing(mut self, check: UserRow, users: u32) -> Self {
        let summary = Arc::make_mut(&mut self.view.summary);
        summary.known = 40;
        summary.add_failing(check, users, ago(9));
        summary.add_observed(check, self.read, false);
        self
    }

    pub(super) fn verdict(&self) -> Verdict {
        verdict(&judge_org(&self.view, true, NOW), &self.view, NOW)
    }
}
