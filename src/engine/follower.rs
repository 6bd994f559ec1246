//! The engine of a daemon that shares its database with others: it reads what the leader stores, refuses what is pushed, and
//! leads as soon as nobody else does.

use super::queue::EngineCommand;
use super::worker::{Deposed, WorkerEnds, lead, spawn_thread};
use super::{Clock, Engine, EngineSettings, Running};
use crate::domain::activity::IdentityKey;
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::observation::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::view::{DaemonRole, View};
use crate::events::{Event, Events};
use crate::store::{Looked, Standby, Store, StoreError};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often to look whether the leader is still there: after its orderly end another leads within 2 s.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often the View is published, as the leader does.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// How often everything is read again that the leader has written meanwhile.
const READ_EVERY: Duration = Duration::from_secs(5);
/// Reading a large database takes the server and us a tenth of the time at most.
const READ_SHARE: u32 = 10;

/// How far alerts had got; sent once, when the daemon leads.
pub type Promotion = oneshot::Receiver<Vec<(AlertId, AlertState)>>;

/// A daemon's engine that runs, whoever leads.
pub struct Began {
    /// The engine.
    pub running: Running,
    /// The secret of record identities.
    pub identity: IdentityKey,
    /// Since when the store knows the first of its organisations.
    pub known_since: Timestamp,
    /// Resolves when this daemon leads.
    pub promotion: Promotion,
}

/// Starts the engine as the leader, or else as a follower of it.
///
/// # Errors
/// When the database cannot be used, or the system gives no thread.
pub fn spawn_standby<S: Standby + 'static>(
    mut standby: S,
    settings: EngineSettings,
    events: Events,
    clock: Clock,
) -> Result<Began, SpawnError> {
    let now = (clock.wall)();
    let (promote, promotion) = oneshot::channel();
    let began = Instant::now();
    let looked = standby.look()?;
    let (engine, role) = match looked {
        Looked::Leads(store) => {
            (Engine::start(store, settings.clone(), events.clone(), now)?, DaemonRole::Leader)
        }
        Looked::Follows { leader, .. } => {
            let store = standby.read()?;
            let engine = Engine::start(store, settings.clone(), Events::discarded(), now)?;
            (engine, DaemonRole::Follower { leader })
        }
    };
    let (identity, known_since) = (engine.identity(), engine.known_since(now));
    let view = View { role: role.clone(), ..engine.view() };
    let running = spawn_thread(view, clock, move |ends| {
        if role.leads() {
            return promoted(engine, promote, &events, began, ends);
        }
        announce(&role, &events);
        let begun = Instant::now();
        let follower = Follower {
            standby,
            engine,
            settings,
            role,
            commits: None,
            read_at: begun,
            published: begun,
            failing: false,
            events,
            ends,
        };
        follower.run(promote)
    })?;
    Ok(Began { running, identity, known_since, promotion })
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The store says why.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no thread.
    #[error("the system refuses a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Leads from now on.
fn promoted<S: Store>(
    mut engine: Engine<S>,
    promote: oneshot::Sender<Vec<(AlertId, AlertState)>>,
    events: &Events,
    began: Instant,
    ends: WorkerEnds,
) -> Option<Deposed> {
    events.emit(Event::Leading { took: began.elapsed() });
    // Whoever sends alerts may have ended before.
    let _gone = promote.send(engine.take_alerts()).is_err();
    let deposed = lead(engine, ends);
    if deposed.is_some() {
        events.emit(Event::Deposed);
    }
    deposed
}

/// Tells whom this daemon follows.
fn announce(role: &DaemonRole, events: &Events) {
    if let DaemonRole::Follower { leader } = role {
        let leader = leader.as_ref().map(ToString::to_string).unwrap_or_default();
        events.emit(Event::Following { leader });
    }
}

struct Follower<S: Standby> {
    standby: S,
    engine: Engine<S::Store>,
    settings: EngineSettings,
    role: DaemonRole,
    /// What was committed when everything was last read; `None`: it has to be read again.
    commits: Option<i64>,
    /// When everything may be read again.
    read_at: Instant,
    published: Instant,
    failing: bool,
    events: Events,
    ends: WorkerEnds,
}

impl<S: Standby> Follower<S> {
    /// Follows until it leads or is stopped.
    fn run(mut self, promote: oneshot::Sender<Vec<(AlertId, AlertState)>>) -> Option<Deposed> {
        let mut looked = Instant::now();
        loop {
            match self.ends.commands.recv_timeout(LOOK_EVERY.saturating_sub(looked.elapsed())) {
                Ok(EngineCommand::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Ok(command) => self.serve(command),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if looked.elapsed() < LOOK_EVERY {
                continue;
            }
            looked = Instant::now();
            let now = (self.ends.clock.wall)();
            match self.look(now) {
                Ok(Some(engine)) => {
                    self.ends.view.send_replace(Arc::new(engine.view()));
                    return promoted(engine, promote, &self.events, looked, self.ends);
                }
                Ok(None) => self.failing = false,
                Err(error) => {
                    let (error, repeated) = (error.to_string(), self.failing);
                    self.events.emit(Event::FollowingFailed { error, repeated });
                    (self.failing, self.commits) = (true, None);
                }
            }
            if self.published.elapsed() >= PUBLISH_EVERY {
                self.publish();
            }
        }
    }

    /// Looks who leads; gives the engine of this daemon when it is the one.
    fn look(&mut self, now: Timestamp) -> Result<Option<Engine<S::Store>>, StoreError> {
        let (leader, commits) = match self.standby.look()? {
            Looked::Leads(store) => {
                let (settings, events) = (self.settings.clone(), self.events.clone());
                return Engine::start(store, settings, events, now).map(Some);
            }
            Looked::Follows { leader, commits } => (leader, commits),
        };
        let role = DaemonRole::Follower { leader };
        if role != self.role {
            self.role = role;
            announce(&self.role, &self.events);
        }
        let reads = self.commits != Some(commits) && Instant::now() >= self.read_at;
        if reads || !self.engine.follow(now) {
            self.read(now)?;
            self.commits = Some(commits);
        }
        Ok(None)
    }

    /// Reads everything that the leader has stored.
    fn read(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let began = Instant::now();
        let store = self.standby.read()?;
        self.engine = Engine::start(store, self.settings.clone(), Events::discarded(), now)?;
        self.read_at = Instant::now() + READ_EVERY.max(began.elapsed() * READ_SHARE);
        Ok(())
    }

    fn publish(&mut self) {
        self.published = Instant::now();
        let (role, store_failing) = (self.role.clone(), self.failing);
        let view = View { role, store_failing, ..self.engine.view() };
        self.ends.view.send_replace(Arc::new(view));
    }

    fn serve(&mut self, command: EngineCommand) {
        // Whoever waits for an answer may have gone.
        let _gone = match command {
            EngineCommand::Observe { reply, .. } => reply.send(Err(Refusal::Following)).is_err(),
            EngineCommand::Alerts { reply, .. } => reply.send(Err(Refusal::Following)).is_err(),
            EngineCommand::Configure { settings, reply } => {
                let before = std::mem::replace(&mut self.settings, *settings);
                let done = self.read((self.ends.clock.wall)());
                if done.is_err() {
                    self.settings = before;
                }
                self.publish();
                reply.send(done.map_err(|error| error.to_string())).is_err()
            }
            // Nothing polls here.
            EngineCommand::SourceState { .. } | EngineCommand::Stop => false,
        };
    }
}
