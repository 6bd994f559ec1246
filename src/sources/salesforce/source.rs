//! Salesforce in the frame of polled sources: what makes a poller, and its facts as metrics.

use super::facts::PollFacts;
use super::poll::{Poller, SalesforcePoll};
use super::report::{ErrorReport, ReportedKind};
use super::settings::SalesforceSettings;
use super::users::{Connectivity, Onboarding};
use crate::domain::ids::{ObjectType, Source};
use crate::domain::policy::OrgPolicy;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::setup::SetupTrail;
use crate::domain::source_state::SourceFacts;
use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::OrgView;
use crate::events::Figure;
use crate::http_client::Trust;
use crate::sources::polling::{
    BoxedFuture, PollOutcome, PollPace, PollSettings, PolledSource, Usage,
};
use enum_map::{Enum, EnumMap};
use std::any::Any;
use std::sync::Arc;

/// The settings of an organisation's Salesforce, with what of its policy decides what is polled.
pub struct SalesforceSource {
    /// The organisation's policy.
    pub policy: Arc<OrgPolicy>,
    /// The section `salesforce`.
    pub settings: Arc<SalesforceSettings>,
    /// The system's authorities.
    pub trust: Trust,
}

impl PollSettings for SalesforceSource {
    fn source(&self) -> &'static str {
        Source::Salesforce.name()
    }

    fn pace(&self) -> PollPace {
        self.settings.pace()
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.settings == other.settings
                && self.policy.product == other.policy.product
                && self.policy.connection == other.policy.connection
                && self.policy.objects == other.policy.objects
                && self.policy.time_zone == other.policy.time_zone
        })
    }

    fn start(&self) -> Box<dyn PolledSource> {
        let settings = Arc::clone(&self.settings);
        Box::new(Poller::new(&self.policy, settings, &self.trust))
    }
}

impl PolledSource for Poller {
    fn poll<'a>(&'a mut self, now: Timestamp, org: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            self.resume(last_syncs(org), org.source_states.memory(Source::Salesforce));
            let budget_percent = self.client.settings.api_budget_percent;
            let SalesforcePoll { snapshot, facts, usage, calls, news, .. } =
                Self::poll(self, now).await;
            let mut figures = Figures::default();
            figures.of_facts(&facts);
            figures.of_usage(usage, calls, budget_percent);
            let not_moved = facts.successor.as_deref().and_then(|all| org.not_moved(all));
            figures.one(
                "lightning_sync_salesforce_users_not_moved",
                not_moved.map(|(left, _)| left as f64),
            );
            PollOutcome {
                snapshot: snapshot.map(Some),
                memory: self.counters.memory(),
                figures: figures.0,
                facts: SourceFacts {
                    successor: facts.successor,
                    unlisted: facts.unlisted,
                    setup: facts.setup.map_or(SetupTrail::NotRead, SetupTrail::Read),
                    ..SourceFacts::default()
                },
                usage,
                news,
            }
        })
    }

    fn not_taken(&mut self) {
        Self::not_taken(self);
    }
}

/// The last syncs that this source saw before a restart.
fn last_syncs(org: &OrgView) -> EnumMap<ObjectType, Option<Timestamp>> {
    EnumMap::from_fn(|object| {
        let reading = org.readings.get(OrgRow::LastSync(object), Source::Salesforce)?;
        if let OrgValue::Instant(at) = reading.value { Some(at) } else { None }
    })
}

/// Metrics of the catalogue as they are collected.
#[derive(Default)]
struct Figures(Vec<Figure>);

impl Figures {
    fn of_facts(&mut self, facts: &PollFacts) {
        self.counts(
            "lightning_sync_salesforce_capture_users",
            Connectivity::name,
            facts.connectivity,
        );
        self.counts(
            "lightning_sync_salesforce_capture_onboarding_users",
            Onboarding::name,
            facts.onboarding,
        );
        for (kind, assigned) in
            ["user", "profile"].into_iter().zip(facts.assigned.into_iter().flatten())
        {
            let metric = "lightning_sync_salesforce_assignments";
            self.put(metric, Some(kind), Some(assigned as f64));
        }
        for (part, there) in facts.parts {
            self.flag("lightning_sync_salesforce_part_available", part.name(), there);
        }
        for (switch, state) in facts.switches {
            self.flag("lightning_sync_salesforce_setting_enabled", switch.name(), state);
        }
        for (object, changed) in facts.approximate {
            let metric = "lightning_sync_salesforce_approximate_changed_records_60m";
            self.put(metric, Some(object.name()), changed.map(|changed| changed as f64));
        }
        self.one(
            "lightning_sync_salesforce_setup_changes_total",
            Some(facts.new_setup_changes as f64),
        );
        self.one(
            "lightning_sync_salesforce_last_setup_change_timestamp_seconds",
            facts.last_setup_change.map(Timestamp::seconds),
        );
        self.one("lightning_sync_salesforce_clock_ahead_seconds", facts.clock_ahead.map(seconds));
        self.0.extend(report_figures(facts.report));
    }

    fn of_usage(&mut self, usage: Option<Usage>, calls: u64, budget_percent: u8) {
        self.one("lightning_sync_salesforce_api_calls_total", Some(calls as f64));
        let used = usage.map(|usage| usage.used as f64);
        self.one("lightning_sync_salesforce_api_requests_used", used);
        let allowed = usage.map(|usage| usage.allowed as f64);
        self.one("lightning_sync_salesforce_api_requests_allowed", allowed);
        let share = usage.map(|usage| usage.share_of(budget_percent));
        self.one("lightning_sync_salesforce_api_budget_used_ratio", share);
    }

    fn put(&mut self, metric: &'static str, label: Option<&'static str>, value: Option<f64>) {
        let labels = label.into_iter().map(Into::into).collect();
        self.0.extend(value.map(|value| Figure { metric, labels, value }));
    }

    fn one(&mut self, metric: &'static str, value: Option<f64>) {
        self.put(metric, None, value);
    }

    fn flag(&mut self, metric: &'static str, label: &'static str, flag: Option<bool>) {
        self.put(metric, Some(label), flag.map(|flag| f64::from(u8::from(flag))));
    }

    fn counts<K: Enum>(
        &mut self,
        metric: &'static str,
        name: fn(K) -> &'static str,
        counts: Option<EnumMap<K, u64>>,
    ) {
        for (key, count) in counts.into_iter().flatten() {
            self.put(metric, Some(name(key)), Some(count as f64));
        }
    }
}

/// What an error report shows, polled or exported.
pub fn report_figures(report: Option<ErrorReport>) -> Vec<Figure> {
    let mut figures = Figures::default();
    let records = report.map(|report| report.records);
    figures.counts("lightning_sync_salesforce_report_failed_records", ReportedKind::name, records);
    let users = report.map(|report| report.users);
    figures.counts("lightning_sync_salesforce_report_failing_users", ReportedKind::name, users);
    let cut = report.and_then(|report| report.truncated).map(|cut| f64::from(u8::from(cut)));
    figures.one("lightning_sync_salesforce_report_truncated", cut);
    figures.0
}
