//! That a second polled source is cheap: [`beacon`] is its folder and its section; `wanted` below is its line of
//! registration; it has no metrics of its own, so that the catalogue needs no row. Everything else comes from the frame, which
//! is the real one here: the loop of polls, the engine, the events and the metrics page, with HTTP to a server of the test.

mod beacon;

use crate::support::memory_store::MemoryStore;
use beacon::{BeaconSection, BeaconSource, REASONS};
use chrono::TimeDelta;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::observation::{Observation, Refusal};
use lightning_sync_exporter::domain::policy::{OrgPolicy, UserNames, UserSeries};
use lightning_sync_exporter::domain::source_state::SourceState;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::engine::{Clock, Engine, EngineSettings, Handle, spawn};
use lightning_sync_exporter::events::{Event, EventSink, Events};
use lightning_sync_exporter::http_client::Endpoint;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::sources::polling::{BoxedFuture, Host, Tasks, WantedPollers};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How much faster than the machine's the clock of the loop runs, so that backing off costs no time.
const SPEED: u32 = 600;

/// What the server answers: a status and a body.
type Answer = (u16, &'static str);

/// Serves one answer for each request, and waits for it: between two answers nothing moves.
fn serve(answers: std_mpsc::Receiver<Answer>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(&stream).lines().map_while(Result::ok);
            assert_eq!(head.next().as_deref(), Some("GET /linked HTTP/1.1"));
            assert!(head.any(|line| line.is_empty()));
            // The test has ended.
            let Ok((status, body)) = answers.recv() else { return };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

/// The engine as the loop sees it.
struct EngineHost {
    engine: Handle,
    clock: Clock,
}

impl Host for EngineHost {
    fn now(&self) -> Timestamp {
        (self.clock.wall)()
    }

    fn steady(&self) -> Duration {
        (self.clock.steady)()
    }

    fn org(&self, org: &OrgName) -> Option<Arc<OrgView>> {
        self.engine.view().org(org).cloned()
    }

    fn submit(&self, observation: Observation) -> BoxedFuture<'static, Result<(), Refusal>> {
        let submitted = self.engine.submit(observation);
        Box::pin(async move { submitted?.await.unwrap_or(Err(Refusal::ShuttingDown)).map(drop) })
    }

    fn set_state(&self, org: &OrgName, source: &'static str, state: Option<SourceState>) {
        self.engine.set_source_state(org, source, state);
    }
}

/// Counts events as the daemon does, and lets the test wait for polls.
struct Counted {
    own: Arc<SelfMetrics>,
    polls: mpsc::UnboundedSender<Result<(), &'static str>>,
}

impl EventSink for Counted {
    fn count(&self, event: &Event) {
        self.own.count(event);
        if let Event::Polled { source: "exchange", .. } = event {
            self.polls.send(Ok(())).unwrap();
        }
        if let Event::PollFailed { source: "exchange", reason, .. } = event {
            self.polls.send(Err(reason)).unwrap();
        }
    }
}

/// The line of registration, as in `src/app/pollers.rs`.
fn wanted(org: &OrgName, section: Option<&BeaconSection>) -> WantedPollers {
    let source =
        |section: &BeaconSection| BeaconSource { org: org.clone(), section: section.clone() };
    section.map(|section| (org.clone(), Arc::new(source(section)) as _)).into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_source_has_everything_that_the_first_one_has() {
    let acme = OrgName::new("acme").unwrap();
    let own = Arc::new(SelfMetrics::new(&[]).unwrap());
    own.set_orgs(std::slice::from_ref(&acme));
    let (polls, mut polled) = mpsc::unbounded_channel();
    let events = Events::new(Arc::new(Counted { own: Arc::clone(&own), polls }));
    let settings = EngineSettings {
        policies: vec![Arc::new(OrgPolicy::defaults(acme.clone()))],
        keep_activity: TimeDelta::days(7),
        keep_history: TimeDelta::days(7),
        user_series: UserSeries::Aggregate,
        user_names: UserNames::Pseudonym,
    };
    let began = Instant::now();
    let clock = Clock { wall: Arc::new(now), steady: Arc::new(move || began.elapsed() * SPEED) };
    let engine = Engine::start(MemoryStore::new(), settings, events.clone(), now()).unwrap();
    let engine =
        spawn(engine, Clock { steady: Arc::new(move || began.elapsed()), ..clock.clone() })
            .unwrap();
    let host = EngineHost { engine: engine.handle.clone(), clock };
    let tasks = Tasks::new(Arc::new(host), events);
    let (answer, answers) = std_mpsc::channel();
    let section = BeaconSection {
        host: Endpoint::new(&format!("http://{}", serve(answers))).unwrap(),
        poll_every: TimeDelta::minutes(1),
    };
    tasks.configure(wanted(&acme, Some(&section)));
    let pages = MetricsPages::new(own);
    let page = || {
        let page = pages.text(engine.handle.view(), now(), PageFormat::Text);
        String::from_utf8(page.flatten().collect()).unwrap()
    };
    let has = |line: &str| {
        let page = page();
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    };
    let success =
        |value| format!("lightning_sync_poll_success{{org=\"acme\",source=\"exchange\"}} {value}");
    let failed = |reason, count| {
        format!(
            "lightning_sync_poll_failures_total{{org=\"acme\",reason=\"{reason}\",source=\"exchange\"}} {count}"
        )
    };

    answer.send((200, "41")).unwrap();
    assert_eq!(polled.recv().await, Some(Ok(())));
    has(&success(1));
    has("lightning_sync_linked_users{org=\"acme\"} 41");

    // A failure of its own list; the reading stays.
    answer.send((503, "")).unwrap();
    assert_eq!(polled.recv().await, Some(Err(REASONS[0].name)));
    has(&success(0));
    has(&failed(REASONS[0].name, 1));
    has("lightning_sync_linked_users{org=\"acme\"} 41");

    // A defect ends the poll and not the loop: it is counted, shows as a failure, and the source is polled again.
    answer.send((200, "no number")).unwrap();
    assert_eq!(polled.recv().await, Some(Err("defect")));
    has(&success(0));
    has(&failed("defect", 1));
    has("lightning_sync_exporter_task_restarts_total{task=\"poll\"} 1");
    answer.send((200, "42")).unwrap();
    assert_eq!(polled.recv().await, Some(Ok(())));
    has(&success(1));
    has("lightning_sync_linked_users{org=\"acme\"} 42");

    // What is no longer configured leaves no series of polls.
    tasks.configure(wanted(&acme, None));
    assert!(!page().contains("lightning_sync_poll_success{"), "{}", page());
    tasks.stop();
    engine.stop();
}
