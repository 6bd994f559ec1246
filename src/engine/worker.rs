//! Runs the engine on a thread of its own: groups what arrives into commits, ticks every second, answers senders.

use super::queue::EngineCommand;
use super::{Engine, Handle};
use crate::domain::observation::{Observation, Receipt, Refusal};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::store::Store;
use chrono::TimeDelta;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// The clocks, owned by `app/`.
#[derive(Clone)]
pub struct Clock {
    /// The time of day, which may step.
    pub wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The time since some start, which never steps.
    pub steady: Arc<dyn Fn() -> Duration + Send + Sync>,
}

/// How often windows move and the View is published when nobody sends anything.
const TICK: Duration = Duration::from_secs(1);
/// How long the first of a group waits for others: below what a sender notices, above what a commit takes.
const GROUP_WAIT: Duration = Duration::from_millis(5);
/// How many records make a group large enough to be committed at once; from here on a commit's fixed cost is small
/// beside its records.
const GROUP_RECORDS: usize = 4_096;

/// A running engine.
pub struct Running {
    /// The way in.
    pub handle: Handle,
    thread: std::thread::JoinHandle<()>,
    ended: oneshot::Receiver<Deposed>,
}

/// Another daemon became the writer.
pub(super) struct Deposed;

/// Why an engine ended that nobody stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineEnd {
    /// Another daemon became the writer.
    Deposed,
    /// A defect.
    Defect,
}

impl Running {
    /// Resolves when the engine has ended without a stop.
    pub async fn ended(&mut self) -> EngineEnd {
        // The sender is dropped with the thread, however it ends.
        match (&mut self.ended).await {
            Ok(Deposed) => EngineEnd::Deposed,
            Err(_) => EngineEnd::Defect,
        }
    }

    /// Tells the engine to finish what waits, and waits for it. `false` when it had died of a defect.
    pub fn stop(self) -> bool {
        self.handle.stop();
        self.thread.join().is_ok()
    }
}

/// Starts the engine's thread.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn<S: Store + 'static>(engine: Engine<S>, clock: Clock) -> std::io::Result<Running> {
    spawn_thread(engine.view(), clock, move |ends| lead(engine, ends))
}

/// Starts a thread for whoever has the ends of a handle; it says at its own end whether that was for another writer.
pub(super) fn spawn_thread(
    view: View,
    clock: Clock,
    run: impl FnOnce(WorkerEnds) -> Option<Deposed> + Send + 'static,
) -> std::io::Result<Running> {
    let (sender, commands) = mpsc::channel();
    let (view, published) = watch::channel(Arc::new(view));
    let handle = Handle::new(sender, published);
    let (alive, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
        if let Some(deposed) = run(WorkerEnds { commands, clock, view }) {
            // Nobody waits for it at a stop.
            let _gone = alive.send(deposed).is_err();
        }
    })?;
    Ok(Running { handle, thread, ended })
}

/// Runs the engine until it is stopped or another daemon writes.
pub(super) fn lead<S: Store>(mut engine: Engine<S>, ends: WorkerEnds) -> Option<Deposed> {
    let steady = (ends.clock.steady)();
    engine.watch_clock_from((ends.clock.wall)());
    Worker { engine, ends, ticked: Instant::now(), steady }.run()
}

/// What a thread of the engine answers, by which clocks, and where it publishes.
pub(super) struct WorkerEnds {
    pub(super) commands: mpsc::Receiver<EngineCommand>,
    pub(super) clock: Clock,
    pub(super) view: watch::Sender<Arc<View>>,
}

struct Worker<S> {
    engine: Engine<S>,
    ends: WorkerEnds,
    ticked: Instant,
    /// The steady clock at the last tick.
    steady: Duration,
}

type Waiting = (oneshot::Sender<Result<Receipt, Refusal>>, OwnedSemaphorePermit);

impl<S: Store> Worker<S> {
    fn run(mut self) -> Option<Deposed> {
        loop {
            if self.engine.deposed() {
                return Some(Deposed);
            }
            let until_tick = TICK.saturating_sub(self.ticked.elapsed());
            match self.ends.commands.recv_timeout(until_tick) {
                Ok(command) => {
                    if !self.serve(command) {
                        return None;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            }
            if self.ticked.elapsed() >= TICK {
                self.tick();
            }
        }
    }

    fn tick(&mut self) {
        let steady = (self.ends.clock.steady)();
        let elapsed =
            TimeDelta::from_std(steady.saturating_sub(self.steady)).unwrap_or(TimeDelta::MAX);
        self.steady = steady;
        self.ticked = Instant::now();
        self.engine.tick((self.ends.clock.wall)(), elapsed);
        self.publish();
    }

    fn publish(&self) {
        self.ends.view.send_replace(Arc::new(self.engine.view()));
    }

    /// Serves a command and, when it is an observation, those that come close behind it. `false` ends the engine.
    fn serve(&mut self, command: EngineCommand) -> bool {
        let mut next = Some(command);
        while let Some(command) = next.take() {
            match command {
                EngineCommand::Stop => {
                    self.drain();
                    return false;
                }
                EngineCommand::Configure { settings, reply } => {
                    let done = self
                        .engine
                        .configure(*settings, (self.ends.clock.wall)())
                        .map_err(|error| error.to_string());
                    self.publish();
                    // Whoever wanted it may have gone; the configuration holds all the same.
                    let _gone = reply.send(done).is_err();
                }
                EngineCommand::Alerts { changes, reply } => {
                    let done = self.engine.record_alerts(changes, (self.ends.clock.wall)());
                    // Whoever wanted it may have gone: it is there at the next start.
                    let _gone = reply.send(done).is_err();
                }
                EngineCommand::SourceState { org, source, state } => {
                    let state = state.map(|state| *state);
                    self.engine.set_source_state(&org, source, state);
                }
                EngineCommand::Observe { observation, reply, share } => {
                    next = self.group(observation, (reply, share), GROUP_WAIT)
                }
            }
        }
        true
    }

    /// What was submitted before the end is still written and answered.
    fn drain(&mut self) {
        while let Ok(command) = self.ends.commands.try_recv() {
            if let EngineCommand::Observe { observation, reply, share } = command {
                let _rest = self.group(observation, (reply, share), Duration::ZERO);
            }
        }
    }

    /// Commits a group; gives back the command that ended the collecting, if one did.
    fn group(
        &mut self,
        first: Observation,
        waiting: Waiting,
        wait: Duration,
    ) -> Option<EngineCommand> {
        let deadline = Instant::now() + wait;
        let mut records = records(&first);
        let mut observations = vec![first];
        let mut waiting = vec![waiting];
        let mut other = None;
        while records < GROUP_RECORDS {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.ends.commands.recv_timeout(left) {
                Ok(EngineCommand::Observe { observation, reply, share }) => {
                    records += self::records(&observation);
                    observations.push(observation);
                    waiting.push((reply, share));
                }
                Ok(command) => {
                    other = Some(command);
                    break;
                }
                Err(_) => break,
            }
        }
        let answers = self.engine.observe(observations, (self.ends.clock.wall)());
        self.publish();
        for ((reply, share), answer) in waiting.into_iter().zip(answers) {
            drop(share);
            // A sender that has gone will send again; the answer says then that we know the records already.
            let _gone = reply.send(answer).is_err();
        }
        other
    }
}

fn records(observation: &Observation) -> usize {
    match observation {
        Observation::Memory(_) => 1,
        Observation::Activity(batch) => batch.records.len(),
        Observation::Snapshot(snapshot) => snapshot.users.len().max(1),
    }
}
