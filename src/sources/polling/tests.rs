//! The loop with sources that fail, hang and break, on the tests' paused clock.

use super::*;
use crate::domain::ids::{OrgId, OrgName, Source};
use crate::domain::observation::{Observation, Refusal, Snapshot};
use crate::domain::policy::OrgPolicy;
use crate::domain::source_state::{SourceState, SourceStates};
use crate::events::{Event, EventSink, Events};
use crate::http_client::TransportFailure;
use crate::sources::failure::{Failure, FailureReason, OwnFailure};
use crate::sources::salesforce::SalesforceFailure;
use chrono::TimeDelta;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A source that does at each poll what it is made for.
#[derive(Clone)]
struct Made {
    source: &'static str,
    number: u32,
    does: Arc<dyn Fn(u32) -> Result<(), Failure> + Send + Sync>,
    polls: Arc<AtomicU32>,
    /// When each began.
    began: Arc<Mutex<Vec<tokio::time::Instant>>>,
    takes: Duration,
}

impl PollSettings for Made {
    fn source(&self) -> &'static str {
        self.source
    }

    fn pace(&self) -> PollPace {
        PollPace { every: TimeDelta::seconds(60), budget_percent: 100, steady: false }
    }

    fn equals(&self, other: &dyn PollSettings) -> bool {
        let other: &dyn Any = other;
        other
            .downcast_ref::<Self>()
            .is_some_and(|other| (self.source, self.number) == (other.source, other.number))
    }

    fn start(&self) -> Box<dyn PolledSource> {
        Box::new(self.clone())
    }
}

impl PolledSource for Made {
    fn poll<'a>(&'a mut self, _: Timestamp, _: &'a OrgView) -> BoxedFuture<'a, PollOutcome> {
        Box::pin(async move {
            let poll = self.polls.fetch_add(1, Ordering::SeqCst);
            self.began.lock().unwrap().push(tokio::time::Instant::now());
            tokio::time::sleep(self.takes).await;
            PollOutcome {
                snapshot: (self.does)(poll).map(|()| {
                    Some(Snapshot {
                        org: OrgName::new("acme").unwrap(),
                        source: Source::Salesforce,
                        captured_at: NOON,
                        rows: Vec::new(),
                        users: Vec::new(),
                        users_complete: false,
                    })
                }),
                memory: None,
                facts: SourceFacts::default(),
                figures: Vec::new(),
                usage: None,
                news: Vec::new(),
            }
        })
    }
}

struct Bench {
    began: tokio::time::Instant,
    /// How much faster than the machine's its clock runs, as the demonstration's does.
    speed: u32,
    /// How far its time of day stepped back.
    behind: Mutex<TimeDelta>,
    /// The longest that a poll took.
    longest: Mutex<Duration>,
    org: Arc<OrgView>,
    states: Mutex<SourceStates>,
    events: Mutex<Vec<String>>,
    /// What breaks, and how often still.
    breaks: Mutex<(&'static str, u32)>,
    /// Why nothing is taken of what is handed over, if so.
    refusal: Mutex<Option<Refusal>>,
}

impl Host for Bench {
    fn now(&self) -> Timestamp {
        let behind = *self.behind.lock().unwrap();
        NOON.plus(TimeDelta::from_std(self.steady()).unwrap()).minus(behind)
    }

    fn steady(&self) -> Duration {
        self.perhaps_break("clock");
        self.began.elapsed() * self.speed
    }

    fn org(&self, _: &OrgName) -> Option<Arc<OrgView>> {
        Some(Arc::clone(&self.org))
    }

    fn submit(&self, _: Observation) -> BoxedFuture<'static, Result<(), Refusal>> {
        let refusal = *self.refusal.lock().unwrap();
        Box::pin(async move { refusal.map_or(Ok(()), Err) })
    }

    fn set_state(&self, _: &OrgName, source: &'static str, state: Option<SourceState>) {
        self.perhaps_break("state");
        self.states.lock().unwrap().set(source, state);
    }
}

impl EventSink for Bench {
    fn count(&self, event: &Event) {
        if matches!(event, Event::Polled { .. } | Event::PollFailed { .. }) {
            self.perhaps_break("event");
        }
        if let Event::Polled { took, .. } = event {
            let mut longest = self.longest.lock().unwrap();
            *longest = longest.max(*took);
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "events of other modules do not come here"
        )]
        let line = match event {
            Event::Polled { source, recovered, .. } => format!("{source} polled {recovered}"),
            Event::PollFailed { source, reason, repeated, .. } => {
                format!("{source} {reason} {repeated}")
            }
            Event::TaskRestarted { task } => format!("restarted {task}"),
            _ => return,
        };
        self.events.lock().unwrap().push(line);
    }
}

impl Bench {
    fn tasks() -> (Arc<Self>, Tasks) {
        Self::tasks_at(1)
    }

    fn tasks_at(speed: u32) -> (Arc<Self>, Tasks) {
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let bench = Arc::new(Self {
            began: tokio::time::Instant::now(),
            speed,
            behind: Mutex::new(TimeDelta::zero()),
            longest: Mutex::default(),
            org: Arc::new(OrgView::new(OrgId(1), Arc::new(policy), NOON, NOON)),
            states: Mutex::default(),
            events: Mutex::default(),
            breaks: Mutex::default(),
            refusal: Mutex::default(),
        });
        let events = Events::new(Arc::clone(&bench) as _);
        let tasks = Tasks::new(Arc::clone(&bench) as _, events);
        (bench, tasks)
    }

    fn perhaps_break(&self, what: &str) {
        let mut breaks = self.breaks.lock().unwrap();
        if breaks.0 == what && breaks.1 > 0 {
            breaks.1 -= 1;
            drop(breaks);
            panic!("a defect");
        }
    }

    fn failing(&self) -> Vec<(&'static str, &'static str)> {
        let states = self.states.lock().unwrap();
        let failing = states.failing();
        failing.map(|(source, failing)| (source, failing.reason)).collect()
    }

    fn events(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

fn made(
    source: &'static str,
    does: impl Fn(u32) -> Result<(), Failure> + Send + Sync + 'static,
) -> Made {
    Made {
        source,
        number: 0,
        does: Arc::new(does),
        polls: Arc::default(),
        began: Arc::default(),
        takes: Duration::ZERO,
    }
}

fn wanted(sources: &[&Made]) -> WantedPollers {
    let acme = OrgName::new("acme").unwrap();
    let one = |source: &&Made| (acme.clone(), Arc::new((*source).clone()) as Arc<dyn PollSettings>);
    sources.iter().map(one).collect()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn timeout(_: u32) -> Result<(), Failure> {
    Err(Failure::new(TransportFailure::Timeout, "no answer"))
}

#[tokio::test(start_paused = true)]
async fn a_defect_shows_as_a_failing_source_and_is_polled_again_further_apart() {
    let (bench, tasks) = Bench::tasks();
    let broken = made("exchange", |poll| {
        assert!(poll > 2, "a defect");
        Ok(())
    });
    tasks.configure(wanted(&[&broken]));
    pass(10).await;
    assert_eq!(bench.failing(), [("exchange", "defect")]);
    assert_eq!(bench.events(), ["restarted poll", "exchange defect false"]);
    // A minute later, then two: the third failure is followed by a poll that goes well.
    pass(60).await;
    assert_eq!(broken.polls.load(Ordering::SeqCst), 2);
    pass(120).await;
    assert_eq!(broken.polls.load(Ordering::SeqCst), 3);
    pass(239).await;
    assert_eq!(bench.failing(), [], "{:?}", bench.events());
    assert_eq!(bench.events().last().unwrap(), "exchange polled true");
}

/// Each reason has its bound: five minutes where the service mends itself, fifteen where somebody has to act or a poll
/// could lock somebody out.
#[tokio::test(start_paused = true)]
async fn polls_that_fail_come_further_apart_up_to_the_bound_of_their_reason() {
    const FAILED: u32 = 14;
    let reasons = SalesforceFailure::ALL.iter().map(|failure| FailureReason::from(*failure));
    let transport = TransportFailure::ALL.iter().map(|failure| FailureReason::from(*failure));
    let own = OwnFailure::ALL.iter().map(|failure| FailureReason::from(*failure));
    let mut distant = Vec::new();
    for reason in reasons.chain(transport).chain(own) {
        let (_bench, tasks) = Bench::tasks();
        let source = made("salesforce", move |poll| {
            if poll < FAILED { Err(Failure::new(reason, "as before")) } else { Ok(()) }
        });
        tasks.configure(wanted(&[&source]));
        pass(5 * 3_600).await;
        tasks.stop();
        let began = source.began.lock().unwrap().clone();
        let gaps: Vec<f64> =
            began.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let bound: f64 = if reason.wants_distance { 900.0 } else { 300.0 };
        // After the first failure at the usual time; then doubled, and spread by a tenth at most.
        for (number, gap) in gaps.iter().take(FAILED as usize).enumerate() {
            let doubled = (60.0 * 2_f64.powi(number as i32)).min(bound);
            let least = if number == 0 { 60.0 } else { doubled * 0.9 };
            assert!((least..=doubled).contains(gap), "{}: {gaps:?}", reason.name);
        }
        // Well again, it is polled as usual.
        let after = &gaps[FAILED as usize..];
        assert!(
            after.len() > 3 && after.iter().all(|gap| *gap == 60.0),
            "{}: {gaps:?}",
            reason.name
        );
        if reason.wants_distance {
            distant.push(reason.name);
        }
    }
    for lasting in ["credentials_rejected", "app_not_approved", "ip_restricted", "user_inactive"] {
        assert!(distant.contains(&lasting), "{lasting}: {distant:?}");
    }
    assert!(!distant.contains(&"timeout") && !distant.contains(&"maintenance"), "{distant:?}");
}

/// A defect that is not the source's: in the clock, in the state that is shown, in what counts.
#[tokio::test(start_paused = true)]
async fn a_defect_of_the_loop_shows_as_a_failing_source_and_is_started_again() {
    for what in ["clock", "state", "event"] {
        let (bench, tasks) = Bench::tasks();
        let good = made("exchange", |_| Ok(()));
        tasks.configure(wanted(&[&good]));
        pass(30).await;
        assert_eq!((bench.failing(), bench.events().len()), (vec![], 1), "{what}");
        *bench.breaks.lock().unwrap() = (what, 1);
        pass(40).await;
        assert_eq!(bench.failing(), [("exchange", "defect")], "{what}");
        assert_eq!(bench.events().last().unwrap(), "exchange defect false", "{what}");
        let polls = good.polls.load(Ordering::SeqCst);
        pass(130).await;
        assert_eq!(bench.failing(), [], "{what}");
        assert_eq!(bench.events().last().unwrap().split(' ').nth(1), Some("polled"), "{what}");
        assert!(good.polls.load(Ordering::SeqCst) > polls, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_breaks_each_time_leaves_the_source_failing_and_polled_further_apart() {
    for what in ["state", "event"] {
        let (bench, tasks) = Bench::tasks();
        let good = made("exchange", |_| Ok(()));
        *bench.breaks.lock().unwrap() = (what, u32::MAX);
        tasks.configure(wanted(&[&good]));
        pass(3_600).await;
        // Polled each minute it would be 60 times; not polled again, once.
        let polls = good.polls.load(Ordering::SeqCst);
        assert!((4..20).contains(&polls), "{what}: {polls}");
        let events = bench.events();
        let restarts = events.iter().filter(|line| *line == "restarted poll").count();
        assert!((4..60).contains(&restarts), "{what}: {events:?}");
        if what == "event" {
            assert_eq!(bench.failing(), [("exchange", "defect")]);
        }
        bench.breaks.lock().unwrap().1 = 0;
        pass(3_600).await;
        assert_eq!(bench.failing(), [], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn sources_of_one_organisation_do_not_touch_each_other() {
    let (bench, tasks) = Bench::tasks();
    let (bad, good) = (made("salesforce", timeout), made("exchange", |_| Ok(())));
    tasks.configure(wanted(&[&bad, &good]));
    pass(300).await;
    assert_eq!(bench.failing(), [("salesforce", "timeout")]);
    let states = bench.states.lock().unwrap().clone();
    assert!(states.of("exchange").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_reload_goes_on_with_what_is_as_it_was_and_forgets_what_went() {
    let (bench, tasks) = Bench::tasks();
    let (bad, good) = (made("salesforce", timeout), made("exchange", |_| Ok(())));
    tasks.configure(wanted(&[&bad, &good]));
    pass(40).await;
    let polls = good.polls.load(Ordering::SeqCst);
    tasks.configure(wanted(&[&good]));
    assert_eq!(bench.failing(), []);
    pass(10).await;
    assert_eq!(good.polls.load(Ordering::SeqCst), polls, "it goes on at its own pace");
    let other = Made { number: 1, ..good.clone() };
    tasks.configure(wanted(&[&other]));
    pass(1).await;
    assert_eq!(good.polls.load(Ordering::SeqCst), polls + 1, "other settings begin anew");
    let bad_polls = bad.polls.load(Ordering::SeqCst);
    pass(600).await;
    assert_eq!(bad.polls.load(Ordering::SeqCst), bad_polls, "what went is not polled");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_lasts_is_logged_once_an_hour() {
    let (bench, tasks) = Bench::tasks();
    let bad = made("salesforce", timeout);
    tasks.configure(wanted(&[&bad]));
    pass(2 * 3_600 + 1_800).await;
    let logged = bench.events();
    let first = |line: &&String| line.as_str() == "salesforce timeout false";
    assert_eq!(logged.iter().filter(first).count(), 3, "{logged:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_poll_costs_is_the_machines_time_however_fast_the_clock_runs() {
    let (bench, tasks) = Bench::tasks_at(60);
    let slow = Made { takes: Duration::from_secs(30), ..made("exchange", |_| Ok(())) };
    tasks.configure(wanted(&[&slow]));
    let began = std::time::Instant::now();
    pass(120).await;
    assert!(slow.polls.load(Ordering::SeqCst) >= 3);
    // Half an hour by its clock for each poll, and next to nothing by the machine's, whose waiting is paused here.
    let longest = *bench.longest.lock().unwrap();
    assert!(longest > Duration::ZERO && longest <= began.elapsed(), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_step_back_of_the_clock_makes_no_failure_seem_younger_and_stops_no_polls() {
    let (bench, tasks) = Bench::tasks();
    let bad = made("salesforce", timeout);
    tasks.configure(wanted(&[&bad]));
    pass(100).await;
    let since = || bench.states.lock().unwrap().failing().next().unwrap().1.since;
    let (began, polls) = (since(), bad.polls.load(Ordering::SeqCst));
    *bench.behind.lock().unwrap() = TimeDelta::hours(2);
    pass(600).await;
    assert!(bad.polls.load(Ordering::SeqCst) > polls, "polls go by the clock that does not step");
    assert!(since() < began, "{} {began}", since());
    *bench.behind.lock().unwrap() = TimeDelta::zero();
    let earliest = since();
    pass(600).await;
    assert_eq!(since(), earliest);
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_too_many_users_fails_with_a_reason_of_its_own_until_it_fits() {
    let (bench, tasks) = Bench::tasks();
    *bench.refusal.lock().unwrap() = Some(Refusal::TooManyUsers(2));
    let source = made("salesforce", |_| Ok(()));
    tasks.configure(wanted(&[&source]));
    pass(10).await;
    assert_eq!(bench.failing(), [("salesforce", "too_many_users")]);
    *bench.refusal.lock().unwrap() = Some(Refusal::QueueFull);
    pass(60).await;
    assert_eq!(bench.failing(), [("salesforce", "not_taken")]);
    *bench.refusal.lock().unwrap() = None;
    pass(600).await;
    assert_eq!(bench.failing(), []);
}
