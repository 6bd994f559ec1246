//! The feeder against a server that takes, postpones and refuses.

use chrono::TimeDelta;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lightning_sync_exporter::domain::activity::{ActivityKind, IdentityKey};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::ingest_error::OnError;
use lightning_sync_exporter::sources::{activity, snapshot};
use lightning_sync_sim::scenarios::{Scenario, demo, exact};
use lightning_sync_sim::simulator::{Fed, Feeder, activity_ndjson, snapshot_json};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What a daemon would have: by path the lines or pages, each once.
#[derive(Default)]
struct Taken {
    requests: u64,
    heartbeats: u64,
    bodies: BTreeMap<String, BTreeSet<String>>,
}

type Shared = Arc<Mutex<Taken>>;

/// Serves until the test ends; `answer` decides by the number of the request.
async fn daemon(answer: fn(u64) -> StatusCode) -> (SocketAddr, Shared) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let taken = Shared::default();
    let shared = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let shared = Arc::clone(&shared);
            let service = service_fn(move |request| take(Arc::clone(&shared), answer, request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (addr, taken)
}

async fn take(
    shared: Shared,
    answer: fn(u64) -> StatusCode,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut taken = shared.lock().unwrap();
    taken.requests += 1;
    let status = answer(taken.requests);
    // What is answered with an error may have been taken all the same: a sender must not count on either.
    if !status.is_client_error() {
        taken.heartbeats += u64::from(body.is_empty());
        let text = String::from_utf8(body.to_vec()).unwrap();
        let bodies = taken.bodies.entry(path).or_default();
        bodies.extend(text.lines().map(str::to_owned));
    }
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert("retry-after", "0".parse().unwrap());
    }
    Ok(response)
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_000_000)
}

/// The lines that the whole history of the stories has, by path.
fn history(scenarios: &[Scenario]) -> BTreeMap<String, BTreeSet<String>> {
    let mut bodies = BTreeMap::new();
    for scenario in scenarios {
        let pushes = scenario.history(now());
        let org = &scenario.policy.name;
        let lines = String::from_utf8(activity_ndjson(&pushes.records)).unwrap();
        bodies.insert(
            format!("/api/v1/orgs/{org}/activity"),
            lines.lines().map(str::to_owned).collect(),
        );
        bodies.insert(
            format!("/api/v1/orgs/{org}/snapshot"),
            pushes
                .snapshots
                .iter()
                .map(|page| String::from_utf8(snapshot_json(page)).unwrap())
                .collect(),
        );
    }
    bodies
}

#[tokio::test]
async fn the_whole_history_arrives_in_small_requests() {
    let (addr, taken) = daemon(|_| StatusCode::OK).await;
    let scenarios = demo(now());
    let mut feeder = Feeder::new(addr, scenarios.clone(), Arc::new(now), 1.0);
    let fed = feeder.catch_up().await;
    let expected = history(&scenarios);
    let records: usize = scenarios.iter().map(|s| s.history(now()).records.len()).sum();
    let snapshots: usize = scenarios.iter().map(|s| s.history(now()).snapshots.len()).sum();
    assert_eq!(
        fed,
        Fed { records: records as u64, snapshots: snapshots as u64, retries: 0, refused: 0 }
    );
    assert!(records > 10_000, "{records}");
    assert_eq!(taken.lock().unwrap().bodies, expected);
    assert_eq!(feeder.catch_up().await, fed, "nothing is told twice");
}

#[tokio::test]
async fn what_is_postponed_is_sent_again_and_is_the_same() {
    let (addr, taken) = daemon(|number| match number % 3 {
        0 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    })
    .await;
    let scenarios = demo(now());
    let fed = Feeder::new(addr, scenarios.clone(), Arc::new(now), 1.0).catch_up().await;
    assert!(fed.retries > 0 && fed.refused == 0, "{fed:?}");
    assert_eq!(taken.lock().unwrap().bodies, history(&scenarios));
}

#[tokio::test]
async fn what_is_refused_is_not_sent_again() {
    let (addr, taken) = daemon(|_| StatusCode::UNPROCESSABLE_ENTITY).await;
    let fed = Feeder::new(addr, demo(now()), Arc::new(now), 1.0).catch_up().await;
    assert_eq!((fed.records, fed.snapshots, fed.retries), (0, 0, 0));
    assert_eq!(fed.refused, taken.lock().unwrap().requests);
}

#[tokio::test]
async fn a_feeder_tells_the_present_until_it_is_told_to_stop() {
    let (addr, taken) = daemon(|_| StatusCode::OK).await;
    let scenarios: Vec<Scenario> = demo(now()).into_iter().filter(|s| s.name == "globex").collect();
    // Each look at the clock is ten seconds later: nothing of globex syncs, so only heartbeats and pages come.
    let looks = Arc::new(Mutex::new(0));
    let clock = move || {
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        now().plus(TimeDelta::seconds(10 * *looks))
    };
    let feeder = Feeder::new(addr, scenarios, Arc::new(clock), 1_000.0);
    let seen = Arc::clone(&taken);
    let fed = feeder
        .run(async move {
            let mut enough = false;
            while !enough {
                tokio::task::yield_now().await;
                let taken = seen.lock().unwrap();
                enough = taken.bodies.get("/api/v1/orgs/globex/snapshot").is_some_and(|pages| {
                    let later =
                        format!("\"captured_at\":\"{}\"", Timestamp::of_minute(now().minute() + 1));
                    pages.iter().any(|page| page.contains(&later))
                });
            }
        })
        .await;
    assert!(taken.lock().unwrap().heartbeats > 1);
    assert_eq!(fed.refused, 0);
}

/// Both sides write and read by the published interface alone; what they mean by it is compared here.
#[test]
fn what_is_written_of_every_story_is_read_as_it_was_meant() {
    let identity = IdentityKey::new([7; 16]);
    for story in exact().into_iter().chain(demo(now())) {
        let org = &story.policy.name;
        // The middle of the first change, where something unusual is shown, and the beginning.
        let upto = story.truth.first().map_or(story.starts, |truth| truth.from);
        for upto in [story.starts.plus(TimeDelta::hours(2)), upto.plus(TimeDelta::hours(1))] {
            let pushes = story.live(upto, upto.minus(TimeDelta::hours(2)));
            let context = activity::ActivityContext {
                org,
                identity: &identity,
                now: upto,
                on_error: OnError::Refuse,
            };
            let read = activity::parse(&activity_ndjson(&pushes.records), &context).unwrap();
            let meant: Vec<(Timestamp, ActivityKind)> = pushes
                .records
                .iter()
                .map(|record| {
                    let kind = ActivityKind {
                        object_type: record.object_type,
                        direction: Some(record.direction),
                        outcome: record.outcome,
                    };
                    (record.at, kind)
                })
                .collect();
            let got: Vec<_> =
                read.value.records.iter().map(|record| (record.at, record.kind)).collect();
            assert_eq!(got, meant, "{}", story.name);
            for page in &pushes.snapshots {
                let context = snapshot::SnapshotContext {
                    org,
                    now: upto,
                    captured_at: None,
                    written_at: None,
                };
                let read = snapshot::parse_json(&snapshot_json(page), &context).unwrap();
                assert_eq!(in_order(read), in_order(page.clone()), "{}", story.name);
            }
        }
    }
}

/// The order of rows means nothing.
fn in_order(mut page: Snapshot) -> Snapshot {
    page.rows.sort_by_key(|(row, _)| *row);
    for (_, values) in &mut page.users {
        values.sort_unstable();
    }
    page
}
