//! The way into the engine: bounded by bytes, refused at once when full, so that senders slow down and memory does not grow.

use super::EngineSettings;
use crate::domain::alerts::AlertChange;
use crate::domain::ids::OrgName;
use crate::domain::observation::{Observation, Receipt, Refusal};
use crate::domain::source_state::SourceState;
use crate::domain::users::UserReadings;
use crate::domain::view::View;
use std::sync::Arc;
use std::sync::mpsc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// How much may wait to be written: half a second of the store's speed at its best, two of the largest requests.
pub const QUEUE_BYTES: usize = 64 << 20;

/// What the engine has to do.
pub(super) enum EngineCommand {
    Observe {
        observation: Observation,
        reply: oneshot::Sender<Result<Receipt, Refusal>>,
        share: OwnedSemaphorePermit,
    },
    Configure {
        settings: Box<EngineSettings>,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Alerts {
        changes: Vec<AlertChange>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    SourceState {
        org: OrgName,
        source: &'static str,
        state: Option<Box<SourceState>>,
    },
    Stop,
}

/// An answer to wait for.
pub type Submitted = oneshot::Receiver<Result<Receipt, Refusal>>;

/// The engine as the other modules see it, through `app.rs`: something to submit to, and the latest View.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<EngineCommand>,
    /// A permit for each byte that may wait.
    free: Arc<Semaphore>,
    published: watch::Receiver<Arc<View>>,
}

impl Handle {
    pub(super) fn new(
        commands: mpsc::Sender<EngineCommand>,
        published: watch::Receiver<Arc<View>>,
    ) -> Self {
        Self { commands, free: Arc::new(Semaphore::new(QUEUE_BYTES)), published }
    }

    /// The latest View.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.published.borrow())
    }

    /// What tells of every new View.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.published.clone()
    }

    /// How many bytes wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        QUEUE_BYTES - self.free.available_permits()
    }

    /// Hands over an observation; the answer comes when it is on disk and in the View.
    ///
    /// # Errors
    /// [`Refusal::QueueFull`] when too much waits, [`Refusal::ShuttingDown`] when the engine has ended.
    pub fn submit(&self, observation: Observation) -> Result<Submitted, Refusal> {
        // A request larger than the whole queue is let in when nothing else waits.
        let bytes = u32::try_from(weight(&observation).min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.free).try_acquire_many_owned(bytes);
        let share = share.map_err(|_| Refusal::QueueFull)?;
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(EngineCommand::Observe { observation, reply, share })
            .map_err(|_| Refusal::ShuttingDown)?;
        Ok(answer)
    }

    /// Hands over a new configuration.
    ///
    /// # Errors
    /// When the store cannot take a new organisation, or the engine has ended; the old configuration stays.
    pub async fn configure(&self, settings: EngineSettings) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let gone = |()| "the engine has ended".to_owned();
        self.commands
            .send(EngineCommand::Configure { settings: Box::new(settings), reply })
            .map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }

    /// Hands over how far alerts have got; it is on disk when this is done. Whoever sends alerts waits for that, so that
    /// nothing piles up.
    ///
    /// # Errors
    /// When it is not, or the engine has ended.
    pub async fn record_alerts(&self, changes: Vec<AlertChange>) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        let command = EngineCommand::Alerts { changes, reply };
        self.commands.send(command).map_err(|_| Refusal::ShuttingDown)?;
        answer.await.map_err(|_| Refusal::ShuttingDown)?
    }

    /// Hands over the state of a polled source, `None` when it is no longer polled; it is in the View within a second.
    pub fn set_source_state(
        &self,
        org: &OrgName,
        source: &'static str,
        state: Option<SourceState>,
    ) {
        let command =
            EngineCommand::SourceState { org: org.clone(), source, state: state.map(Box::new) };
        // An engine that has ended shows nothing any more.
        let _gone = self.commands.send(command).is_err();
    }

    pub(super) fn stop(&self) {
        // An engine that has ended already needs no word.
        let _gone = self.commands.send(EngineCommand::Stop).is_err();
    }
}

/// What an observation takes in memory while it waits.
fn weight(observation: &Observation) -> usize {
    let payload = match observation {
        Observation::Memory(memory) => memory.bytes.len(),
        Observation::Activity(batch) => std::mem::size_of_val(batch.records.as_slice()),
        Observation::Snapshot(snapshot) => snapshot.users.len() * size_of::<UserReadings>(),
    };
    // The envelope: names, channel and list heads.
    payload + 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::{ActivityKind, ActivityRecord};
    use crate::domain::ids::{ObjectType, OrgName, Outcome};
    use crate::domain::observation::ActivityBatch;
    use crate::domain::policy::{OrgPolicy, UserNames, UserSeries};
    use crate::domain::time::Timestamp;
    use crate::engine::memory_store::MemoryStore;
    use crate::engine::{Clock, Engine, spawn};
    use crate::events::Events;
    use chrono::TimeDelta;
    use std::sync::Mutex;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_full_queue_refuses_at_once_and_loses_nothing_of_what_it_took() {
        let org = OrgName::new("acme").unwrap();
        let settings = EngineSettings {
            policies: vec![Arc::new(OrgPolicy::defaults(org.clone()))],
            keep_activity: TimeDelta::days(7),
            keep_history: TimeDelta::days(400),
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        };
        let store = MemoryStore::new();
        let engine = Engine::start(store, settings, Events::log_only(), NOW).unwrap();
        let identity = engine.identity();
        // The engine asks for the time before each commit; while this is held, it waits there.
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().unwrap();
        let clock = Clock {
            wall: Arc::new({
                let gate = Arc::clone(&gate);
                move || {
                    drop(gate.lock().unwrap());
                    NOW
                }
            }),
            steady: Arc::new(|| Duration::ZERO),
        };
        let running = spawn(engine, clock).unwrap();
        let batch = |number: usize| {
            let record = |index: usize| ActivityRecord {
                at: NOW.minus(TimeDelta::seconds(1)),
                kind: ActivityKind {
                    object_type: ObjectType::Contacts,
                    direction: None,
                    outcome: Outcome::Synced,
                },
                key: identity.of_id("acme", NOW, &format!("{number}/{index}")),
            };
            Observation::Activity(ActivityBatch {
                org: org.clone(),
                received_at: NOW,
                records: (0..RECORDS).map(record).collect(),
            })
        };
        const RECORDS: usize = 50_000;
        let mut taken = Vec::new();
        let refusal = loop {
            match running.handle.submit(batch(taken.len())) {
                Ok(answer) => taken.push(answer),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refusal, Refusal::QueueFull);
        let waiting = running.handle.waiting_bytes();
        assert!(waiting <= QUEUE_BYTES && waiting + weight(&batch(0)) > QUEUE_BYTES, "{waiting}");
        drop(held);
        let took = taken.len();
        for answer in taken {
            let receipt = answer.blocking_recv().unwrap().unwrap();
            assert_eq!(receipt.accepted, RECORDS as u64);
        }
        // Space again for the one that was refused, and everything counted once.
        let again = running.handle.submit(batch(took)).unwrap();
        assert_eq!(again.blocking_recv().unwrap().unwrap().accepted, RECORDS as u64);
        assert_eq!(running.handle.waiting_bytes(), 0);
        let view = running.handle.view();
        let figures = view.org(&org).unwrap();
        let counted =
            figures.current(crate::domain::rows::OrgRow::Synced60m(ObjectType::Contacts), NOW);
        assert_eq!(
            counted.map(|row| row.value.clone()),
            Some(crate::domain::rows::OrgValue::Count((RECORDS * (took + 1)) as u64))
        );
        assert!(running.stop());
    }
}
