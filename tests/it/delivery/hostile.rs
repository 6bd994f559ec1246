//! Alertmanagers that refuse, hang and flood, a store that fails, and very many alerts: with simulated ones.

use chrono::TimeDelta;
use lightning_sync_exporter::alerting::{
    AlertHost, Alerting, AlertingSettings, AlertmanagerAuth, AlertmanagerSettings,
    HeartbeatSettings, Recorded,
};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::alerts::{AlertChange, OwnFinding, OwnState};
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::external_url::ExternalUrl;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::observation::Refusal;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::http_client::{Endpoint, Trust};
use lightning_sync_exporter::rules::ScrapeTarget;
use lightning_sync_exporter::secret::Secret;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A round every hundredth of a second.
const PACE: u32 = 6_000;

/// How a simulated service answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answers {
    Takes,
    With(u16),
    Never,
    Endlessly,
}

/// Head and body of each request.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A service that takes requests down.
struct Service {
    address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
    bodies: Requests,
}

impl Service {
    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service =
            Self { address, answers: Arc::new(Mutex::new(answers)), bodies: Arc::default() };
        let (answers, bodies) = (Arc::clone(&service.answers), Arc::clone(&service.bodies));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answers = *answers.lock().unwrap();
                tokio::spawn(serve(stream, answers, Arc::clone(&bodies)));
            }
        });
        service
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(&format!("http://{}", self.address)).unwrap()
    }

    /// The alerts of every request, by the organisation that each is about.
    fn alerts(&self) -> Vec<Vec<serde_json::Value>> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().map(|(_, body)| serde_json::from_slice(body).unwrap_or_default()).collect()
    }

    fn requests(&self) -> usize {
        self.bodies.lock().unwrap().len()
    }
}

async fn serve(mut stream: TcpStream, answers: Answers, bodies: Requests) -> Option<()> {
    let mut request = Vec::new();
    let (head, begin) = loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&request[..end]).into_owned(), end + 4);
        }
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while request.len() < begin + length.unwrap_or(0) {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    bodies.lock().unwrap().push((head, request[begin..].to_vec()));
    let status = match answers {
        Answers::Takes => 200,
        Answers::With(status) => status,
        Answers::Never => return std::future::pending().await,
        Answers::Endlessly => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(&[b'x'; 65_536]).await.ok()?;
            }
        }
    };
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok()
}

/// A daemon whose findings and store are the test's.
#[derive(Default)]
struct SimulatedHost {
    /// Of how many organisations something holds.
    organisations: AtomicUsize,
    store_fails: AtomicBool,
    stands_still: AtomicBool,
    recorded: Mutex<usize>,
    largest: AtomicUsize,
}

impl AlertHost for SimulatedHost {
    fn now(&self) -> Timestamp {
        now()
    }

    fn view(&self) -> Arc<View> {
        let age = if self.stands_still.load(Ordering::SeqCst) { 60 } else { 0 };
        Arc::new(View::empty(now().minus(TimeDelta::seconds(age))))
    }

    fn own_findings(&self, _: &View, now: Timestamp) -> Vec<OwnFinding> {
        let org = |number| OrgName::new(&format!("org-{number}")).ok();
        let of = |number| OwnFinding {
            org: org(number),
            cause: Cause::IngestRejected,
            state: OwnState::Holds(now),
        };
        (0..self.organisations.load(Ordering::SeqCst)).map(of).collect()
    }

    fn record(&self, changes: Vec<AlertChange>) -> Recorded {
        self.largest.fetch_max(changes.len(), Ordering::SeqCst);
        let fails = self.store_fails.load(Ordering::SeqCst);
        if !fails {
            *self.recorded.lock().unwrap() += changes.len();
        }
        Box::pin(async move { if fails { Err(Refusal::StoreFailing) } else { Ok(()) } })
    }
}

fn settings(services: &[&Service], heartbeat: Option<&Service>) -> Option<Arc<AlertingSettings>> {
    let alertmanager = |service: &&Service| AlertmanagerSettings {
        endpoint: service.endpoint(),
        authorities: None,
        auth: None,
    };
    Some(Arc::new(AlertingSettings {
        alertmanagers: services.iter().map(alertmanager).collect(),
        exporter: ScrapeTarget { job: "sync".to_owned(), instance: "a".to_owned() },
        heartbeat: heartbeat.map(|service| HeartbeatSettings {
            endpoint: service.endpoint(),
            path: Secret::from_file_text("/ping/of-ours?x=1").unwrap(),
            every: TimeDelta::milliseconds(20),
        }),
        external_url: ExternalUrl::default(),
    }))
}

fn alerting(organisations: usize) -> (Arc<Alerting>, Arc<SimulatedHost>) {
    let host = Arc::new(SimulatedHost::default());
    host.organisations.store(organisations, Ordering::SeqCst);
    let shared = Arc::clone(&host) as Arc<dyn AlertHost>;
    (Alerting::new(shared, Events::log_only(), Vec::new(), PACE), host)
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(60), async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(patience.await.is_ok(), "{what}");
}

/// Waits until a service has heard of many more rounds.
async fn rounds(service: &Service) {
    let before = service.requests();
    until("rounds go on", || service.requests() > before + 20).await;
}

fn orgs(alerts: &[Vec<serde_json::Value>]) -> BTreeSet<String> {
    let all = alerts.iter().flatten();
    all.map(|alert| alert["labels"]["org"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn none_that_refuses_hangs_or_floods_delays_another_and_each_is_sent_again() {
    let bad = [Answers::With(400), Answers::With(500), Answers::Never, Answers::Endlessly];
    let mut services = Vec::new();
    for answers in bad {
        services.push(Service::start(answers).await);
    }
    let good = Service::start(Answers::Takes).await;
    let (alerting, _host) = alerting(3);
    let all: Vec<&Service> = services.iter().chain([&good]).collect();
    alerting.configure(settings(&all, None), &Trust::of_nobody());
    until("the good one is sent all", || orgs(&good.alerts()).len() == 3).await;
    // Those that answer badly are tried again and again; once they are well, they take everything.
    for service in [&services[0], &services[1], &services[3]] {
        until("it is tried again", || service.requests() > 3).await;
        *service.answers.lock().unwrap() = Answers::Takes;
        let before = service.requests();
        until("it takes all", || orgs(&service.alerts()[before..]).len() == 3).await;
    }
    // Removed from the configuration, one hears nothing more.
    alerting.configure(settings(&[&good], None), &Trust::of_nobody());
    rounds(&good).await;
    let removed = services[0].requests();
    rounds(&good).await;
    assert_eq!(services[0].requests(), removed);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_that_the_store_has_not_taken() {
    let good = Service::start(Answers::Takes).await;
    let (alerting, host) = alerting(1);
    host.store_fails.store(true, Ordering::SeqCst);
    alerting.configure(settings(&[&good], None), &Trust::of_nobody());
    until("rounds without an alert", || good.requests() > 50).await;
    assert_eq!(orgs(&good.alerts()), BTreeSet::new());
    host.store_fails.store(false, Ordering::SeqCst);
    until("the alert", || !orgs(&good.alerts()).is_empty()).await;
    // What was recorded is sent on while the store fails and the engine stands still; it does not end.
    host.store_fails.store(true, Ordering::SeqCst);
    host.stands_still.store(true, Ordering::SeqCst);
    host.organisations.store(0, Ordering::SeqCst);
    rounds(&good).await;
    let ends = |alerts: &[serde_json::Value]| {
        let ends = alerts[0]["endsAt"].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(ends).unwrap().to_utc()
    };
    let last = good.alerts().pop().unwrap();
    assert!(ends(&last) > now().plus(TimeDelta::minutes(3)).datetime(), "{last:#?}");
    host.store_fails.store(false, Ordering::SeqCst);
    host.stands_still.store(false, Ordering::SeqCst);
    until("its end", || {
        good.alerts().last().is_some_and(|it| !it.is_empty() && ends(it) <= now().datetime())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_alerts_go_in_small_requests_and_small_transactions() {
    const MANY: usize = 20_000;
    let good = Service::start(Answers::Takes).await;
    let (alerting, host) = alerting(MANY);
    alerting.configure(settings(&[&good], None), &Trust::of_nobody());
    until("all are sent", || {
        let last = good.bodies.lock().unwrap().len();
        last > MANY / 256 && orgs(&good.alerts()).len() == MANY
    })
    .await;
    assert!(good.alerts().iter().all(|alerts| alerts.len() <= 256));
    assert_eq!(host.largest.load(Ordering::SeqCst), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heart_beats_while_all_works_and_stops_when_anything_does_not() {
    let (switch, good) =
        (Service::start(Answers::Takes).await, Service::start(Answers::Takes).await);
    let (alerting, host) = alerting(0);
    alerting.configure(settings(&[&good], Some(&switch)), &Trust::of_nobody());
    let beats = || {
        let before = switch.requests();
        let switch = &switch;
        async move { until("the heart beats", || switch.requests() > before + 3).await }
    };
    let stops = || async {
        rounds(&good).await;
        let before = switch.requests();
        rounds(&good).await;
        assert_eq!(switch.requests(), before);
    };
    beats().await;
    let head = switch.bodies.lock().unwrap()[0].0.clone();
    assert!(head.starts_with("GET /ping/of-ours?x=1 HTTP/1.1\r\n"), "{head}");
    *good.answers.lock().unwrap() = Answers::With(503);
    stops().await;
    *good.answers.lock().unwrap() = Answers::Takes;
    beats().await;
    host.stands_still.store(true, Ordering::SeqCst);
    stops().await;
    host.stands_still.store(false, Ordering::SeqCst);
    beats().await;
    // Alone, it says only that the daemon judges.
    alerting.configure(settings(&[], Some(&switch)), &Trust::of_nobody());
    beats().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_shown_its_own_secret_and_a_token_is_read_for_every_round() {
    let [basic, bearer] =
        [Service::start(Answers::Takes).await, Service::start(Answers::Takes).await];
    let directory = tempfile::tempdir().unwrap();
    let token_file = directory.path().join("token");
    crate::salesforce::secret_file(&token_file, "first-token");
    let (alerting, _host) = alerting(1);
    let mut settings = settings(&[&basic, &bearer], None).unwrap();
    let [first, second] = Arc::make_mut(&mut settings).alertmanagers.as_mut_slice() else {
        panic!("there are two");
    };
    let password = Secret::from_file_text("pass").unwrap();
    first.auth = Some(AlertmanagerAuth::Basic { username: "sync".to_owned(), password });
    second.auth = Some(AlertmanagerAuth::Bearer { token_file: token_file.clone() });
    alerting.configure(Some(settings), &Trust::of_nobody());
    let shown = |service: &Service, header: &str| {
        let bodies = service.bodies.lock().unwrap();
        bodies.last().is_some_and(|(head, _)| head.to_lowercase().contains(&header.to_lowercase()))
    };
    until("a name and a password", || shown(&basic, "authorization: Basic c3luYzpwYXNz")).await;
    until("the token", || shown(&bearer, "authorization: Bearer first-token")).await;
    std::fs::remove_file(&token_file).unwrap();
    rounds(&basic).await;
    let before = bearer.requests();
    rounds(&basic).await;
    assert_eq!(bearer.requests(), before, "nothing is sent without what is to be shown");
    crate::salesforce::secret_file(&token_file, "second-token");
    until("the new token", || shown(&bearer, "authorization: Bearer second-token")).await;
}
