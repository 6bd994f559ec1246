//! What can happen to Exchange, from the wire to the phone: simulated Exchanges, the daemon, the shipped rules in a real
//! Prometheus, the shipped configuration in a real Alertmanager, and who hears of it. Each trouble begins in an organisation
//! that is well, and is repaired in the end. All run side by side. Every report from the field that this side sees is one.
//!
//! The daemon runs in a process of its own that shortens what nobody may configure as short: the interval of its probes, and
//! how long a difference or silence lasts before it is one. An alert waits for seconds instead of minutes, and office hours
//! are always. Nothing else is shortened.

mod around;
mod life;
mod rows;
mod site;

use super::fixture::PASSWORD;
use super::graph::SECRET;
use crate::support::http::{get, post};
use crate::support::process::wait_until;
use crate::support::receiver::{Notification, Receiver};
use crate::support::stack::{Alertmanager, Prometheus, repository};
use around::Around;
use chrono::TimeDelta;
use life::{Life, ServerLog};
use lightning_sync_exporter::app::{Daemon, Options, Supervisor, now, running_clock};
use lightning_sync_exporter::config::{Environment, from_file};
pub(super) use rows::{ALL, Heard};
use rows::{Played, SIGN_INS};
use site::Site;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names the configuration to the process of the daemon.
const DAEMON: &str = "LIGHTNING_SYNC_TEST_PAGED";
/// By how many seconds its clock is slow.
const PAST: &str = "LIGHTNING_SYNC_TEST_PAGED_PAST";
const PATIENCE: Duration = Duration::from_secs(120);
const NEW_PASSWORD: &str = "the password that was set anew";
/// Those who can hear of something.
const RECEIVERS: [&str; 2] = ["page", "office-hours"];

#[test]
fn the_daemon_of_another_test() {
    let Some(file) = std::env::var_os(DAEMON).map(PathBuf::from) else {
        return;
    };
    let past = std::env::var(PAST).unwrap().parse().unwrap();
    let clock = running_clock(now().minus(TimeDelta::seconds(past)), 1);
    let mut config = from_file(&file, &Environment::default()).unwrap();
    for org in &mut config.orgs {
        Arc::make_mut(&mut org.policy).drift.lasting = TimeDelta::seconds(3);
        if let Some(settings) = &mut org.exchange {
            let mut probed = settings.as_ref().clone();
            probed.poll_every = TimeDelta::seconds(2);
            *settings = Arc::new(probed);
        }
        if let Some(settings) = &mut org.exchange_log {
            let mut read = settings.as_ref().clone();
            // The one that is silent is to be heard of for its silence.
            let silent = org.policy.name.as_str() == "no-calls";
            read.no_calls_after = TimeDelta::seconds(if silent { 20 } else { 3_600 });
            *settings = Arc::new(read);
        }
    }
    let options = Options {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        telemetry_path: "/metrics".to_owned(),
        web_file: None,
        lifecycle: true,
        allowed_hosts: Vec::new(),
        config_file: Some(file),
        environment: Environment::default(),
        clock,
        supervisor: Supervisor::default(),
        alert_pace: 1,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(&config, options).unwrap();
        eprintln!("listening {}", daemon.addresses()[0]);
        // Until it is killed.
        daemon.run(std::future::pending()).await.unwrap();
    });
}

/// What a receiver heard of an organisation, as status and alert.
fn heard(receiver: &Receiver, at: &str, org: &str) -> Vec<(String, String)> {
    let of = |got: &Notification| {
        let alerts = got.body["alerts"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let words = alerts.iter().map(|it| (text(&it["status"]), text(&it["labels"]["alertname"])));
        words.collect::<Vec<_>>()
    };
    let all = receiver.notifications();
    let path = format!("/{at}");
    let ours = all
        .iter()
        .filter(|got| got.path == path && got.body["commonLabels"]["org"].as_str() == Some(org));
    ours.flat_map(of).collect()
}

/// What everybody heard, beside what they have to.
type Heardings = BTreeMap<(&'static str, &'static str), Vec<(String, String)>>;

fn all_heard(receiver: &Receiver) -> Heardings {
    let both = ALL.iter().flat_map(|it| RECEIVERS.map(|at| (it.org, at)));
    both.map(|(org, at)| ((org, at), heard(receiver, at, org))).collect()
}

fn to_hear(statuses: impl Fn(&Played, &str) -> &'static [&'static str]) -> Heardings {
    let both = ALL.iter().flat_map(|it| RECEIVERS.map(|at| (it, at)));
    both.map(|(it, at)| {
        let alert = RECEIVERS.iter().find_map(|own| it.heard.at(own)).unwrap_or_default();
        let expected = statuses(it, at).iter().map(|of| ((*of).to_owned(), alert.to_owned()));
        ((it.org, at), expected.collect())
    })
    .collect()
}

fn assert_heard(found: &Heardings, expected: &Heardings) {
    let differ = expected.iter().filter(|(of, expected)| found[*of] != **expected);
    let differ: Vec<_> = differ.map(|(of, expected)| (of, expected, &found[of])).collect();
    assert!(differ.is_empty(), "expected and heard: {differ:#?}");
}

fn orgs(prometheus: &Prometheus, query: &str) -> BTreeSet<String> {
    let found = prometheus.query(query);
    found.iter().map(|it| it["metric"]["org"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Those that a query has to name: what looks alike by the metrics is one kind of trouble.
fn alike(query: &str) -> BTreeSet<String> {
    let same = ALL.iter().filter(|it| it.query() == query);
    same.map(|it| it.org.to_owned()).collect()
}

/// Waits for something that is looked at again afterwards, and then shows what is missing.
fn patiently(mut check: impl FnMut() -> bool) {
    let began = Instant::now();
    wait_until("it is so, or patience is over", PATIENCE * 2, || {
        (check() || began.elapsed() > PATIENCE).then_some(())
    });
}

/// A mailbox that Graph has refused for three hours, as the daemon remembers it.
async fn remember(site: &mut Site, around: &Around, head: &str) {
    site.break_it(around).await;
    let config = around.directory().join("past.yaml");
    fs::write(&config, format!("{head}{}", site.written(around))).unwrap();
    let (process, address) = around.daemon(&config, TimeDelta::hours(3));
    wait_until("it is refused", PATIENCE, || {
        get(address, "/metrics").text().contains("reason=\"fresh_refusal\"").then_some(())
    });
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_exchange_is_heard_once_by_the_right_people_and_known_by_metrics_alone() {
    let around = Around::new();
    let mut sites = Vec::new();
    for played in ALL {
        sites.push(Site::start(played, &around).await);
    }
    let database = around.directory().join("sync.db");
    let head = format!("store: {{ path: {} }}\norgs:\n", database.display());
    for site in sites.iter_mut().filter(|site| site.played.begins_early()) {
        remember(site, &around, &head).await;
    }
    let logs = ServerLog::all(around.directory());
    let written: Vec<String> = sites.iter().map(|site| site.written(&around)).collect();
    let config = around.directory().join("config.yaml");
    fs::write(&config, head + &written.concat()).unwrap();
    let (process, address) = around.daemon(&config, TimeDelta::zero());
    let life = Life::begin(address, logs);

    let receiver = Receiver::start();
    let directory = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::at_any_hour(directory.path(), receiver.address);
    let rules = directory.path().join("rules.yaml");
    let shipped = fs::read_to_string(repository("alerts/lightning-sync.rules.yaml")).unwrap();
    fs::write(&rules, shipped.replace("for: 10m", "for: 10s")).unwrap();
    let jobs: &[(&str, &[SocketAddr])] = &[("lightning-sync", &[address])];
    let prometheus =
        Prometheus::start_with(directory.path(), jobs, Some(alertmanager.address), &rules);
    let those = |wanted: fn(&Played) -> bool| -> BTreeSet<String> {
        ALL.iter().filter(|it| wanted(it)).map(|it| it.org.to_owned()).collect()
    };
    let everybody = those(|_| true);
    let early = those(Played::begins_early);
    let well = "lightning_sync_exchange_step_success{step='counts'} == 1 or lightning_sync_exchange_log_sign_in_refused == 0";
    let at_first = &everybody - &early;
    wait_until("all are well", PATIENCE, || (orgs(&prometheus, well) == at_first).then_some(()));
    let found = "org:lightning_sync_finding:since";
    assert!(orgs(&prometheus, found).is_subset(&early));

    for site in sites.iter_mut().filter(|site| !site.played.begins_early()) {
        site.break_it(&around).await;
        if site.played.reads_logs() {
            life.turn(site.played.org, true);
        }
    }
    let broken = Instant::now();
    let mut unknown: Vec<&Played> = ALL.iter().collect();
    patiently(|| {
        unknown.retain(|it| orgs(&prometheus, &it.query()) != alike(&it.query()));
        unknown.is_empty()
    });
    let unknown: Vec<&str> = unknown.iter().map(|it| it.org).collect();
    assert_eq!(unknown, Vec::<&str>::new(), "not known by the metrics");
    println!("known by the metrics after {:.1} s", broken.elapsed().as_secs_f64());
    let once = to_hear(|it, at| if it.heard.at(at).is_some() { &["firing"] } else { &[] });
    patiently(|| all_heard(&receiver) == once);
    println!("heard after {:.1} s", broken.elapsed().as_secs_f64());
    let heard_at = Instant::now();
    wait_until("ten more evaluations and notifications", PATIENCE, || {
        (heard_at.elapsed() > Duration::from_secs(10)).then_some(())
    });
    // All of them are still true, and one query tells one kind from all others.
    let mut table = String::new();
    for played in ALL {
        let query = played.query();
        assert_eq!(orgs(&prometheus, &query), alike(&query), "{query}");
        let heard = format!("{:?}", played.heard);
        writeln!(
            table,
            "{:28} {heard:55} {:9} {query}",
            played.org,
            format!("{:?}", played.reports)
        )
        .unwrap();
    }
    assert_heard(&all_heard(&receiver), &once);
    // Each request keeps alive what Exchange Online remembers: no mailbox was requested a second time.
    let refused = sites.iter().find(|site| site.played.org == "graph-out-of-scope").unwrap();
    let seen = refused.graph.as_ref().unwrap().take_seen();
    let parts = seen.iter().flat_map(|seen| &seen.parts);
    let settings = parts.filter(|part| part.ends_with("/mailboxSettings")).count();
    assert!(settings <= 3, "{settings} of 3 mailboxes");
    println!("{table}");

    let repaired = Instant::now();
    for site in &mut sites {
        site.repair(&around).await;
        if site.played.reads_logs() {
            life.turn(site.played.org, false);
        }
    }
    let answer = post(address, "/-/reload", &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The account is locked a second time before all are repaired: that wakes nobody again.
    let locked = "org:lightning_sync_finding:since{cause='exchange_sign_in_refused'}";
    let is_locked = |locked_again: bool| {
        wait_until("the account is locked and is not", PATIENCE, || {
            (orgs(&prometheus, locked).contains(SIGN_INS) == locked_again).then_some(())
        });
    };
    is_locked(false);
    life.turn(SIGN_INS, true);
    wait_until("somebody reads it in office hours", PATIENCE, || {
        (!heard(&receiver, "office-hours", SIGN_INS).is_empty()).then_some(())
    });
    life.turn(SIGN_INS, false);
    is_locked(false);
    let both = to_hear(|it, at| match (it.heard.at(at), it.org) {
        (Some(_), _) if it.lasts => &["firing"],
        (Some(_), _) | (None, SIGN_INS) => &["firing", "resolved"],
        (None, _) => &[],
    });
    patiently(|| all_heard(&receiver) == both);
    println!("all over after {:.1} s", repaired.elapsed().as_secs_f64());
    let lasting = those(|it| it.lasts);
    let over = Instant::now();
    wait_until("what would come again", PATIENCE, || {
        (orgs(&prometheus, found) == lasting && over.elapsed() > Duration::from_secs(10))
            .then_some(())
    });
    assert_heard(&all_heard(&receiver), &both);
    let named: BTreeSet<String> = receiver
        .notifications()
        .iter()
        .filter(|got| RECEIVERS.iter().any(|at| got.path == format!("/{at}")))
        .map(|got| got.body["commonLabels"]["org"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(named.is_subset(&everybody), "{named:?}");
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
    life.end();
    let page = get(address, "/metrics").text();
    for secret in [PASSWORD, NEW_PASSWORD, SECRET] {
        assert!(!page.contains(secret) && !process.log().contains(secret));
    }
}
