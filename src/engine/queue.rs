//! The way into the engine: bounded by bytes, refused at once when full, so that senders slow down and memory does not grow.

use super::Settings;
use crate::domain::asked::Asked;
use crate::domain::ids::OrgName;
use crate::domain::observation::{Observation, Receipt, Refusal};
use crate::domain::users::UserCells;
use crate::domain::view::View;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use tokio::sync::{oneshot, watch};

/// How much may wait to be written: half a second of the store's speed at its best, two of the largest requests.
pub const QUEUE_BYTES: usize = 64 << 20;

/// What the engine is asked to do.
pub(super) enum Command {
    Observe {
        observation: Observation,
        reply: oneshot::Sender<Result<Receipt, Refusal>>,
        room: Room,
    },
    Configure {
        settings: Box<Settings>,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Told {
        org: OrgName,
        asked: Box<Asked>,
    },
    Stop,
}

/// An answer to wait for.
pub type Submitted = oneshot::Receiver<Result<Receipt, Refusal>>;

/// Room in the queue, given back when dropped.
pub(super) struct Room {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// The engine as the other rooms see it, through `app.rs`: something to submit to, and the latest View.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    waiting: Arc<AtomicUsize>,
    published: watch::Receiver<Arc<View>>,
}

impl Handle {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        published: watch::Receiver<Arc<View>>,
    ) -> Self {
        Self {
            commands,
            waiting: Arc::new(AtomicUsize::new(0)),
            published,
        }
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
        self.waiting.load(Ordering::Acquire)
    }

    /// Hands over an observation; the answer comes when it is on disk and in the View.
    ///
    /// # Errors
    /// [`Refusal::QueueFull`] when too much waits, [`Refusal::ShuttingDown`] when the engine has ended.
    pub fn submit(&self, observation: Observation) -> Result<Submitted, Refusal> {
        let bytes = weight(&observation);
        let room = self.room(bytes)?;
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Observe {
                observation,
                reply,
                room,
            })
            .map_err(|_| Refusal::ShuttingDown)?;
        Ok(answer)
    }

    /// Hands over a new configuration.
    ///
    /// # Errors
    /// When the store cannot take a new organisation, or the engine has ended; the old configuration stays.
    pub async fn configure(&self, settings: Settings) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let gone = |()| "the engine has ended".to_owned();
        self.commands
            .send(Command::Configure {
                settings: Box::new(settings),
                reply,
            })
            .map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }

    /// Hands over what a source that asks told besides rows; it is in the View within a second.
    pub fn told(&self, org: &OrgName, asked: Asked) {
        let command = Command::Told {
            org: org.clone(),
            asked: Box::new(asked),
        };
        // An engine that has ended shows nothing any more.
        let _gone = self.commands.send(command).is_err();
    }

    pub(super) fn stop(&self) {
        // An engine that has ended already needs no word.
        let _gone = self.commands.send(Command::Stop).is_err();
    }

    /// A request larger than the whole queue is let in when nothing else waits.
    fn room(&self, bytes: usize) -> Result<Room, Refusal> {
        let admitted = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
                (waiting == 0 || waiting.saturating_add(bytes) <= QUEUE_BYTES)
                    .then(|| waiting + bytes)
            });
        match admitted {
            Ok(_) => Ok(Room {
                waiting: Arc::clone(&self.waiting),
                bytes,
            }),
            Err(_) => Err(Refusal::QueueFull),
        }
    }
}

/// What an observation takes in memory while it waits.
fn weight(observation: &Observation) -> usize {
    let payload = match observation {
        Observation::Activity(batch) => std::mem::size_of_val(batch.records.as_slice()),
        Observation::Snapshot(snapshot) => snapshot.users.len() * size_of::<UserCells>(),
    };
    // The envelope: names, channel and list heads.
    payload + 512
}
