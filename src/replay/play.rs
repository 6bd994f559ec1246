//! Plays the past: at each step what was known by then is judged as the daemon judges it, and waits as the rules do.

use super::ReplayError;
use super::past::{ORG, Past};
use super::spans::{HoldingSpan, HoldingSpans};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{ObjectType, OrgName, Source};
use crate::domain::incidents::{Incidents, Subject};
use crate::domain::judge::judge_org;
use crate::domain::policy::OrgPolicy;
use crate::domain::readings::Reading;
use crate::domain::time::Timestamp;
use crate::domain::view::{ActivityFigures, OrgView};
use crate::domain::windows::Windows;
use crate::rules::groups;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long before the first step that is shown the play begins: what waits longest is a first sync, three days over a
/// weekend, and a cause is remembered for a day after that.
pub const WARM_UP: TimeDelta = TimeDelta::days(8);
/// A year of steps of five minutes, which takes some seconds.
const MOST_STEPS: i64 = 110_000;
/// The most alerts that are listed; whoever has more plays a shorter time.
const LISTED: usize = 1000;

/// From when until when is played, and in which steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) step: TimeDelta,
}

impl Period {
    /// How far one step is from the next without a choice: as far as Prometheus looks back for a sample.
    pub const STEP: TimeDelta = TimeDelta::minutes(5);

    /// From a step on until another, both included; the first is the last whole step up to `from`.
    ///
    /// # Errors
    /// When it ends before it begins, or has too many steps.
    pub fn new(from: Timestamp, until: Timestamp, step: TimeDelta) -> Result<Self, ReplayError> {
        let nanos = step.num_nanoseconds().filter(|nanos| *nanos >= 1_000_000_000);
        let nanos = nanos.filter(|_| step <= TimeDelta::hours(1));
        let nanos = nanos.ok_or_else(|| ReplayError::new("a step is from 1s to 1h long"))?;
        let from = Timestamp::from_nanos(from.nanos().div_euclid(nanos).saturating_mul(nanos));
        if until <= from {
            return Err(ReplayError::new("the time that is played ends before it begins"));
        }
        let steps = until.since(from).num_nanoseconds().map_or(i64::MAX, |span| span / nanos);
        if steps > MOST_STEPS {
            return Err(ReplayError::new(format!(
                "{steps} steps are more than {MOST_STEPS}; play a shorter time, or longer steps"
            )));
        }
        Ok(Self { from, until, step })
    }

    /// From when until when the store is read for it: what held when the play begins may have begun a month earlier.
    pub fn reads(&self) -> (Timestamp, Timestamp) {
        (self.from.minus(WARM_UP).minus(TimeDelta::days(31)), self.until)
    }

    /// How many steps it has.
    pub fn steps(&self) -> i64 {
        let (span, step) = (self.until.since(self.from), self.step);
        span.num_nanoseconds().unwrap_or(0) / step.num_nanoseconds().unwrap_or(1).max(1) + 1
    }
}

/// An alert that would have fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayedAlert {
    /// How soon somebody has to act.
    pub severity: Severity,
    /// Of what.
    pub subject: Subject,
}

impl ReplayedAlert {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.subject.cause.alert().unwrap_or(self.subject.cause.name())
    }

    /// What it is about, where that is not the organisation as a whole.
    pub fn about(&self) -> &'static str {
        match (self.subject.check, self.subject.object_type) {
            (Some(check), _) => check.check(),
            (None, Some(object)) => object.name(),
            (None, None) => "",
        }
    }
}

/// An alert that a cause held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldBack {
    /// The alert.
    pub alert: ReplayedAlert,
    /// The cause that explains it.
    pub by: Cause,
}

/// What would have alerted.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Of which organisation.
    pub org: OrgName,
    pub(super) policy: Arc<OrgPolicy>,
    /// When.
    pub period: Period,
    /// The policy's changes, as they were given.
    pub changes: Vec<String>,
    /// What would have fired; one that began before the period has its true beginning.
    pub alerts: Vec<HoldingSpan<ReplayedAlert>>,
    /// What would have fired, had no other cause explained it.
    pub held_back: Vec<HoldingSpan<HeldBack>>,
    /// Times of which nothing is known of an object type.
    pub unknown: Vec<HoldingSpan<ObjectType>>,
    /// How many alerts are not listed.
    pub left_out: usize,
    /// What is not known of the past.
    pub not_known: &'static [&'static str],
}

impl Replay {
    /// How many of the alerts would have paged.
    pub fn pages(&self) -> usize {
        self.alerts.iter().filter(|span| span.key.severity == Severity::Critical).count()
    }
}

/// Plays `past` under `policy`; `look` sees the organisation at every step of the period.
pub fn play(
    past: &Past,
    policy: &OrgPolicy,
    period: Period,
    changes: &[String],
    mut look: impl FnMut(&Arc<OrgView>, Timestamp),
) -> Replay {
    let mut policy = policy.clone();
    if let Some(every) = past.every {
        let expected = policy.expected_every[Source::Salesforce].unwrap_or(every).max(every);
        policy.expected_every[Source::Salesforce] = Some(expected);
    }
    let policy = Arc::new(policy);
    let begins = period.from.since(past.reach().0.max(period.from.minus(WARM_UP)));
    let warm_up = begins.max(TimeDelta::zero()).num_nanoseconds().unwrap_or(0);
    let step = period.step.num_nanoseconds().unwrap_or(1).max(1);
    let warm_up =
        TimeDelta::nanoseconds(warm_up.div_euclid(step).saturating_add(1).saturating_mul(step));
    let mut now = period.from.minus(warm_up);
    let mut player = Player::start(past, &policy, now);
    let holds = holds();
    let (mut acting, mut held, mut unknown) =
        (HoldingSpans::default(), HoldingSpans::default(), HoldingSpans::default());
    while now <= period.until {
        player.step(now);
        let findings = judge_org(&player.view, true, now);
        let found = findings.iter().filter(|finding| past.judges(finding.cause));
        let found = found.filter(|finding| finding.cause.alert().is_some()).map(|finding| {
            let alert = ReplayedAlert { severity: finding.severity, subject: finding.subject() };
            (alert, finding.held_back_by)
        });
        let found: Vec<_> = found.collect();
        let of_acting = found.iter().filter(|(_, by)| by.is_none());
        acting.step(now, of_acting.map(|(alert, _)| *alert));
        let of_held = found.iter().filter_map(|(alert, by)| Some((*alert, (*by)?)));
        held.step(now, of_held.map(|(alert, by)| HeldBack { alert, by }));
        if now >= period.from {
            let objects = policy.objects.iter().copied();
            unknown.step(now, objects.filter(|object| player.view.is_unknown(*object, now)));
            look(&player.view, now);
        }
        now = now.plus(period.step);
    }
    let waits = |cause: Cause| holds.get(&cause).copied().unwrap_or_default();
    let mut alerts = fired(acting.finish(), period, |alert| waits(alert.subject.cause));
    let held_back = fired(held.finish(), period, |held| waits(held.alert.subject.cause));
    let left_out = alerts.len().saturating_sub(LISTED);
    alerts.truncate(LISTED);
    Replay {
        org: policy.name.clone(),
        policy,
        period,
        changes: changes.to_vec(),
        alerts,
        held_back: held_back.into_iter().take(LISTED).collect(),
        unknown: unknown.finish().into_iter().take(LISTED).collect(),
        left_out,
        not_known: past.not_known(),
    }
}

/// Of what held, what held long enough to fire, from when it fires on, as far as that is within the period.
fn fired<K>(
    spans: Vec<HoldingSpan<K>>,
    period: Period,
    wait: impl Fn(&K) -> TimeDelta,
) -> Vec<HoldingSpan<K>> {
    let fires = |span: HoldingSpan<K>| {
        let from = span.from.plus(wait(&span.key));
        let until = span.until.unwrap_or(period.until);
        // At its end it has to hold still: what ends with the step at which it would fire was not seen to fire.
        let fires = from < until || (span.until.is_none() && from <= until);
        (fires && until > period.from).then_some(HoldingSpan { from, ..span })
    };
    spans.into_iter().filter_map(fires).collect()
}

/// How long the rules let each cause hold before its alert fires.
fn holds() -> BTreeMap<Cause, TimeDelta> {
    let groups = groups();
    let rules = groups.iter().flat_map(|group| &group.alerts);
    rules.map(|rule| (rule.cause, rule.hold.unwrap_or_default())).collect()
}

impl Past {
    /// Whether a cause can be judged from it.
    pub(super) fn judges(&self, cause: Cause) -> bool {
        // Unusually quiet is judged by the four weeks before each hour, which are not played.
        cause != Cause::UnusuallyQuiet
            && (self.shows_silence() || cause != Cause::ObservationsStale)
    }
}

/// The organisation as it was known at a step.
struct Player<'a> {
    past: &'a Past,
    windows: Windows,
    view: Arc<OrgView>,
    reports: usize,
    readings: usize,
}

impl<'a> Player<'a> {
    fn start(past: &'a Past, policy: &Arc<OrgPolicy>, now: Timestamp) -> Self {
        let view = OrgView::new(ORG, Arc::clone(policy), past.known_since, now);
        Self { past, windows: Windows::new(), view: Arc::new(view), reports: 0, readings: 0 }
    }

    /// Moves to `now`, as the engine does: what has come, the windows, what follows from the time, what was found.
    fn step(&mut self, now: Timestamp) {
        let view = Arc::make_mut(&mut self.view);
        let new = self.past.reports.get(self.reports..).unwrap_or_default();
        let new = new.get(..new.partition_point(|(at, _)| *at <= now)).unwrap_or_default();
        self.reports += new.len();
        if !new.is_empty() {
            let gap = view.live_until(Source::Activity).is_some_and(|until| until < now);
            for object in ObjectType::ALL.iter().copied() {
                let oldest = new.iter().find(|(_, of)| *of == object).map(|(at, _)| *at);
                let figures = &mut view.activity[object];
                let covered = figures.covered_from(oldest, now, Timestamp::MIN, gap);
                figures.covered_since = covered.or(figures.covered_since);
            }
            view.last_report[Source::Activity] = Some(now);
        }
        let new = self.past.readings.get(self.readings..).unwrap_or_default();
        let new = new.iter().take_while(|reading| reading.at <= now);
        let readings = Arc::make_mut(&mut view.readings);
        for reading in new {
            self.readings += 1;
            let (row, source) = (reading.row, reading.source);
            let old = readings.get(row, source);
            if let Some(after) = Reading::after(old, reading.value.clone(), reading.at) {
                readings.put(row, source, after);
            }
            view.last_report[source] = view.last_report[source].max(Some(reading.at));
        }
        let Ok(()) = self.windows.advance(now, self.past);
        let lanes = self.windows.lanes(ORG);
        for object in ObjectType::ALL.iter().copied() {
            let covered_since = view.activity[object].covered_since;
            view.activity[object] = ActivityFigures::of(&lanes, object, covered_since);
        }
        if view.open_hours.outdated(now) {
            view.open_hours = view.policy.calendar.lay_out(now);
        }
        if let Some(incidents) = Incidents::after(view, now) {
            view.incidents = Arc::new(incidents);
        }
    }
}

#[cfg(test)]
mod tests;
