//! The canary in the frame of polled sources.

use super::SUSPENDED_FOR;
use super::exchange::MailboxVisit;
use super::machine::{Machine, Mark, Side, SideFound, SideWork};
use super::salesforce::{self, Whose};
use super::settings::CanarySettings;
use crate::domain::canary::{CanaryReport, CanaryState};
use crate::domain::ids::{ObjectType, Source};
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::source_state::SourceFacts;
use crate::domain::time::{Timestamp, seconds};
use crate::domain::view::OrgView;
use crate::events::Figure;
use crate::http_client::Trust;
use crate::sources::exchange::client::{CallTrouble, ExchangeClient};
use crate::sources::exchange::{ExchangeFailure, ExchangeSettings};
use crate::sources::failure::Failure;
use crate::sources::polling::{BoxedFuture, PollOutcome, PollPace, PollSettings, PolledSource};
use crate::sources::salesforce::client::Client;
use enum_map::EnumMap;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::any::Any;
use std::sync::Arc;

/// The settings of an organisation's canary.
pub struct CanarySource {
    /// The section `canary`.
    pub settings: Arc<CanarySettings>,
    /// The system's authorities.
    pub trust: Trust,
}

impl PollSettings for CanarySource {
    fn source(&self) -> &'static str {
        Source::Canary.name()
    }

    fn pace(&self) -> PollPace {
        self.settings.pace()
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| self.settings == other.settings)
    }

    fn start(&self) -> Box<dyn PolledSource> {
        Box::new(self.canary())
    }
}

/// Writes and looks for one organisation.
struct Canary {
    settings: Arc<CanarySettings>,
    machine: Machine,
    salesforce: Client,
    exchange: ExchangeClient,
    /// Why a side could not be used the last time that something was due there.
    trouble: EnumMap<Side, Option<Failure>>,
    throttled_until: Option<Timestamp>,
    /// Since when nothing but pauses was answered.
    throttled_since: Option<Timestamp>,
}

impl Canary {
    async fn visit_salesforce(&mut self, now: Timestamp) {
        let work = self.machine.work(Side::Salesforce, now);
        if work.is_empty() {
            return;
        }
        let whose = Whose::of(&self.settings);
        let answer = salesforce::request_all(&mut self.salesforce, whose, &work, now).await;
        self.trouble[Side::Salesforce] = match answer {
            Ok((found, trouble)) => {
                self.machine.take(Side::Salesforce, &found, now);
                trouble
            }
            Err(failure) => Some(failure),
        };
    }

    async fn visit_exchange(&mut self, now: Timestamp) {
        let fingerprint = self.settings.exchange.auth.fingerprint();
        let refused =
            self.machine.memory.refused.filter(|(until, of)| now < *until && *of == fingerprint);
        let throttled = self.throttled_until.is_some_and(|until| now < until);
        if refused.is_some() || throttled {
            self.throttled_for_long(now);
            return;
        }
        self.machine.memory.refused = None;
        let work = self.machine.work(Side::Exchange, now);
        if work.is_empty() {
            return;
        }
        let mut found = SideFound::default();
        let answer = self.request_exchange(&work, &mut found, now).await;
        self.machine.take(Side::Exchange, &found, now);
        if !matches!(answer, Err(CallTrouble::Throttled(_))) {
            self.throttled_since = None;
        }
        self.trouble[Side::Exchange] = match answer {
            Ok(()) => None,
            // A pause that Exchange demands is no failure, unless it does not end.
            Err(CallTrouble::Throttled(wait)) => {
                self.throttled_until = Some(now.plus(wait));
                self.throttled_since.get_or_insert(now);
                self.throttled_for_long(now);
                return;
            }
            Err(CallTrouble::SignIn(kind)) => {
                self.machine.memory.refused = Some((now.plus(SUSPENDED_FOR), fingerprint));
                Some(Failure::new(kind, "the sign-in was refused; it is tried once an hour"))
            }
            Err(CallTrouble::Failed(failure, _)) => Some(failure),
        };
    }

    /// Pauses without an end: nobody looks any more, and nothing new is known.
    fn throttled_for_long(&mut self, now: Timestamp) {
        if self.throttled_since.is_some_and(|since| now.since(since) >= self.settings.every) {
            let says = "Exchange has demanded pauses for a whole interval";
            let failure = Failure::new(ExchangeFailure::ExchangeThrottled, says);
            self.trouble[Side::Exchange] = Some(failure);
        }
    }

    async fn request_exchange(
        &self,
        work: &SideWork,
        found: &mut SideFound,
        now: Timestamp,
    ) -> Result<(), CallTrouble> {
        let sign_in =
            self.exchange.sign_in(now).map_err(|failure| CallTrouble::Failed(failure, None))?;
        let settings = &self.settings;
        let look = MailboxVisit {
            client: &self.exchange,
            sign_in: &sign_in,
            acting: settings.exchange.acting(&settings.mailbox),
            folder: &settings.contacts_folder,
            attendee: settings.attendee.as_deref(),
            now,
        };
        look.request_all(work, found).await
    }

    fn snapshot(&self, now: Timestamp, org: &OrgView) -> Option<Snapshot> {
        let rows: Vec<_> = ObjectType::ALL
            .iter()
            .filter_map(|object| {
                let (last, late) = self.machine.proof(*object);
                // Between two items nobody looks, so that an older proof is not shown as if somebody had.
                let row = OrgRow::LastSync(*object);
                (self.machine.proven[*object] || late).then_some((row, OrgValue::Instant(last?)))
            })
            .collect();
        (!rows.is_empty()).then(|| Snapshot {
            org: org.policy.name.clone(),
            source: Source::Canary,
            captured_at: now,
            rows,
            users: Vec::new(),
            users_complete: false,
        })
    }
}

impl PolledSource for Canary {
    fn poll<'a>(&'a mut self, now: Timestamp, org: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            let stored = org.source_states.memory(Source::Canary);
            self.machine.begin(stored, now);
            self.visit_salesforce(now).await;
            self.visit_exchange(now).await;
            self.machine.settle(now, random_mark);
            let trouble = self.trouble.values().flatten().next().cloned();
            let mut report = self.machine.report(trouble.is_some(), now);
            for (object, directions) in &mut report.lanes {
                for (direction, lane) in directions {
                    if let Some(lane) = lane {
                        lane.class = self.settings.class(object, direction);
                    }
                }
            }
            let memory = self.machine.stored().filter(|bytes| stored != Some(bytes.as_slice()));
            let snapshot = match (self.snapshot(now, org), trouble) {
                (Some(snapshot), _) => Ok(Some(snapshot)),
                (None, Some(failure)) => Err(failure),
                (None, None) => Ok(None),
            };
            let forgotten = self.machine.forgotten.iter();
            PollOutcome {
                snapshot,
                memory,
                figures: figures(&report, &self.machine),
                facts: SourceFacts { canary: Some(Arc::new(report)), ..SourceFacts::default() },
                usage: None,
                news: forgotten
                    .map(|title| format!("{title:?} may be left over and is not named any more"))
                    .collect(),
            }
        })
    }

    fn incomplete(&mut self) -> Option<Failure> {
        self.trouble.values().flatten().next().cloned()
    }
}

impl CanarySource {
    /// Whether each side lets its account in and has what is needed; nothing is written.
    pub async fn look(&self, now: Timestamp) -> [(&'static str, Result<(), Failure>); 2] {
        let mut canary = self.canary();
        let mut work = SideWork::default();
        for marks in work.find.values_mut() {
            // A mark that nothing has.
            marks.push(Mark(0));
        }
        let whose = Whose::of(&self.settings);
        let salesforce = salesforce::request_all(&mut canary.salesforce, whose, &work, now).await;
        let salesforce = salesforce.and_then(|(_, trouble)| trouble.map_or(Ok(()), Err));
        let exchange = canary.request_exchange(&work, &mut SideFound::default(), now).await;
        let exchange = exchange.map_err(|trouble| match trouble {
            CallTrouble::Throttled(_) => {
                Failure::new(ExchangeFailure::ExchangeThrottled, "Exchange demands a pause")
            }
            CallTrouble::SignIn(kind) => Failure::new(kind, "the sign-in was refused"),
            CallTrouble::Failed(failure, _) => failure,
        });
        [(Side::Salesforce.name(), salesforce), (Side::Exchange.name(), exchange)]
    }

    fn canary(&self) -> Canary {
        let settings = Arc::clone(&self.settings);
        Canary {
            machine: Machine::new(settings.every, settings.least_allowed, settings.lanes),
            salesforce: Client::new(Arc::clone(&settings.salesforce), &self.trust),
            exchange: ExchangeClient::new(
                settings.exchange.clone(),
                &self.trust.with(settings.authorities.as_ref()),
                ExchangeSettings::LIMITS,
            ),
            settings,
            trouble: EnumMap::default(),
            throttled_until: None,
            throttled_since: None,
        }
    }
}

/// Without random bits there is no mark, and nothing is written.
fn random_mark() -> Option<Mark> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(Mark(u128::from_be_bytes(bytes)))
}

fn figures(report: &CanaryReport, machine: &Machine) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (object, direction, lane) in report.lanes() {
        let mut put = |metric, value: Option<f64>| {
            let labels = vec![object.name().into(), direction.name().into()];
            figures.extend(value.map(|value| Figure { metric, labels, value }));
        };
        let last = lane.last_round_trip.map(seconds);
        put("lightning_sync_canary_last_round_trip_seconds", last);
        let proof = lane.last_proof.map(Timestamp::seconds);
        put("lightning_sync_canary_last_proof_timestamp_seconds", proof);
        put("lightning_sync_canary_allowed_seconds", Some(seconds(lane.allowed)));
        let late = lane.late_since.map(Timestamp::seconds);
        put("lightning_sync_canary_late_since_timestamp_seconds", late);
        figures.push(Figure {
            metric: "lightning_sync_canary_class_info",
            labels: [object.name(), direction.name(), lane.class.name()].map(Into::into).into(),
            value: 1.0,
        });
        for state in CanaryState::ALL {
            let labels = [object.name(), direction.name(), state.name()];
            figures.push(Figure {
                metric: "lightning_sync_canary_state",
                labels: labels.map(Into::into).into(),
                value: f64::from(u8::from(*state == lane.state)),
            });
        }
    }
    for (object, direction, trip) in &machine.ended {
        let labels = vec![object.name().into(), direction.name().into()];
        match trip.took {
            Some(took) => figures.push(Figure {
                metric: "lightning_sync_canary_round_trip_seconds",
                labels,
                value: seconds(took),
            }),
            None => figures.push(Figure {
                metric: "lightning_sync_canary_lost_total",
                labels,
                value: 1.0,
            }),
        }
    }
    figures.push(Figure {
        metric: "lightning_sync_canary_leftovers",
        labels: Vec::new(),
        value: report.leftovers.len() as f64,
    });
    figures
}
