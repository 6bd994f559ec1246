//! A fleet of organisations with users, as a View: what the benches of pages are fed with.

use lightning_sync_exporter::domain::ids::{OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::policy::{OrgPolicy, UserSeries};
use lightning_sync_exporter::domain::readings::{OrgReadings, Reading};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::{
    LiveSources, UserEntry, UserReadings, UserSummary, UserTable,
};
use lightning_sync_exporter::domain::view::{OrgView, View};
use std::sync::Arc;

/// The time of the View and of every page of it.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_348_200);
/// Users of one organisation: with 13 checks each and its own families about a thousand series.
pub(crate) const USERS: usize = 64;

pub(crate) fn view(orgs: usize) -> View {
    let mut view = View::empty(NOW);
    view.user_series = UserSeries::PerUser;
    view.orgs = (0..orgs).map(|number| Arc::new(org(number))).collect();
    view
}

fn org(number: usize) -> OrgView {
    let policy = OrgPolicy::defaults(OrgName::new(&format!("org-{number:05}")).expect("a name"));
    let seen = NOW.minus(chrono::TimeDelta::minutes(3));
    let mut readings = OrgReadings::default();
    for row in OrgRow::ALL {
        let value = match row {
            OrgRow::ServiceAccountProvided => OrgValue::Account(Some("svc".into())),
            OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => OrgValue::Flag(true),
            OrgRow::LinkedUsers => OrgValue::Count(USERS as u64),
            OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => OrgValue::Count(number as u64 + 7),
            OrgRow::LastSync(_) => OrgValue::Instant(seen),
        };
        let reading = Reading { value, observed_at: seen, changed_at: seen };
        readings.put(row, Source::Snapshot, reading);
    }
    let users = UserTable {
        users: (0..USERS).map(|user| entry(number * USERS + user, seen)).collect(),
        complete: true,
    };
    let mut live = LiveSources::default();
    live[Source::Snapshot] = true;
    let summary = UserSummary::of(&users, &policy, &live, NOW);
    let id = OrgId(u32::try_from(number).expect("few organisations"));
    let known_since = NOW.minus(chrono::TimeDelta::days(90));
    let mut org = OrgView::new(id, Arc::new(policy), known_since, NOW);
    org.last_report[Source::Snapshot] = Some(seen);
    org.readings = Arc::new(readings);
    org.users = Arc::new(users);
    org.summary = Arc::new(summary);
    org
}

/// A user whose states differ from those of the next one.
fn entry(number: usize, seen: Timestamp) -> UserEntry {
    let mut cells = UserReadings::default();
    for (place, row) in UserRow::checks().enumerate() {
        let states = row.statuses();
        let status = match (number * 7 + place) % 11 {
            0 => states[(number + place) % states.len()],
            _ if states.contains(&Status::InSync) => Status::InSync,
            _ => states[0],
        };
        if status != Status::Unknown {
            cells.take(row, status.into(), seen);
        }
    }
    // Sixteen hexadecimal digits without order, as a keyed hash gives.
    let hash = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    UserEntry {
        name: UserName::new(&format!("first.last{number}@corp.example")).expect("a name"),
        pseudonym: format!("{:016x}", hash.wrapping_mul(0xd6e8_feb8_6659_fd93)).into(),
        readings: Arc::from([(Source::Snapshot, cells)]),
    }
}
