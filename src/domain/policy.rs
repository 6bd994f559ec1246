//! What the operator decided for an organisation: the one home of every threshold.

use super::calendar::Calendar;
use super::drift::DriftLimits;
use super::ids::{ObjectType, OrgName, Source, UserName, closed_set};
use super::rows::RowSpec;
use super::time::Timestamp;
use chrono::TimeDelta;
use chrono_tz::Tz;
use enum_map::EnumMap;
use std::collections::BTreeSet;

closed_set! {
    /// The product whose sync is watched.
    Product {
        /// Lightning Sync, which retires in April 2027.
        LightningSync = "lightning_sync",
        /// Its successor.
        EinsteinActivityCapture = "einstein_activity_capture",
    }
}

closed_set! {
    /// How Salesforce reaches Exchange.
    ConnectionMethod {
        /// One account that impersonates all users.
        ServiceAccount = "service_account",
        /// OAuth 2.0; the service account rows mean nothing.
        Oauth = "oauth",
    }
}

closed_set! {
    /// What the hours of `stale_after` are counted in.
    CountHours {
        /// As the vendor documents it.
        Wall = "wall",
        /// Only while the organisation works.
        Business = "business",
    }
}

closed_set! {
    /// In what order the status page writes day, month and year.
    DateOrder {
        Dmy = "dmy",
        Mdy = "mdy",
        Ymd = "ymd",
    }
}

closed_set! {
    /// Whether users have series of their own.
    UserSeries {
        /// Counts per organisation only.
        Aggregate = "aggregate",
        /// One series for each user and check.
        PerUser = "per_user",
    }
}

closed_set! {
    /// What stands for a user in labels and pages.
    UserNames {
        /// A keyed pseudonym.
        Pseudonym = "pseudonym",
        /// The name as the source wrote it.
        Plain = "plain",
    }
}

/// The policy of one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgPolicy {
    /// The organisation.
    pub name: OrgName,
    /// The product it uses.
    pub product: Product,
    /// How that product reaches Exchange.
    pub connection: ConnectionMethod,
    /// What it syncs; never empty, in the order of [`ObjectType::ALL`].
    pub objects: Vec<ObjectType>,
    /// Whether reps choose which events sync; only then the Outlook integration rows matter.
    pub reps_select_events: bool,
    /// The zone of the page's times and of the business calendar.
    pub time_zone: Tz,
    /// The order of the page's dates.
    pub date_order: DateOrder,
    /// The article's "within the last few minutes".
    pub fresh_within: TimeDelta,
    /// The article's 24 hours.
    pub stale_after: TimeDelta,
    /// What those hours are counted in.
    pub count_hours: CountHours,
    /// When the organisation works.
    pub calendar: Calendar,
    /// How many users should be linked, where the operator knows.
    pub expected_linked_users: Option<u64>,
    /// Users who left or never should sync.
    pub exclude_users: BTreeSet<UserName>,
    /// Whether a silence is news when each of the last four weeks had records at the same hours.
    pub unusually_quiet: bool,
    /// Until when what never synced is no news.
    pub setup_until: Option<Timestamp>,
    /// Since when users leave for the successor product.
    pub migrating_since: Option<Timestamp>,
    /// When the product ends for this organisation.
    pub retirement: Option<Timestamp>,
    /// How long a reset may take.
    pub reset_limit: TimeDelta,
    /// How long a first sync may take.
    pub initial_sync_limit: TimeDelta,
    /// How long what followed from a cause waits after the cause ended before it pages by itself.
    pub recovery_within: TimeDelta,
    /// How far the counts of contacts on both sides may be apart.
    pub drift: DriftLimits,
    /// The most users that are held; a snapshot or record that names more is refused.
    pub max_users: u64,
    /// How often each source reports when all is well; `None`: its silence means nothing synced.
    pub expected_every: EnumMap<Source, Option<TimeDelta>>,
    /// Whether Exchange's logs are read.
    pub reads_exchange_log: bool,
    /// Whether Exchange is probed.
    pub probes_exchange: bool,
    /// Whether a canary writes items of its own.
    pub runs_canary: bool,
}

impl OrgPolicy {
    /// How long a user may be "not started". In the successor product it is not time that is missing after two days.
    pub fn not_started_limit(&self) -> TimeDelta {
        match self.product {
            Product::LightningSync => self.initial_sync_limit,
            Product::EinsteinActivityCapture => self.initial_sync_limit.min(TimeDelta::days(2)),
        }
    }

    /// How long "known and never synced" may last before it pages: the article's "hours", on record a day or more,
    /// and a weekend.
    pub const NEVER_SYNCED_AFTER: TimeDelta = TimeDelta::hours(72);
    /// How long an organisation may be configured before its silence is news: one set-up session.
    pub const FIRST_OBSERVATION_WITHIN: TimeDelta = TimeDelta::hours(1);
    /// From this share of the budget of API requests on, polls come further apart and an alert fires.
    pub const API_BUDGET_LOW: f64 = 0.75;
    /// How often a polled source reads switches of the settings, which hardly change.
    pub const SETTINGS_READ_EVERY: TimeDelta = TimeDelta::hours(1);
    /// When the vendor's retirement turns Lightning Sync off outside Government Cloud: 2027-04-01T00:00:00Z.
    pub const VENDOR_RETIREMENT: Timestamp = Timestamp::from_seconds(1_806_537_600);

    /// The policy that an organisation has when the operator says nothing but its name.
    pub fn defaults(name: OrgName) -> Self {
        Self {
            name,
            product: Product::LightningSync,
            connection: ConnectionMethod::ServiceAccount,
            objects: ObjectType::ALL.to_vec(),
            reps_select_events: false,
            time_zone: Tz::UTC,
            date_order: DateOrder::Dmy,
            fresh_within: TimeDelta::minutes(15),
            stale_after: TimeDelta::hours(24),
            count_hours: CountHours::Wall,
            calendar: Calendar::Always,
            expected_linked_users: None,
            exclude_users: BTreeSet::new(),
            unusually_quiet: false,
            setup_until: None,
            migrating_since: None,
            retirement: Some(Self::VENDOR_RETIREMENT),
            reset_limit: TimeDelta::hours(4),
            initial_sync_limit: TimeDelta::hours(72),
            recovery_within: TimeDelta::hours(2),
            drift: DriftLimits::DEFAULT,
            max_users: 50_000,
            probes_exchange: false,
            runs_canary: false,
            expected_every: EnumMap::from_fn(|source| match source {
                Source::Snapshot => Some(TimeDelta::hours(24)),
                Source::Activity => None,
                Source::Canary | Source::Exchange | Source::Salesforce | Source::ExchangeLog => {
                    Some(TimeDelta::minutes(5))
                }
            }),
            reads_exchange_log: false,
        }
    }

    /// Whether a row is about the organisation or a user as a whole, or about an object type that the organisation syncs.
    pub fn covers(&self, row: impl Into<&'static RowSpec>) -> bool {
        let object = row.into().object_type;
        object.is_none_or(|object| self.objects.contains(&object))
    }

    /// Whether the organisation is in its first set-up.
    pub fn setting_up(&self, now: Timestamp) -> bool {
        self.setup_until.is_some_and(|until| now < until)
    }

    /// Whether users are leaving for the successor product.
    pub fn migrating(&self, now: Timestamp) -> bool {
        self.migrating_since.is_some_and(|since| now >= since)
    }

    /// Whether the product has ended for this organisation.
    pub fn retired(&self, now: Timestamp) -> bool {
        self.product == Product::LightningSync && self.retirement.is_some_and(|end| now >= end)
    }
}
