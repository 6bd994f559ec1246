//! The state of one organisation: what was heard, and the part of the View that is made from it.

use super::users;
use crate::domain::activity::{ActivityKind, IdentityKey};
use crate::domain::ids::{Direction, ObjectType, OrgId, OrgName, Outcome, Source};
use crate::domain::observation::{ActivityBatch, Snapshot};
use crate::domain::policy::OrgPolicy;
use crate::domain::readings::{OrgReadings, Reading};
use crate::domain::source_state::SourceState;
use crate::domain::time::Timestamp;
use crate::domain::users::{UserSummary, UserTable};
use crate::domain::view::{ActivityFigures, OrgView, SourceReport};
use crate::domain::windows::{Lane, Lanes};
use crate::store::{StoredOrg, Write};
use std::sync::Arc;

/// One organisation. Cheap to clone: what is large is shared.
#[derive(Clone)]
pub(super) struct OrgState {
    view: Arc<OrgView>,
    /// The liveness of sources that the summary was made with.
    live: [bool; Source::COUNT],
    summary_outdated: bool,
}

impl OrgState {
    pub(super) fn new(
        id: OrgId,
        known_since: Timestamp,
        policy: Arc<OrgPolicy>,
        now: Timestamp,
    ) -> Self {
        let open_hours = policy.calendar.lay_out(now);
        let view = OrgView {
            id,
            policy,
            known_since,
            readings: Arc::new(OrgReadings::default()),
            sources: [None; Source::COUNT],
            activity: [ActivityFigures::default(); ObjectType::COUNT],
            users: Arc::new(UserTable::default()),
            summary: Arc::new(UserSummary::default()),
            open_hours,
            source_states: Arc::default(),
        };
        Self {
            view: Arc::new(view),
            live: [false; Source::COUNT],
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
        let mut complete = false;
        for (source, spoke_at, users_complete) in stored.spoke {
            set(
                &mut view.sources,
                source.index(),
                Some(SourceReport {
                    last_report_at: spoke_at,
                }),
            );
            complete |= users_complete;
        }
        for (object, since) in stored.covered {
            if let Some(figures) = view.activity.get_mut(object.index()) {
                figures.covered_since = Some(since);
            }
        }
        view.users = Arc::new(users::table_of_stored(
            &stored.name,
            stored.users,
            complete,
            identity,
        ));
        state
    }

    pub(super) fn id(&self) -> OrgId {
        self.view.id
    }

    pub(super) fn name(&self) -> &OrgName {
        &self.view.policy.name
    }

    pub(super) fn view(&self) -> Arc<OrgView> {
        Arc::clone(&self.view)
    }

    pub(super) fn set_policy(&mut self, policy: Arc<OrgPolicy>, now: Timestamp) {
        let view = Arc::make_mut(&mut self.view);
        view.open_hours = policy.calendar.lay_out(now);
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

    /// Forgets polled sources: nobody polls for an organisation that is not configured.
    pub(super) fn forget_source_states(&mut self) {
        Arc::make_mut(&mut self.view).source_states = Arc::default();
    }

    /// Notes that activity spoke: when, and for which object types it answers from now on.
    pub(super) fn hear_activity(
        &mut self,
        batch: &ActivityBatch,
        horizon: Timestamp,
        writes: &mut Vec<Write>,
    ) {
        let at = batch.received_at;
        let gap = self
            .view
            .live_until(Source::Activity)
            .is_some_and(|until| until < at);
        let view = Arc::make_mut(&mut self.view);
        for object in ObjectType::ALL.iter().copied() {
            let Some(figures) = view.activity.get_mut(object.index()) else {
                continue;
            };
            let oldest = batch
                .records
                .iter()
                .filter(|record| record.kind.object_type == object)
                .map(|record| record.at)
                .min();
            let since = match (figures.covered_since, oldest) {
                // What was missed while nobody spoke may never come, so the claim begins anew.
                (Some(_), _) if gap => at,
                // The feed speaks from its first record on; it cannot have covered what we do not keep.
                (None, Some(oldest)) => oldest.clamp(horizon.min(at), at),
                (Some(_), _) | (None, None) => continue,
            };
            figures.covered_since = Some(since);
            writes.push(Write::Covered {
                org: view.id,
                object_type: object,
                since,
            });
        }
        self.spoke(Source::Activity, at, None, writes);
    }

    /// Takes what a snapshot says that is not older than what is known, row by row. Says how many rows and users it took.
    pub(super) fn hear_snapshot(
        &mut self,
        snapshot: &Snapshot,
        identity: &IdentityKey,
        writes: &mut Vec<Write>,
    ) -> u64 {
        let source = snapshot.source;
        let view = Arc::make_mut(&mut self.view);
        let mut taken = 0;
        let readings = Arc::make_mut(&mut view.readings);
        for (row, value) in &snapshot.rows {
            let after = Reading::after(
                readings.get(*row, source),
                value.clone(),
                snapshot.captured_at,
            );
            if let Some(reading) = after {
                readings.put(*row, source, reading.clone());
                writes.push(Write::Reading {
                    org: view.id,
                    row: *row,
                    source,
                    reading,
                });
                taken += 1;
            }
        }
        let newest = view
            .source(source)
            .is_none_or(|state| state.last_report_at <= snapshot.captured_at);
        let complete = (newest && !snapshot.users.is_empty()).then_some(snapshot.users_complete);
        if !snapshot.users.is_empty() || snapshot.users_complete {
            let merged = users::merge(&view.users, snapshot, identity, view.id, writes);
            taken += merged.taken;
            view.users = Arc::new(UserTable {
                users: merged.users,
                complete: complete.unwrap_or(view.users.complete),
            });
            self.summary_outdated = true;
        }
        self.spoke(source, snapshot.captured_at, complete, writes);
        taken
    }

    fn spoke(
        &mut self,
        source: Source,
        at: Timestamp,
        users_complete: Option<bool>,
        writes: &mut Vec<Write>,
    ) {
        let view = Arc::make_mut(&mut self.view);
        let at = view
            .source(source)
            .map_or(at, |state| state.last_report_at.max(at));
        set(
            &mut view.sources,
            source.index(),
            Some(SourceReport { last_report_at: at }),
        );
        writes.push(Write::SourceHeartbeat {
            org: view.id,
            source,
            at,
            users_complete,
        });
    }

    /// Brings figures, business hours and counts over users to `now`. Touches the View only where something changed.
    pub(super) fn refresh(&mut self, lanes: &Lanes, now: Timestamp) {
        if self.view.open_hours.outdated(now) {
            let view = Arc::make_mut(&mut self.view);
            view.open_hours = view.policy.calendar.lay_out(now);
        }
        for object in ObjectType::ALL.iter().copied() {
            let figures = figures(lanes, object, self.view.figures(object).covered_since);
            if figures != self.view.figures(object) {
                set(
                    &mut Arc::make_mut(&mut self.view).activity,
                    object.index(),
                    figures,
                );
            }
        }
        let live = self.view.live(now);
        let turned = self.view.summary.turns_at.is_some_and(|at| at <= now);
        if self.summary_outdated || turned || live != self.live {
            let summary = UserSummary::of(&self.view.users, &self.view.policy, &live, now)
                .with_columns_of(&self.view.summary);
            Arc::make_mut(&mut self.view).summary = Arc::new(summary);
            self.live = live;
            self.summary_outdated = false;
        }
    }
}

fn figures(lanes: &Lanes, object: ObjectType, covered_since: Option<Timestamp>) -> ActivityFigures {
    let mut figures = ActivityFigures {
        covered_since,
        ..ActivityFigures::default()
    };
    let directions = [
        None,
        Some(Direction::ToExchange),
        Some(Direction::ToSalesforce),
    ];
    let lane = |direction, outcome| -> Lane {
        let kind = ActivityKind {
            object_type: object,
            direction,
            outcome,
        };
        lanes.get(kind.index()).copied().unwrap_or_default()
    };
    for direction in directions {
        let synced = lane(direction, Outcome::Synced);
        figures.synced_60m += synced.last_60m;
        figures.synced_24h += synced.last_24h;
        figures.last_synced = figures.last_synced.max(synced.newest);
        figures.failed_24h += lane(direction, Outcome::Failed).last_24h;
    }
    figures
}

fn set<T>(slots: &mut [T], index: usize, value: T) {
    if let Some(slot) = slots.get_mut(index) {
        *slot = value;
    }
}
