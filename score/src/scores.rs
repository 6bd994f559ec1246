//! What fired, held against what was true.

use crate::alarms::{Alarm, LabelSet, let_through, spans};
use crate::baselines::NaiveRules;
use crate::player::{Recording, STEP, Said, evaluated_every, steps_each};
use crate::promtool::Fired;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::rules::groups;
use lightning_sync_sim::scenarios::{Breakage, Scenario, WatchChange, WatchFault};
use std::collections::{BTreeMap, BTreeSet};

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleSet {
    /// Those that are shipped.
    Shipped,
    /// Those of somebody else.
    Naive(NaiveRules),
}

impl RuleSet {
    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Shipped => "the shipped rules",
            Self::Naive(NaiveRules::Age) => "last sync older than 24 hours",
            Self::Naive(NaiveRules::Zero) => "a count is 0",
            Self::Naive(NaiveRules::Statuses) => "one rule for each status",
        }
    }
}

/// What a rule set made of a life, or of several.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// What somebody has to be woken for.
    pub due: usize,
    /// Of those, for which nobody was woken.
    pub missed: usize,
    /// Messages that woke somebody for nothing.
    pub false_pages: usize,
    /// Messages that woke somebody for what is due.
    pub pages: usize,
    /// Warnings that nothing in the life explains.
    pub false_notices: usize,
    /// How long after the documented limit the first page came, at worst.
    pub delay: TimeDelta,
    /// Pages that ended before what they are about.
    pub early_ends: usize,
    /// Pages that began again within a day of their end.
    pub flaps: usize,
    /// Evaluations at which rules and judgement were compared, and those at which they differed.
    pub compared: (usize, usize),
    /// Evaluations at which what rules fire was compared with what exporters send themselves, and those at which it differed.
    pub sent: (usize, usize),
    /// What went wrong, a line each.
    pub notes: Vec<String>,
}

impl Score {
    /// Adds what was made of another life.
    pub fn add(&mut self, other: &Self) {
        self.due += other.due;
        self.missed += other.missed;
        self.false_pages += other.false_pages;
        self.pages += other.pages;
        self.false_notices += other.false_notices;
        self.delay = self.delay.max(other.delay);
        self.early_ends += other.early_ends;
        self.flaps += other.flaps;
        self.compared.0 += other.compared.0;
        self.compared.1 += other.compared.1;
        self.sent.0 += other.sent.0;
        self.sent.1 += other.sent.1;
        self.notes.extend(other.notes.iter().cloned());
    }
}

/// Alertmanager's `group_interval`: what begins within it of another is one message.
const TOGETHER: TimeDelta = TimeDelta::minutes(5);
/// A page that returns within this is the same trouble to whoever gets it.
const RETURNS: TimeDelta = TimeDelta::hours(24);

/// For how long rules go by what an exporter said that does not answer, or said by a clock that is wrong.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

pub(crate) fn ours(life: &Scenario, fired: &Fired, played: &Recording) -> (RuleSet, Score) {
    let every = evaluated_every(life);
    let through = fired.firing.iter().map(let_through);
    let mut score = score(life, &spans(life.starts, every, through), every, true);
    compare(life, fired, played, &mut score);
    (RuleSet::Shipped, score)
}

pub(crate) fn baselines(life: &Scenario, played: &Recording) -> Vec<(RuleSet, Score)> {
    let every = evaluated_every(life);
    let of = |(baseline, firing): (&NaiveRules, &Vec<BTreeSet<LabelSet>>)| {
        let firing = firing.iter().step_by(steps_each(life)).cloned();
        let alarms = spans(life.starts, every, firing);
        (RuleSet::Naive(*baseline), score(life, &alarms, every, false))
    };
    played.naive.iter().map(of).collect()
}

/// Rules, judgement, and what is sent without a Prometheus, evaluation by evaluation, wherever an exporter answers with a
/// picture of now.
fn compare(life: &Scenario, fired: &Fired, played: &Recording, score: &mut Score) {
    let faults = life.watching.changes.iter().filter(|fault| fault.what != WatchFault::Restarts);
    let faults: Vec<&WatchChange> = faults.collect();
    let of_orgs = |set: &BTreeSet<LabelSet>| -> BTreeSet<LabelSet> {
        set.iter().filter(|labels| !labels.get("org").is_empty()).cloned().collect()
    };
    // With evaluations that are apart, and with two exporters, what a rule holds is not what one of them judges.
    let plain = evaluated_every(life) == STEP
        && life.watching.changes.is_empty()
        && !life.watching.two_exporters;
    let rules = fired.holding.iter().zip(&fired.firing);
    for ((holding, firing), (at, said)) in rules.zip(&played.said) {
        let Some(Said { judged, sent }) = said else {
            continue;
        };
        if faults.iter().any(|fault| fault.from <= *at && *at < fault.until.plus(REMEMBERED)) {
            continue;
        }
        let mut differ = |counts: &mut (usize, usize), rules, exporter: &BTreeSet<LabelSet>| {
            let (rules, exporter) = (of_orgs(rules), of_orgs(exporter));
            counts.0 += 1;
            if rules != exporter {
                counts.1 += 1;
                if counts.1 == 1 {
                    score.notes.push(format!("{at}: rules {rules:?}, exporter {exporter:?}"));
                }
            }
        };
        if plain {
            differ(&mut score.compared, holding, judged);
        }
        differ(&mut score.sent, firing, sent);
    }
}

/// How long the alerts of causes wait before they fire, as documented.
fn held(causes: &[Cause]) -> TimeDelta {
    let groups = groups();
    let alerts = groups.iter().flat_map(|group| &group.alerts);
    let alerts = alerts.filter(|alert| causes.contains(&alert.cause));
    alerts.filter_map(|alert| alert.hold).max().unwrap_or_default()
}

pub(crate) fn score(life: &Scenario, alarms: &[Alarm], every: TimeDelta, by_cause: bool) -> Score {
    let org = life.policy.name.as_str();
    let breakages = life.breakages();
    // What a rule sees at an evaluation is up to one older, and `for` takes another.
    let slack = (every * 2).max(life.grain());
    let concerns = |alarm: &Alarm| {
        let of = alarm.labels.get("org");
        of.is_empty() || of == org
    };
    let right = |alarm: &Alarm, breakage: &Breakage, page: bool| {
        let causes = breakage.page.as_ref().filter(|_| page).map(|(causes, _)| causes.as_slice());
        let causes = causes.unwrap_or(if page { &[] } else { breakage.notices.as_slice() });
        let overlaps = alarm.until > breakage.since && alarm.from <= breakage.until.plus(slack);
        let named = alarm.labels.cause().is_some_and(|cause| causes.contains(&cause));
        concerns(alarm) && overlaps && (if by_cause { named } else { breakage.page.is_some() })
    };
    let mut score = Score::default();
    let pages: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.labels.pages()).collect();
    for breakage in &breakages {
        let Some((causes, by)) = &breakage.page else {
            continue;
        };
        score.due += 1;
        let mut of: Vec<&Alarm> =
            pages.iter().copied().filter(|alarm| right(alarm, breakage, true)).collect();
        // Other rules are not held to their reasons: whatever woke somebody before it was true did not wake them for it.
        of.retain(|alarm| by_cause || alarm.from >= breakage.since);
        let Some(first) = of.first().map(|alarm| alarm.from) else {
            score.missed += 1;
            score.notes.push(format!("missed: {} since {}", breakage.what, breakage.since));
            continue;
        };
        let by = by.plus(if by_cause { held(causes) } else { TimeDelta::zero() });
        let delay = first.since(by).max(TimeDelta::zero());
        score.delay = score.delay.max(delay);
        if delay > slack {
            score.notes.push(format!("late: {} by {}, paged {first}", breakage.what, by));
        }
        let over = breakage.until.min(life.ends).minus(slack);
        let mut covered = first;
        for alarm in &of {
            if alarm.from > covered && covered < over {
                score.early_ends += 1;
                score.notes.push(format!("early end: {} at {covered}", breakage.what));
            }
            covered = covered.max(alarm.until);
        }
        if covered < over {
            score.early_ends += 1;
            score.notes.push(format!("early end: {} at {covered}", breakage.what));
        }
    }
    // A message for each organisation and each time at which something new begins.
    let mut sent: BTreeMap<(&str, bool), Timestamp> = BTreeMap::new();
    let mut ended: BTreeMap<&LabelSet, Timestamp> = BTreeMap::new();
    for alarm in &pages {
        let due = breakages.iter().any(|breakage| right(alarm, breakage, true));
        let of = (alarm.labels.get("org"), due);
        let news = sent.get(&of).is_none_or(|at| alarm.from.since(*at) > TOGETHER);
        if news {
            sent.insert(of, alarm.from);
            if due {
                score.pages += 1;
            } else {
                score.false_pages += 1;
                score
                    .notes
                    .push(format!("false: {:?} {} .. {}", alarm.labels, alarm.from, alarm.until));
            }
        }
        if let Some(end) = ended.insert(&alarm.labels, alarm.until)
            && alarm.from.since(end) < RETURNS
        {
            score.flaps += 1;
            score.notes.push(format!("flap: {:?} {}", alarm.labels, alarm.from));
        }
    }
    for alarm in alarms.iter().filter(|alarm| alarm.labels.get("severity") == "warning") {
        if by_cause && !breakages.iter().any(|breakage| right(alarm, breakage, false)) {
            score.false_notices += 1;
            score.notes.push(format!(
                "false notice: {:?} {} .. {}",
                alarm.labels, alarm.from, alarm.until
            ));
        }
    }
    score
}
