//! Who is woken, from the wire to the phone: a sync between both simulators that stops while its status page goes on to
//! call all well, the canary, the shipped rules in a real Prometheus, the shipped configuration in a real Alertmanager.
//! Each minute of the shipped intervals is a second; nothing else is changed. All organisations run side by side.

use super::fixture::{BothSides, CANARY, SYNC_ACCOUNT};
use super::live::{Site, Writes};
use crate::support::http::{get, post};
use crate::support::process::wait_until;
use crate::support::receiver::Receiver;
use crate::support::stack::{Alertmanager, Prometheus, repository};
use chrono::TimeDelta;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::ids::Direction;
use lightning_sync_sim::simulator::snapshot_json;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);
/// Half an hour.
const INTERVAL: TimeDelta = TimeDelta::seconds(30);
const LATE: &str = "LightningSyncCanaryLate";
const REFUSED: &str = "LightningSyncExchangeAccountRefused";

/// What happens to the sync.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Well,
    Dead(Direction),
    /// Nothing moves either way, because Exchange refuses the sync's account.
    AccountRefused,
    /// Exchange demands pauses of the sync's account, for six minutes after each item was written.
    Slow,
    /// Exchange demands pauses without an end.
    Throttled,
}

/// The alert that wakes somebody, and how many of it are in the one message.
type Page = Option<(&'static str, usize)>;

/// Each organisation, what happens in it, and who is woken.
const ALL: [(&str, Fate, Page); 6] = [
    ("well", Fate::Well, None),
    ("to-exchange", Fate::Dead(Direction::ToExchange), Some((LATE, 2))),
    ("to-salesforce", Fate::Dead(Direction::ToSalesforce), Some((LATE, 2))),
    ("refused", Fate::AccountRefused, Some((REFUSED, 1))),
    ("slow", Fate::Slow, None),
    ("throttled", Fate::Throttled, Some((LATE, 4))),
];

/// What all tasks share.
#[derive(Default)]
struct Story {
    /// When it all happens.
    broken: OnceLock<Instant>,
    /// Where the daemon is.
    daemon: Mutex<Option<SocketAddr>>,
}

/// Whether something was written so short a time ago. Nothing but the canary's items has an instant.
fn is_younger(both: &BothSides, span: TimeDelta) -> bool {
    let records = both.records().into_iter().filter_map(|it| it.created_at);
    let items = both.items().into_iter().filter_map(|(_, it)| it.created_at);
    let newest = records.chain(items).max();
    newest.is_some_and(|at| now().since(at) < span)
}

/// The sync, and somebody who reads its page, until the test ends.
async fn live(mut both: BothSides, org: &'static str, fate: Fate, story: Arc<Story>) {
    both.sync.settings.delay = TimeDelta::milliseconds(500);
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 0_u64.. {
        ticks.tick().await;
        if story.broken.get().is_some() {
            let pauses = match fate {
                // Each item waits for six of the ten minutes that it may take.
                Fate::Slow => is_younger(&both, TimeDelta::seconds(6)),
                Fate::Throttled => true,
                Fate::Well | Fate::Dead(_) | Fate::AccountRefused => false,
            };
            let throttled = if pauses { vec![SYNC_ACCOUNT.to_owned()] } else { Vec::new() };
            both.exchange.change(|org| org.throttled = throttled);
            match fate {
                Fate::Dead(direction) => both.sync.settings.dropped = Some(direction),
                Fate::AccountRefused => {
                    both.exchange.change(|org| "another".clone_into(&mut org.password));
                }
                Fate::Well | Fate::Slow | Fate::Throttled => {}
            }
        }
        both.sync.step(now()).await;
        let daemon = *story.daemon.lock().unwrap();
        if let Some(daemon) = daemon.filter(|_| tick % 8 == 0 && fate != Fate::AccountRefused) {
            let page = snapshot_json(&both.sync.page(now()));
            let push = move || {
                let headers = [("Content-Type", "application/json")];
                post(daemon, &format!("/api/v1/orgs/{org}/snapshot"), &headers, &page).status
            };
            assert_eq!(tokio::task::spawn_blocking(push).await.unwrap(), 200);
        }
    }
}

/// The messages that woke somebody for an organisation: when, and which alerts began or ended.
fn pages(receiver: &Receiver, org: &str) -> Vec<(Instant, Vec<(String, String)>)> {
    let of = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let ours = receiver.notifications().into_iter();
    let ours = ours
        .filter(|got| got.path == "/page" && got.body["commonLabels"]["org"].as_str() == Some(org));
    ours.map(|got| {
        let alerts = got.body["alerts"].as_array().cloned().unwrap_or_default();
        let words = alerts.iter().map(|it| (of(&it["status"]), of(&it["labels"]["alertname"])));
        (got.at, words.collect())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_stops_while_every_status_is_fine_wakes_the_right_people_once() {
    let mut sides = Vec::new();
    for (org, fate, _) in ALL {
        sides.push((org, fate, BothSides::start(org, Arc::new(now)).await));
    }
    let orgs: Vec<_> = sides
        .iter()
        .map(|(org, fate, both)| {
            // The probe signs in with the sync's account.
            let probe = format!(
                "    exchange:\n      ews_url: http://{}/EWS/Exchange.asmx\n      auth: {{ basic: {{ username: '{SYNC_ACCOUNT}', password_file: secret }} }}\n      mailboxes: [{CANARY}]\n      poll_every: 1m\n",
                both.exchange.address()
            );
            (*org, both, if *fate == Fate::AccountRefused { probe } else { String::new() })
        })
        .collect();
    let site = Site::new(&orgs);
    let story = Arc::new(Story::default());
    for (org, fate, both) in sides {
        tokio::spawn(live(both, org, fate, Arc::clone(&story)));
    }

    // It learns from a few round trips how long they take.
    let daemon = site.daemon(TimeDelta::seconds(4), Writes::Goes);
    *story.daemon.lock().unwrap() = Some(daemon.address);
    let lanes = ALL.len() * 4;
    wait_until("five round trips in each lane", PATIENCE, || {
        let trips = daemon.metric("lightning_sync_canary_round_trip_seconds_count", &[]);
        (trips.len() == lanes && trips.iter().all(|trips| *trips >= 5.0)).then_some(())
    });
    *story.daemon.lock().unwrap() = None;
    drop(daemon);
    let daemon = site.daemon(INTERVAL, Writes::Goes);
    *story.daemon.lock().unwrap() = Some(daemon.address);
    let in_time = || daemon.metric("lightning_sync_canary_state", &["state=\"in_time\"}"]);
    wait_until("all are in time", PATIENCE, || (in_time() == vec![1.0; lanes]).then_some(()));
    assert_eq!(daemon.metric("lightning_sync_canary_allowed_seconds", &[]), vec![10.0; lanes]);

    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(site.path(), receiver.address);
    let rules = site.path().join("rules.yaml");
    let shipped = fs::read_to_string(repository("alerts/lightning-sync.rules.yaml")).unwrap();
    let scaled = shipped.replace("for: 10m\n", "for: 10s\n").replace("for: 1m\n", "for: 1s\n");
    assert_ne!(scaled, shipped);
    fs::write(&rules, scaled).unwrap();
    let jobs: &[(&str, &[SocketAddr])] = &[("lightning-sync", &[daemon.address])];
    let prometheus = Prometheus::start_with(site.path(), jobs, Some(alertmanager.address), &rules);
    wait_until("Prometheus has seen all", PATIENCE, || {
        let seen = prometheus.query("lightning_sync_canary_state{state='in_time'} == 1");
        (seen.len() == lanes).then_some(())
    });

    // Where nobody reads the status page, the canary alone proves when something last synced.
    let view = get(daemon.address, "/api/v1/orgs/refused").json();
    let rows = view["rows"].as_array().unwrap();
    let rows = rows.iter().filter(|row| row["row"].as_str().unwrap().ends_with("last_sync"));
    let sources: Vec<_> = rows.map(|row| (row["source"].clone(), row["shows"].clone())).collect();
    assert_eq!(sources, vec![("canary".into(), "minutes".into()); 2]);

    let broken = *story.broken.get_or_init(Instant::now);
    wait_until("each that wakes somebody has", PATIENCE, || {
        let woken = |(org, _, page): &(&str, Fate, Page)| {
            page.is_none() || !pages(&receiver, org).is_empty()
        };
        ALL.iter().all(woken).then_some(())
    });
    // What is late to one has four statuses that are fine, and nothing else is found.
    for org in ["to-exchange", "to-salesforce"] {
        let view = get(daemon.address, &format!("/api/v1/orgs/{org}")).json();
        let users = &view["users"];
        assert_eq!((&users["healthy"], &users["failing"]), (&1.into(), &0.into()), "{view}");
        for row in view["rows"].as_array().unwrap() {
            let shows = row["shows"].as_str().unwrap();
            assert!(["named", "yes", "expected", "minutes", "number"].contains(&shows), "{row}");
        }
        let found = prometheus.query(&format!("org:lightning_sync_finding:since{{org='{org}'}}"));
        let causes: Vec<_> = found.iter().map(|it| it["metric"]["cause"].as_str()).collect();
        assert_eq!(causes, [Some("canary_late"); 2], "{org}");
    }
    // Two intervals and some more: the slow one has a round trip of every moment of its pauses by then.
    wait_until("what would come again", PATIENCE, || {
        (broken.elapsed() > Duration::from_secs(75)).then_some(())
    });
    for (org, fate, page) in ALL {
        let pages = pages(&receiver, org);
        let expected: Vec<_> = page
            .iter()
            .map(|(name, count)| vec![("firing".to_owned(), (*name).to_owned()); *count])
            .collect();
        let got: Vec<_> = pages.iter().map(|(_, words)| words.clone()).collect();
        assert_eq!(got, expected, "{org}");
        let Some((at, _)) = pages.first() else {
            println!("{org}: nobody is woken");
            continue;
        };
        let after = at.duration_since(broken).as_secs_f64();
        println!("{org}: one page after {after:.1} s of 60");
        if matches!(fate, Fate::Dead(_)) {
            assert!(after <= 60.0, "{org}: {after} s are more than two intervals");
        }
        if fate == Fate::Throttled {
            assert!(after > 10.0, "{org}: {after} s are within the limit");
        }
    }
    let slow = get(daemon.address, "/api/v1/orgs/slow").json();
    let lanes = slow["canary"]["lanes"].as_array().unwrap();
    let trips = lanes.iter().flat_map(|lane| lane["round_trips"].as_array().unwrap());
    let longest = trips.filter_map(|trip| trip["took_seconds"].as_f64()).fold(0.0, f64::max);
    println!("slow: the longest round trip took {longest:.1} s of 10");
    assert!(longest > 5.0, "{longest}");
    let mut check = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"));
    let url = format!("http://{}", daemon.address);
    let check = check.args(["check", "--org", "to-exchange", "--url", &url]).output().unwrap();
    let line = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.status.code(), Some(2), "{line}");
    assert!(line.contains("the canary wrote has not arrived"), "{line}");
    let late = "lightning_sync_canary_late_since_timestamp_seconds";
    assert_eq!(daemon.metric(late, &["org=\"refused\""]).len(), 4, "its canary is late, too");
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
}
