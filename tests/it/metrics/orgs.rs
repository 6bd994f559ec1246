//! Organisations as the tests need them, put together by hand.

use chrono::{TimeDelta, Weekday};
use enum_map::EnumMap;
use lightning_sync_exporter::domain::calendar::{Calendar, Weekly};
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::policy::{
    ConnectionMethod, CountHours, OrgPolicy, Product, UserSeries,
};
use lightning_sync_exporter::domain::readings::{OrgReadings, Reading};
use lightning_sync_exporter::domain::rhythm::FeedDelay;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::{UserEntry, UserReadings, UserSummary, UserTable};
use lightning_sync_exporter::domain::view::{ActivityFigures, OrgView, View};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A Monday at noon: 2026-11-23T12:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

pub(super) fn ago(delta: TimeDelta) -> Timestamp {
    NOW.minus(delta)
}

/// Something to fill in before it becomes an [`OrgView`].
pub(super) struct Org {
    pub(super) policy: OrgPolicy,
    pub(super) readings: OrgReadings,
    pub(super) last_report: EnumMap<Source, Option<Timestamp>>,
    pub(super) activity: EnumMap<ObjectType, ActivityFigures>,
    pub(super) users: UserTable,
    pub(super) known_since: Timestamp,
}

impl Org {
    pub(super) fn new(name: &str) -> Self {
        Self {
            policy: OrgPolicy::defaults(OrgName::new(name).unwrap()),
            readings: OrgReadings::default(),
            last_report: EnumMap::default(),
            activity: EnumMap::default(),
            users: UserTable::default(),
            known_since: ago(TimeDelta::days(90)),
        }
    }

    pub(super) fn spoke(mut self, source: Source, at: Timestamp) -> Self {
        self.last_report[source] = Some(at);
        self
    }

    /// A row that the status page shows at `at`, and that the source has shown for a day.
    pub(super) fn shows(mut self, row: OrgRow, value: OrgValue, at: Timestamp) -> Self {
        let reading = Reading { value, observed_at: at, changed_at: at.minus(TimeDelta::days(1)) };
        self.readings.put(row, Source::Snapshot, reading);
        self.spoke(Source::Snapshot, at)
    }

    /// A user whose rows were read at `at`; directions that are not named are in sync, other rows are fine.
    pub(super) fn user(mut self, name: &str, odd: &[(UserRow, Status)], at: Timestamp) -> Self {
        let mut cells = UserReadings::default();
        for row in UserRow::checks() {
            let odd = odd.iter().find(|(of, _)| *of == row);
            let status = match odd {
                Some((_, status)) => *status,
                None if row.is_direction() => Status::InSync,
                None => row.statuses()[0],
            };
            if status != Status::Unknown {
                cells.take(row, status.into(), at);
            }
        }
        cells.take(UserRow::ContactsRecords, UserValue::Records(312), at);
        let number = self.users.users.len();
        self.users.users.push(UserEntry {
            name: UserName::new(name).unwrap(),
            pseudonym: format!("{number:016x}").into(),
            readings: Arc::from([(Source::Snapshot, cells)]),
        });
        self.spoke(Source::Snapshot, at)
    }

    /// The contacts in the folder of the latest user, as a probe of Exchange counted them.
    pub(super) fn counted(mut self, contacts: u32, at: Timestamp) -> Self {
        let mut cells = UserReadings::default();
        cells.take(UserRow::ContactsRecords, UserValue::Records(contacts), at);
        let user = self.users.users.last_mut().unwrap();
        user.readings = user.readings.iter().cloned().chain([(Source::Exchange, cells)]).collect();
        self.policy.probes_exchange = true;
        self.spoke(Source::Exchange, at)
    }

    pub(super) fn view(self) -> Arc<OrgView> {
        let mut org = OrgView {
            id: OrgId(1),
            known_since: self.known_since,
            readings: Arc::new(self.readings),
            last_report: self.last_report,
            activity: self.activity,
            usual: None,
            feed_delay: FeedDelay::default(),
            users: Arc::new(self.users),
            summary: Arc::default(),
            open_hours: self.policy.calendar.lay_out(NOW),
            source_states: Arc::default(),
            incidents: Arc::default(),
            caught_up_at: Timestamp::MIN,
            policy: Arc::new(self.policy),
        };
        let live = org.live(NOW);
        let summary = UserSummary::of(&org.users, &org.policy, &live, NOW);
        let table = (&*org.users, &*org.policy);
        let before = UserSummary::default();
        org.summary = Arc::new(summary.with_counts_after(&before, table, &live, NOW));
        Arc::new(org)
    }
}

pub(super) fn view(orgs: impl IntoIterator<Item = Org>) -> View {
    let mut view = View::empty(NOW);
    view.user_series = UserSeries::PerUser;
    view.orgs = orgs.into_iter().map(Org::view).collect();
    view
}

/// Fed by activity and by the status page, at work, with users in every kind of trouble.
pub(super) fn busy() -> Org {
    let page = ago(TimeDelta::minutes(6));
    let mut org = Org::new("busy")
        .spoke(Source::Activity, ago(TimeDelta::seconds(20)))
        .shows(
            OrgRow::ServiceAccountProvided,
            OrgValue::Account(Some("svc-sfsync@corp.example".into())),
            page,
        )
        .shows(OrgRow::ServiceAccountRecognized, OrgValue::Flag(true), page)
        .shows(OrgRow::OutlookIntegration, OrgValue::Flag(false), page)
        .shows(OrgRow::LinkedUsers, OrgValue::Count(3), page)
        .user("ann@corp.example", &[], page)
        .counted(312, page)
        .user("bob@corp.example", &[(UserRow::MailboxVersion, Status::No)], page)
        .user(
            "cid@corp.example",
            &[
                (UserRow::Reset, Status::MarkedForReset),
                (UserRow::EventsToExchange, Status::InitialSyncInProgress),
                (UserRow::OutlookIntegration, Status::Unknown),
            ],
            page,
        );
    org.users.complete = true;
    org.policy.reps_select_events = true;
    org.policy.count_hours = CountHours::Business;
    org.policy.expected_linked_users = Some(4);
    org.policy.calendar = office_hours();
    for figures in org.activity.values_mut() {
        *figures = ActivityFigures {
            synced_60m: 18,
            synced_24h: 2104,
            failed_24h: 2,
            last_synced: Some(Timestamp::from_nanos(NOW.nanos() - 90_250_000_000)),
            covered_since: Some(ago(TimeDelta::days(7))),
        };
    }
    org
}

/// Nobody has ever said anything.
pub(super) fn silent() -> Org {
    let mut org = Org::new("silent");
    org.known_since = ago(TimeDelta::hours(3));
    org
}

/// The page was read three days ago, and showed a sync and nothing in 60 minutes.
pub(super) fn held() -> Org {
    let page = ago(TimeDelta::days(3));
    let mut org = Org::new("held")
        .shows(
            OrgRow::LastSync(ObjectType::Contacts),
            OrgValue::Instant(page.minus(TimeDelta::hours(2))),
            page,
        )
        .shows(OrgRow::Synced60m(ObjectType::Contacts), OrgValue::Count(0), page)
        .shows(OrgRow::ServiceAccountProvided, OrgValue::Account(None), page);
    org.policy.objects = vec![ObjectType::Contacts];
    org.policy.product = Product::EinsteinActivityCapture;
    org
}

/// The page was read just now, and shows that nothing has ever synced.
pub(super) fn zero() -> Org {
    let page = ago(TimeDelta::minutes(1));
    let mut org = Org::new("zero")
        .shows(OrgRow::Synced60m(ObjectType::Contacts), OrgValue::Count(0), page)
        .shows(OrgRow::Synced24h(ObjectType::Contacts), OrgValue::Count(0), page);
    org.policy.objects = vec![ObjectType::Contacts];
    org.policy.connection = ConnectionMethod::Oauth;
    org.users.complete = true;
    org
}

fn office_hours() -> Calendar {
    Calendar::Weekly(Weekly {
        time_zone: chrono_tz::Tz::Europe__Berlin,
        days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
        from_minute: 8 * 60,
        to_minute: 18 * 60,
        holidays: BTreeSet::new(),
    })
}
