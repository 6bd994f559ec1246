//! The loop with sources that fail, hang and break, on the tests' paused clock.

use super::*;
use crate::domain::ids::{OrgId, OrgName};
use crate::domain::observation::{Observation, Refusal};
use crate::domain::policy::OrgPolicy;
use crate::domain::source_state::{SourceState, SourceStates};
use crate::events::{Event, EventSink, Events};
use crate::http_client::TransportFailure;
use crate::sources::failure::Failure;
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
    does: fn(u32) -> Result<(), Failure>,
    polls: Arc<AtomicU32>,
}

impl PollSettings for Made {
    fn source(&self) -> &'static str {
        self.source
    }

    fn pace(&self) -> Pace {
        Pace { every: TimeDelta::seconds(60), budget_percent: 100, steady: false }
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
    fn poll<'a>(&'a mut self, _: Timestamp, _: &'a OrgView) -> Pending<'a, PollOutcome> {
        Box::pin(async move {
            let poll = self.polls.fetch_add(1, Ordering::SeqCst);
            PollOutcome {
                snapshot: (self.does)(poll).map(|()| None),
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
    org: Arc<OrgView>,
    states: Mutex<SourceStates>,
    events: Mutex<Vec<String>>,
}

impl Host for Bench {
    fn now(&self) -> Timestamp {
        NOON.plus(TimeDelta::from_std(self.steady()).unwrap())
    }

    fn steady(&self) -> Duration {
        self.began.elapsed()
    }

    fn org(&self, _: &OrgName) -> Option<Arc<OrgView>> {
        Some(Arc::clone(&self.org))
    }

    fn submit(&self, _: Observation) -> Pending<'static, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }

    fn set_state(&self, _: &OrgName, source: &'static str, state: Option<SourceState>) {
        self.states.lock().unwrap().set(source, state);
    }
}

impl EventSink for Bench {
    fn count(&self, event: &Event) {
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
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let bench = Arc::new(Self {
            began: tokio::time::Instant::now(),
            org: Arc::new(OrgView::new(OrgId(1), Arc::new(policy), NOON, NOON)),
            states: Mutex::default(),
            events: Mutex::default(),
        });
        let events = Events::new(Arc::clone(&bench) as _);
        let tasks = Tasks::new(Arc::clone(&bench) as _, events);
        (bench, tasks)
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

fn made(source: &'static str, does: fn(u32) -> Result<(), Failure>) -> Made {
    Made { source, number: 0, does, polls: Arc::default() }
}

fn wanted(sources: &[&Made]) -> Wanted {
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
