//! The state of one organisation: what was reported, and the part of the View that is made from it.

use super::users;
use crate::domain::activity::IdentityKey;
use crate::domain::ids::{ObjectType, OrgId, OrgName, Outcome, Source};
use crate::domain::incidents::Incidents;
use crate::domain::observation::{ActivityBatch, Snapshot, SourceMemory};
use crate::domain::policy::OrgPolicy;
use crate::domain::readings::{OrgReadings, Reading};
use crate::domain::rhythm::{FeedDelay, Rhythms};
use crate::domain::source_state::SourceState;
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry, UserSummary, UserTable};
use crate::domain::view::{ActivityFigures, OrgView};
use crate::domain::windows::Lanes;
use crate::store::{StoreWrite, StoredOrg};
use enum_map::EnumMap;
use std::sync::Arc;

/// One organisation. Cheap to clone: what is large is shared.
#[derive(Clone)]
pub(super) struct TrackedOrg {
    view: Arc<OrgView>,
    /// Whether each source's latest list of users was whole, by [`Source::index`]: one that is makes all users known,
    /// whatever others name.
    users_complete: EnumMap<Source, bool>,
    /// The liveness of sources that the summary was made with.
    live: LiveSources,
    summary_outdated: bool,
}

impl TrackedOrg {
    pub(super) fn new(
        id: OrgId,
        known_since: Timestamp,
        policy: Arc<OrgPolicy>,
        now: Timestamp,
    ) -> Self {
        Self {
            view: Arc::new(OrgView::new(id, policy, known_since, now)),
            users_complete: EnumMap::default(),
            live: LiveSources::default(),
            summary_outdated: true,
        }
    }

    /// What survived, under default policy until the configured one is set.
    pub(super) fn of_stored(stored: StoredOrg, identity: &IdentityKey, now: Timestamp) -> Self {
        let policy = Arc::new(OrgPolicy::defaults(stored.name.clone()));
        let mut state = Self::new(stored.id, stored.known_since, policy, now);
        let view = Arc::make_mut(&mut state.view);
        let mut readings = OrgReadings::default();
        for (row, source, reading) in stored.readings {
            readings.put(row, source, reading);
        }
        view.readings = Arc::new(readings);
        for (source, last_report_at, users_complete) in stored.heartbeats {
            view.last_report[source] = Some(last_report_at);
            state.users_complete[source] = users_complete;
        }
        let states = Arc::make_mut(&mut view.source_states);
        for (source, memory) in stored.memories {
            if source == Source::Activity {
                view.feed_delay = FeedDelay::of_bytes(&memory);
            } else {
                states.remember(source, memory);
            }
        }
        for (object, since) in stored.covered {
            view.activity[object].covered_since = Some(since);
        }
        view.incidents = Arc::new(stored.incidents);
        if stored.users_left_out {
            tracing::warn!(
                org = stored.name.as_str(),
                "More users are stored than max_users; those last by name were not read."
            );
        }
        view.users = Arc::new(users::table_of_stored(
            &stored.name,
            stored.users,
            !stored.users_left_out && state.users_complete.values().any(|complete| *complete),
            identity,
        ));
        state
    }

    /// Moves what was found on to `now`; what changed is to be written.
    pub(super) fn update_incidents(&mut self, now: Timestamp) -> Option<StoreWrite> {
        let incidents = Arc::new(Incidents::after(&self.view, now)?);
        Arc::make_mut(&mut self.view).incidents = Arc::clone(&incidents);
        let org = self.view.id;
        Some(StoreWrite::Incidents { org, incidents })
    }

    /// Until `at` a feed may still send what it collected while this program was down.
    pub(super) fn catch_up(&mut self, at: Timestamp) {
        Arc::make_mut(&mut self.view).caught_up_at = at;
    }

    pub(super) fn id(&self) -> OrgId {
        self.view.id
    }

    /// How many users are known.
    pub(super) fn users(&self) -> u64 {
        self.view.users.users.len() as u64
    }

    pub(super) fn max_users(&self) -> u64 {
        self.view.policy.max_users
    }

    pub(super) fn name(&self) -> &OrgName {
        &self.view.policy.name
    }

    pub(super) fn known_since(&self) -> Timestamp {
        self.view.known_since
    }

    pub(super) fn view(&self) -> Arc<OrgView> {
        Arc::clone(&self.view)
    }

    pub(super) fn set_policy(&mut self, policy: Arc<OrgPolicy>, now: Timestamp) {
        let view = Arc::make_mut(&mut self.view);
        view.open_hours = policy.calendar.lay_out(now);
        view.usual = None;
        view.policy = policy;
        self.summary_outdated = true;
    }

    /// Notes the state of a polled source; `None`: it is no longer polled.
    pub(super) fn set_source_state(&mut self, source: &'static str, state: Option<SourceState>) {
        if self.view.source_states.of(source) != state.as_ref() {
            let view = Arc::make_mut(&mut self.view);
            Arc::make_mut(&mut view.source_states).set(source, state);
        }
    }

    /// Stores what a source has to know after a restart.
    pub(super) fn store_source_memory(
        &mut self,
        memory: SourceMemory,
        writes: &mut Vec<StoreWrite>,
    ) {
        let SourceMemory { source, bytes, .. } = memory;
        let view = Arc::make_mut(&mut self.view);
        Arc::make_mut(&mut view.source_states).remember(source, Arc::clone(&bytes));
        writes.push(StoreWrite::SourceMemory { org: view.id, source, bytes });
    }

    /// Forgets polled sources: nobody polls for an organisation that is not configured.
    pub(super) fn forget_source_states(&mut self) {
        Arc::make_mut(&mut Arc::make_mut(&mut self.view).source_states).forget();
    }

    /// Notes that activity was reported: when, and for which object types it answers from now on.
    pub(super) fn take_activity(
        &mut self,
        batch: &ActivityBatch,
        horizon: Timestamp,
        writes: &mut Vec<StoreWrite>,
    ) {
        let at = batch.received_at;
        let gap = self.view.live_until(Source::Activity).is_some_and(|until| until < at);
        let view = Arc::make_mut(&mut self.view);
        for object in ObjectType::ALL.iter().copied() {
            let figures = &mut view.activity[object];
            let oldest = batch
                .records
                .iter()
                .filter(|record| record.kind.object_type == object)
                .map(|record| record.at)
                .min();
            let Some(since) = figures.covered_from(oldest, at, horizon, gap) else {
                continue;
            };
            figures.covered_since = Some(since);
            writes.push(StoreWrite::Covered { org: view.id, object_type: object, since });
        }
        let before = view.feed_delay;
        for record in batch.records.iter().filter(|record| record.kind.outcome == Outcome::Synced) {
            let last = view.activity[record.kind.object_type].last_synced;
            // What is older than the newest is a repetition, or the past that somebody sends at the first set-up.
            if last.is_some_and(|last| record.at > last) {
                view.feed_delay.take(record.at, at);
            }
        }
        if view.feed_delay != before {
            let (source, bytes) = (Source::Activity, view.feed_delay.bytes());
            writes.push(StoreWrite::SourceMemory { org: view.id, source, bytes });
        }
        self.reported(Source::Activity, at, None, writes);
    }

    /// Takes what a snapshot says that is not older than what is known, row by row. Says how many rows and users it took.
    pub(super) fn take_snapshot(
        &mut self,
        snapshot: &Snapshot,
        identity: &IdentityKey,
        writes: &mut Vec<StoreWrite>,
    ) -> u64 {
        let source = snapshot.source;
        let view = Arc::make_mut(&mut self.view);
        let mut taken = 0;
        let readings = Arc::make_mut(&mut view.readings);
        for (row, value) in &snapshot.rows {
            let after =
                Reading::after(readings.get(*row, source), value.clone(), snapshot.captured_at);
            if let Some(reading) = after {
                readings.put(*row, source, reading.clone());
                writes.push(StoreWrite::Reading { org: view.id, row: *row, source, reading });
                taken += 1;
            }
        }
        let newest = view.last_report[source].is_none_or(|at| at <= snapshot.captured_at);
        // A probe knows which mailboxes it looks at, and not who the users are.
        let lists = snapshot.users_complete && source != Source::Exchange;
        let complete = (newest && !snapshot.users.is_empty()).then_some(lists);
        self.reported(source, snapshot.captured_at, complete, writes);
        if !snapshot.users.is_empty() || snapshot.users_complete {
            let view = Arc::make_mut(&mut self.view);
            let merged = users::merge(&view.users, snapshot, identity, view.id, writes);
            taken += merged.taken;
            view.users = Arc::new(UserTable {
                users: merged.users,
                complete: self.users_complete.values().any(|complete| *complete),
            });
            self.summary_outdated = true;
        }
        taken
    }

    /// Takes back what seems to lie after `latest`: the clock was ahead when it was written, and readings of now would be
    /// dropped as older than it until the old time comes again, while their source seemed live.
    pub(super) fn clock_stepped_back(&mut self, latest: Timestamp, now: Timestamp) {
        let back = |at: &mut Timestamp| {
            let ahead = *at > latest;
            if ahead {
                *at = now;
            }
            ahead
        };
        let view = Arc::make_mut(&mut self.view);
        for at in view.last_report.values_mut().flatten() {
            back(at);
        }
        let activity = view.activity.values_mut();
        for since in activity.filter_map(|figures| figures.covered_since.as_mut()) {
            back(since);
        }
        for reading in Arc::make_mut(&mut view.readings).all_mut() {
            back(&mut reading.observed_at);
            back(&mut reading.changed_at);
        }
        let ahead = |user: &&mut UserEntry| {
            let readings = user.readings.iter();
            let mut readings = readings.flat_map(|(_, readings)| readings.0.values().flatten());
            readings.any(|reading| reading.observed_at > latest)
        };
        for user in Arc::make_mut(&mut view.users).users.iter_mut().filter(ahead) {
            for (_, readings) in Arc::make_mut(&mut user.readings) {
                for reading in readings.0.values_mut().flatten() {
                    back(&mut reading.observed_at);
                    back(&mut reading.changed_at);
                }
            }
        }
        self.summary_outdated = true;
    }

    fn reported(
        &mut self,
        source: Source,
        at: Timestamp,
        users_complete: Option<bool>,
        writes: &mut Vec<StoreWrite>,
    ) {
        let view = Arc::make_mut(&mut self.view);
        let at = view.last_report[source].map_or(at, |last| last.max(at));
        view.last_report[source] = Some(at);
        if let Some(complete) = users_complete {
            self.users_complete[source] = complete;
        }
        writes.push(StoreWrite::SourceHeartbeat { org: view.id, source, at, users_complete });
    }

    /// Brings what is usual to the hour `head`; says whether that was work.
    pub(super) fn update_usual(&mut self, rhythms: &Rhythms, head: Option<i64>) -> bool {
        let (view, policy) = (&self.view, &self.view.policy);
        let head = head.filter(|_| policy.unusually_quiet);
        if view.usual.as_ref().map(|usual| usual.head()) == head {
            return false;
        }
        let usual = head.and_then(|_| rhythms.usual(view.id, policy.time_zone, &view.open_hours));
        Arc::make_mut(&mut self.view).usual = usual;
        true
    }

    /// Brings figures, business hours and counts over users to `now`. Touches the View only where something changed.
    pub(super) fn refresh(&mut self, lanes: &Lanes, now: Timestamp) {
        if self.view.open_hours.outdated(now) {
            let view = Arc::make_mut(&mut self.view);
            view.open_hours = view.policy.calendar.lay_out(now);
        }
        for object in ObjectType::ALL.iter().copied() {
            let since = self.view.activity[object].covered_since;
            let figures = ActivityFigures::of(lanes, object, since);
            if figures != self.view.activity[object] {
                Arc::make_mut(&mut self.view).activity[object] = figures;
            }
        }
        let live = self.view.live(now);
        let turned = self.view.summary.turns_at.is_some_and(|at| at <= now);
        if self.summary_outdated || turned || live != self.live {
            let summary = UserSummary::of(&self.view.users, &self.view.policy, &live, now)
                .with_columns_of(&self.view.summary)
                .with_counts_after(
                    &self.view.summary,
                    (&self.view.users, &self.view.policy),
                    &live,
                    now,
                );
            Arc::make_mut(&mut self.view).summary = Arc::new(summary);
            self.live = live;
            self.summary_outdated = false;
        }
    }
}
