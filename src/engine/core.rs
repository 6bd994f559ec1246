//! State and store for a given `now`, without threads.

use super::clock::ClockWatch;
use super::org::TrackedOrg;
use crate::domain::activity::{ActivityRecord, IdentityKey};
use crate::domain::alerts::{AlertChange, AlertId, AlertState};
use crate::domain::ids::{OrgId, OrgName};
use crate::domain::observation::{
    ActivityBatch, Observation, Receipt, Refusal, SNAPSHOT_AHEAD, Snapshot, SourceMemory,
    newest_expired,
};
use crate::domain::policy::{OrgPolicy, UserNames, UserSeries};
use crate::domain::rhythm::Rhythms;
use crate::domain::source_state::SourceState;
use crate::domain::time::Timestamp;
use crate::domain::view::{DaemonRole, View};
use crate::domain::windows::Windows;
use crate::events::{Event, Events};
use crate::store::{Store, StoreError, StoreWrite, Written};
use chrono::TimeDelta;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// What the engine needs to know besides observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// The organisations.
    pub policies: Vec<Arc<OrgPolicy>>,
    /// How long records of activity stay.
    pub keep_activity: TimeDelta,
    /// How long hourly totals and changes stay.
    pub keep_history: TimeDelta,
    /// Whether users have series of their own.
    pub user_series: UserSeries,
    /// What stands for a user in labels and pages.
    pub user_names: UserNames,
}

/// How often the time seen is written down: what a start can notice of a clock that lies behind.
const CLOCK_SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How often old records are dropped; each call drops a bounded amount.
const PRUNE_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How often a store that refused is opened again; the time a full disk or a lost mount takes to be noticed.
const REOPEN_EVERY: TimeDelta = TimeDelta::seconds(1);

/// A break of the daemon that is a restart: whoever sends tries again within it.
const SHORT_BREAK: TimeDelta = TimeDelta::minutes(10);
/// How long after a longer break a feed may still send what it collected meanwhile: senders that wait longer and longer
/// between attempts come to half an hour at most.
const CATCH_UP: TimeDelta = TimeDelta::minutes(30);

/// How many organisations learn in one tick what is usual at a new hour: each takes less than a millisecond, and a thousand
/// are done in under a minute.
const USUAL_A_TICK: usize = 25;

/// How many users are read of an organisation that is not configured: as many as one has by default.
const DORMANT_USERS: u64 = 50_000;

/// What one commit is made of, staged on copies, so that a commit that fails leaves nothing behind.
#[derive(Default)]
struct Staging {
    writes: Vec<StoreWrite>,
    orgs: BTreeMap<OrgName, TrackedOrg>,
}

/// An observation whose writes wait for the commit.
enum Staged {
    Activity { org: OrgName, id: OrgId, records: Arc<[ActivityRecord]>, write: usize },
    Heartbeat,
    Snapshot { org: OrgName, accepted: u64 },
}

/// The state and its store.
pub struct Engine<S> {
    store: S,
    events: Events,
    settings: EngineSettings,
    /// How far alerts had got at the start, until whoever sends them takes it.
    alerts: Vec<(AlertId, AlertState)>,
    identity: IdentityKey,
    windows: Windows,
    rhythms: Rhythms,
    /// Organisations that are configured.
    orgs: BTreeMap<OrgName, TrackedOrg>,
    /// Organisations that the store knows and the configuration does not (any more).
    dormant: HashMap<OrgName, TrackedOrg>,
    clock: ClockWatch,
    /// Since when the store has refused; `None` while it works.
    failing_since: Option<Timestamp>,
    reopen_at: Timestamp,
    clock_seen_at: Timestamp,
    prune_at: Timestamp,
    as_of: Timestamp,
}

impl<S: Store> Engine<S> {
    /// Reads what survived and lays out the configured organisations.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn start(
        mut store: S,
        settings: EngineSettings,
        events: Events,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let max_users = |org: &OrgName| {
            let policy = settings.policies.iter().find(|policy| policy.name == *org);
            policy.map_or(DORMANT_USERS, |policy| policy.max_users)
        };
        let stored = store.load(&max_users)?;
        let mut engine = Self {
            store,
            events,
            settings,
            alerts: stored.alerts,
            identity: stored.identity,
            windows: Windows::new(),
            rhythms: Rhythms::default(),
            orgs: BTreeMap::new(),
            dormant: HashMap::new(),
            clock: ClockWatch::start(stored.clock_seen, now),
            failing_since: None,
            reopen_at: now,
            clock_seen_at: now,
            prune_at: now,
            as_of: now,
        };
        // What the store holds may carry the times of a clock that was ahead. A page may be read a little ahead of ours.
        let mut latest = now.plus(SNAPSHOT_AHEAD);
        if let Some(step) = engine.clock.behind_at_start() {
            latest = now;
            engine.events.emit(Event::ClockSuspect { step_seconds: step.num_seconds() });
        }
        for org in stored.orgs {
            let mut state = TrackedOrg::of_stored(org, &engine.identity, now);
            state.clock_stepped_back(latest, now);
            engine.dormant.insert(state.name().clone(), state);
        }
        engine.lay_out(now)?;
        if stored.clock_seen.is_some_and(|seen| now.since(seen) > SHORT_BREAK) {
            for org in engine.orgs.values_mut() {
                org.catch_up(now.plus(CATCH_UP));
            }
        }
        engine.windows.rebuild(now, &engine.store)?;
        engine.refresh(now);
        Ok(engine)
    }

    /// Watches the clock from `now` on: a start that takes long is no step of it.
    pub(super) fn watch_clock_from(&mut self, now: Timestamp) {
        self.clock.watch_from(now);
    }

    /// The secret that sources need for record identities.
    pub fn identity(&self) -> IdentityKey {
        self.identity
    }

    /// How far alerts had got when the daemon last ended; for whoever sends them, once.
    pub fn take_alerts(&mut self) -> Vec<(AlertId, AlertState)> {
        std::mem::take(&mut self.alerts)
    }

    /// Stores how far alerts have got.
    ///
    /// # Errors
    /// When it is not certain that it is on disk: nothing of it may be sent.
    pub fn record_alerts(
        &mut self,
        changes: Vec<AlertChange>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if self.failing_since.is_some() && !self.recover(now) {
            return Err(Refusal::StoreFailing);
        }
        let mut writes = Vec::with_capacity(changes.len());
        for (id, state) in changes {
            let of = |name| self.orgs.get(name).or_else(|| self.dormant.get(name));
            let org = id.org.as_ref().map(|name| of(name).ok_or(Refusal::UnknownOrg));
            writes.push(StoreWrite::Alert { org: org.transpose()?.map(TrackedOrg::id), id, state });
        }
        self.store.commit(&writes).map(drop).map_err(|error| {
            self.commit_failed(&error, now);
            Refusal::StoreFailing
        })
    }

    /// Since when the store knows the first of its organisations, configured or not; `now` where it knows none.
    pub fn known_since(&self, now: Timestamp) -> Timestamp {
        let orgs = self.orgs.values().chain(self.dormant.values());
        orgs.map(TrackedOrg::known_since).min().unwrap_or(now)
    }

    /// Takes a new configuration. Organisations that are no longer named leave the View; what is known of them stays
    /// in the store.
    ///
    /// # Errors
    /// When a new organisation cannot be written; the old configuration stays.
    pub fn configure(
        &mut self,
        settings: EngineSettings,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let old = std::mem::replace(&mut self.settings, settings);
        if let Err(error) = self.lay_out(now) {
            self.settings = old;
            self.fail(now);
            return Err(error);
        }
        self.refresh(now);
        Ok(())
    }

    fn lay_out(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let mut ids = Vec::new();
        for policy in &self.settings.policies {
            ids.push(self.store.org(&policy.name, now)?);
        }
        self.dormant.extend(std::mem::take(&mut self.orgs));
        for (policy, (id, known_since)) in self.settings.policies.iter().zip(ids) {
            let mut state = self
                .dormant
                .remove(&policy.name)
                .unwrap_or_else(|| TrackedOrg::new(id, known_since, Arc::clone(policy), now));
            state.set_policy(Arc::clone(policy), now);
            self.orgs.insert(policy.name.clone(), state);
        }
        for gone in self.dormant.values_mut() {
            gone.forget_source_states();
        }
        Ok(())
    }

    /// Takes the state of a polled source, `None` when it is no longer polled; nothing of it is stored.
    pub fn set_source_state(
        &mut self,
        org: &OrgName,
        source: &'static str,
        state: Option<SourceState>,
    ) {
        if let Some(org) = self.orgs.get_mut(org) {
            org.set_source_state(source, state);
        }
    }

    /// Moves everything that moves by itself to `now`. `elapsed` is how long ago the last call was by a clock that
    /// does not step.
    pub fn tick(&mut self, now: Timestamp, elapsed: TimeDelta) {
        if let Some(step) = self.clock.tick(now, elapsed) {
            self.events.emit(Event::ClockSuspect { step_seconds: step.num_seconds() });
            if step < TimeDelta::zero() {
                for org in self.orgs.values_mut().chain(self.dormant.values_mut()) {
                    org.clock_stepped_back(now, now);
                }
            }
        }
        if self.failing_since.is_some() && !self.recover(now) {
            return;
        }
        if !self.advance(now) || !self.advance_rhythms(now) {
            return;
        }
        self.write_clock(now);
        self.prune(now);
        self.refresh(now);
        self.update_incidents(now);
    }

    /// Moves what was found on, and stores what changed of it. What a failed commit loses is found again.
    fn update_incidents(&mut self, now: Timestamp) {
        let writes: Vec<StoreWrite> =
            self.orgs.values_mut().filter_map(|org| org.update_incidents(now)).collect();
        if !writes.is_empty()
            && let Err(error) = self.store.commit(&writes)
        {
            self.commit_failed(&error, now);
        }
    }

    /// Moves what is shown to `now` and writes nothing, as a follower does between two readings; says whether it could.
    pub(super) fn follow(&mut self, now: Timestamp) -> bool {
        let moved = self.advance(now) && self.advance_rhythms(now);
        if moved {
            self.refresh(now);
        }
        moved
    }

    /// Whether another daemon became the writer: nothing is ever written again.
    pub(super) fn deposed(&self) -> bool {
        self.store.deposed()
    }

    fn advance(&mut self, now: Timestamp) -> bool {
        let advanced = self.windows.advance(now, &self.store);
        self.counted(advanced, now)
    }

    fn counted(&mut self, counted: Result<(), StoreError>, now: Timestamp) -> bool {
        match counted {
            Ok(()) => true,
            Err(error) => {
                self.events.emit(Event::WindowsFailed { error: error.to_string() });
                self.fail(now);
                false
            }
        }
    }

    /// Moves what is usual on, where somebody wants to know. A clock that stepped says nothing of any hour.
    fn advance_rhythms(&mut self, now: Timestamp) -> bool {
        if self.settings.policies.iter().any(|policy| policy.unusually_quiet) {
            let advanced = self.rhythms.advance(now, &self.store);
            if !self.counted(advanced, now) {
                return false;
            }
        }
        let head = self.rhythms.head().filter(|_| !self.clock.suspect());
        let mut made = 0;
        for org in self.orgs.values_mut() {
            made += usize::from(org.update_usual(&self.rhythms, head));
            if made == USUAL_A_TICK {
                break;
            }
        }
        true
    }

    fn commit_failed(&mut self, error: &StoreError, now: Timestamp) {
        self.events.emit(Event::CommitFailed { error: error.to_string() });
        self.fail(now);
    }

    fn fail(&mut self, now: Timestamp) {
        self.failing_since.get_or_insert(now);
        self.reopen_at = now.plus(REOPEN_EVERY);
    }

    /// Opens the store again when that is due; the windows are made anew, because nobody knows what the failed
    /// commit left behind.
    fn recover(&mut self, now: Timestamp) -> bool {
        if now < self.reopen_at && self.reopen_at.since(now) <= REOPEN_EVERY {
            return false;
        }
        let reopened = self.store.reopen().and_then(|()| {
            // A write proves more than an open file does.
            self.store.commit(&[StoreWrite::ClockSeen { at: now }])?;
            self.windows.rebuild(now, &self.store)
        });
        match reopened {
            Ok(()) => {
                self.failing_since = None;
                self.events.emit(Event::StoreReopened);
                true
            }
            Err(error) => {
                self.commit_failed(&error, now);
                false
            }
        }
    }

    fn write_clock(&mut self, now: Timestamp) {
        if now.since(self.clock_seen_at).abs() < CLOCK_SEEN_EVERY {
            return;
        }
        self.clock_seen_at = now;
        if let Err(error) = self.store.commit(&[StoreWrite::ClockSeen { at: now }]) {
            self.commit_failed(&error, now);
        }
    }

    fn prune(&mut self, now: Timestamp) {
        if !self.clock.retention_allowed() || now.since(self.prune_at).abs() < PRUNE_EVERY {
            return;
        }
        let horizon = now.minus(self.settings.keep_activity);
        match self.store.prune(horizon, now.minus(self.settings.keep_history)) {
            Ok(true) => {}
            Ok(false) => self.prune_at = now,
            Err(error) => {
                self.commit_failed(&error, now);
            }
        }
    }

    /// Commits observations in one transaction and counts them. The answers are in the order of the observations; the
    /// caller publishes [`Self::view`] before it hands them out.
    pub fn observe(
        &mut self,
        observations: Vec<Observation>,
        now: Timestamp,
    ) -> Vec<Result<Receipt, Refusal>> {
        let refused = |refusal, count| vec![Err(refusal); count];
        let count = observations.len();
        if self.failing_since.is_some() && !self.recover(now) {
            return refused(Refusal::StoreFailing, count);
        }
        // Before the insert, so that what arrives near now is counted directly and no cursor meets it again.
        if !self.advance(now) {
            return refused(Refusal::StoreFailing, count);
        }
        let horizon = now.minus(self.settings.keep_activity);
        let mut staging = Staging::default();
        let staged: Vec<Result<Staged, Refusal>> = observations
            .into_iter()
            .map(|observation| self.stage(observation, horizon, &mut staging))
            .collect();
        let began = Instant::now();
        let written = match self.store.commit(&staging.writes) {
            Ok(written) => written,
            Err(error) => {
                self.commit_failed(&error, now);
                return refused(Refusal::StoreFailing, count);
            }
        };
        self.events.emit(Event::Committed { took: began.elapsed() });
        self.orgs.extend(staging.orgs);
        let receipts = staged.into_iter().map(|staged| Ok(self.count(staged?, &written))).collect();
        self.refresh(now);
        receipts
    }

    /// From an observation to its writes, on a copy of the organisation's state.
    fn stage(
        &self,
        observation: Observation,
        horizon: Timestamp,
        staging: &mut Staging,
    ) -> Result<Staged, Refusal> {
        let (Observation::Activity(ActivityBatch { org: name, .. })
        | Observation::Snapshot(Snapshot { org: name, .. })
        | Observation::Memory(SourceMemory { org: name, .. })) = &observation;
        let known = self.orgs.get(name).ok_or(Refusal::UnknownOrg)?;
        let org = staging.orgs.entry(name.clone()).or_insert_with(|| known.clone());
        let writes = &mut staging.writes;
        Ok(match observation {
            Observation::Activity(batch) => {
                org.take_activity(&batch, horizon, writes);
                if batch.records.is_empty() {
                    return Ok(Staged::Heartbeat);
                }
                let records: Arc<[_]> = batch.records.into();
                let (id, write) = (org.id(), writes.len());
                writes.push(StoreWrite::Activity {
                    org: id,
                    records: Arc::clone(&records),
                    horizon,
                });
                Staged::Activity { org: batch.org, id, records, write }
            }
            Observation::Snapshot(snapshot) => {
                let (before, from) = (org.clone(), writes.len());
                let accepted = org.take_snapshot(&snapshot, &self.identity, writes);
                // Those who are there stay, however many they are.
                let max_users = org.max_users();
                if org.users() > max_users && org.users() > before.users() {
                    *org = before;
                    writes.truncate(from);
                    return Err(Refusal::TooManyUsers(max_users));
                }
                Staged::Snapshot { org: snapshot.org, accepted }
            }
            Observation::Memory(memory) => {
                org.store_source_memory(memory, writes);
                Staged::Heartbeat
            }
        })
    }

    fn count(&mut self, staged: Staged, written: &[Written]) -> Receipt {
        match staged {
            Staged::Snapshot { org, accepted } => {
                self.events.emit(Event::SnapshotAccepted { org: org.to_string(), rows: accepted });
                Receipt { accepted, ..Receipt::default() }
            }
            Staged::Heartbeat => Receipt::default(),
            Staged::Activity { org, id, records, write } => {
                let nothing = Written::default();
                let written = written.get(write).unwrap_or(&nothing);
                let mut accepted = 0;
                for (record, _) in records.iter().zip(&written.fresh).filter(|(_, fresh)| **fresh) {
                    accepted += 1;
                    self.windows.insert(id, record);
                    self.rhythms.insert(id, record);
                }
                let too_old = written.horizon.map(|horizon| newest_expired(&records, horizon));
                for (kind, at) in too_old.into_iter().flatten() {
                    self.windows.note_expired(id, kind, at);
                }
                let expired = written.expired;
                let duplicates = records.len() as u64 - accepted - expired;
                let org = org.to_string();
                self.events.emit(Event::ActivityAccepted { org, accepted, duplicates, expired });
                Receipt { accepted, duplicates, expired }
            }
        }
    }

    fn refresh(&mut self, now: Timestamp) {
        for org in self.orgs.values_mut() {
            let lanes = self.windows.lanes(org.id());
            org.refresh(&lanes, now);
        }
        self.as_of = self.windows.head().unwrap_or(now);
    }

    /// The picture as it is now.
    pub fn view(&self) -> View {
        View {
            as_of: self.as_of,
            orgs: self.orgs.values().map(TrackedOrg::view).collect(),
            clock_suspect: self.clock.suspect(),
            store_failing: self.failing_since.is_some(),
            role: DaemonRole::Leader,
            user_series: self.settings.user_series,
            user_names: self.settings.user_names,
        }
    }
}
