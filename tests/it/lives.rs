//! Lives of exporters with the real programs: daemons, a Prometheus and an Alertmanager, and who is woken how often.
//!
//! A second stands for a minute of Prometheus: it scrapes and evaluates every second, and every span in the shipped rules
//! is a sixtieth of what it says. Nothing else is shortened: the daemons judge by their own clocks and by readings that are
//! as old as they claim. All lives run side by side, each in an organisation of its own.
//!
//! What takes longer than minutes is in `alerts/tests/timelines*.test.yaml`, minute by minute:
//!
//! | life | shown by |
//! |---|---|
//! | Prometheus away for 20 minutes while an exporter is dead | here, and `timelines-prometheus-away-20-minutes` |
//! | the same for 3 hours | `timelines-prometheus-away-3-hours` |
//! | a target that never answered | here, and `timelines` |
//! | an exporter killed every 3 minutes | here, and `timelines` |
//! | restarted with an empty database: no recovery | here, and `timelines-stores` |
//! | emptied every day: no fresh set-up for ever | `timelines-stores` |
//! | its clock two days ahead | here, and `timelines-standing-still` |
//! | its clock 26 hours behind | here, and `timelines-standing-still` |
//! | a replica that nobody feeds beside one that is fed | here, and `timelines` |
//! | a replica that still holds a name that was removed | here, and `timelines` |
//! | an object type taken out while a replica is down | here, and `timelines` |
//! | a job renamed and an organisation removed after it | here, and `timelines` |
//! | the same job and instance scraped twice | here, and `timelines` |
//! | back after 26 hours with a backlog that is taken in at once | here |
//! | a zero that is followed by silence | `domain::judge` |
//! | retirement reached while the exporter is down | here, and `timelines` |
//! | polls of a retired organisation | `domain::judge` |
//! | set-up that has no account yet | here, and `domain::judge` |
//! | a replica that holds an old reading within its limit | here, and `domain::judge` |
//! | a zero reported beside a fresh last sync | here, and `domain::judge` |

use crate::support::http::{exposed, get, post};
use crate::support::process::{Daemon, free_port, wait_until};
use crate::support::receiver::Receiver;
use crate::support::stack::{Alertmanager, Prometheus, repository};
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const NO_SYNC: &str = "LightningSyncNoSyncIn24Hours";
const NOBODY_LINKED: &str = "LightningSyncNoLinkedUsers";
const DOWN: &str = "LightningSyncExporterDown";
/// How long a step may take that takes seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The shipped rules with a second for each minute.
fn scaled(rules: &str) -> String {
    let texts = ["#", "annotations:", "description:", "next_step:", "owner:", "runbook_url:"];
    let lines = rules.lines().map(|line| {
        let is_text = texts.iter().any(|text| line.trim_start().starts_with(text));
        if is_text { line.to_owned() } else { minutes_as_seconds(line) }
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A line with a sixtieth of every span in it. The one that is written in plain seconds stands after `<`.
fn minutes_as_seconds(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (number, after) = digits.split_at(length);
        let value: u64 = number.parse().unwrap();
        let in_word = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let seconds = match after.chars().next() {
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86400,
            _ => 0,
        };
        let ends = after.chars().nth(1).is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
        out += before;
        if seconds > 0 && ends && !in_word {
            out += &format!("{}s", value * seconds / 60);
            rest = &after[1..];
        } else if before.ends_with("time()) < ") {
            out += &(value / 60).to_string();
            rest = after;
        } else {
            out += number;
            rest = after;
        }
    }
    out + rest
}

#[test]
fn every_span_of_the_rules_is_a_sixtieth_and_nothing_else_is_another() {
    let rules = fs::read_to_string(repository("alerts/lightning-sync.rules.yaml")).unwrap();
    let scaled = scaled(&rules);
    assert!(scaled.contains("abs(lightning_sync_exporter_view_timestamp_seconds - time()) < 10)"));
    for (shipped, here) in [("[3d]", "[4320s]"), ("[4h]", "[240s]"), ("for: 10m", "for: 10s")] {
        let times = |text: &str, what| text.matches(what).count();
        assert!(times(&rules, shipped) > 0);
        assert_eq!(times(&scaled, here), times(&rules, shipped), "{shipped}");
    }
    assert!(scaled.contains("no_sync_in_24_hours") && scaled.contains("* Inf"));
    assert!(!scaled.contains("for: 1m") && !scaled.contains("interval: 1m"));
}

fn written(at: Timestamp) -> String {
    at.datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn ago(hours: i64, minutes: i64) -> Timestamp {
    now().minus(TimeDelta::hours(hours) + TimeDelta::minutes(minutes))
}

/// A daemon of an organisation, with a store of its own.
struct Exporter {
    config: PathBuf,
    store: PathBuf,
    address: SocketAddr,
    daemon: Option<Daemon>,
}

impl Exporter {
    fn start(directory: &Path, name: &str, org: &str) -> Self {
        let config = directory.join(format!("{name}.yaml"));
        let store = directory.join(format!("{name}.db"));
        write_config(&config, &store, &[org]);
        let daemon = Daemon::start(&config);
        Self { config, store, address: daemon.address, daemon: Some(daemon) }
    }

    /// Records of both object types, synced at these instants.
    fn push_records(&self, org: &str, at: &[Timestamp]) {
        let mut body = String::new();
        for at in at.iter().map(|at| written(*at)) {
            for object in ["contacts", "events"] {
                let id = format!("{object}-{at}");
                body +=
                    &format!("{{\"at\":\"{at}\",\"object_type\":\"{object}\",\"id\":\"{id}\"}}\n");
            }
        }
        let headers = [("Content-Type", "application/x-ndjson")];
        let path = format!("/api/v1/orgs/{org}/activity");
        let answer = post(self.address, &path, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn push_page(&self, org: &str, at: Timestamp, mut rows: Value) {
        rows["captured_at"] = written(at).into();
        let body = serde_json::to_vec(&rows).unwrap();
        let headers = [("Content-Type", "application/json")];
        let answer = post(self.address, &format!("/api/v1/orgs/{org}/snapshot"), &headers, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn kill(&mut self) {
        self.daemon = None;
    }

    fn start_again(&mut self) {
        self.daemon = Some(Daemon::start_on(&self.config, &self.address.to_string()));
    }

    fn reconfigure(&self, orgs: &[&str]) {
        write_config(&self.config, &self.store, orgs);
        let daemon = self.daemon.as_ref().unwrap();
        let pid = rustix::process::Pid::from_raw(daemon.process.pid() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }
}

fn write_config(config: &Path, store: &Path, orgs: &[&str]) {
    let orgs: String = orgs.iter().map(|org| format!("  - {org}\n")).collect();
    fs::write(config, format!("store: {{ path: {} }}\norgs:\n{orgs}", store.display())).unwrap();
}

/// Stands between Prometheus and a daemon: it can be down, and give the daemon another clock or end.
struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<RelayState>>,
}

#[derive(Clone, Copy)]
struct RelayState {
    daemon: SocketAddr,
    down: bool,
    /// Seconds by which the daemon's clock is ahead.
    ahead: f64,
    retirement: Option<f64>,
}

impl Relay {
    fn start(daemon: SocketAddr) -> Self {
        let state = RelayState { daemon, down: false, ahead: 0.0, retirement: None };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let address = exposed(move || {
            let state = *shared.lock().unwrap();
            (!state.down).then(|| state.page())
        });
        Self { address, state }
    }

    fn change(&self, change: impl FnOnce(&mut RelayState)) {
        change(&mut self.state.lock().unwrap());
    }
}

impl RelayState {
    fn page(self) -> String {
        get(self.daemon, "/metrics").text().lines().map(|line| self.line(line)).collect()
    }

    fn line(self, line: &str) -> String {
        let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else {
            return format!("{line}\n");
        };
        let name = series.split('{').next().unwrap();
        let value: f64 = value.parse().unwrap();
        let value = match self.retirement {
            Some(end) if name == "lightning_sync_retirement_timestamp_seconds" => end,
            _ if name.ends_with("_timestamp_seconds") && value != 0.0 => value + self.ahead,
            _ => value,
        };
        let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
        format!("{series} {value}\n")
    }
}

/// What runs besides the daemons.
pub(crate) struct Site {
    pub(crate) receiver: Receiver,
    alertmanager: Alertmanager,
    pub(crate) prometheus: Prometheus,
}

impl Site {
    pub(crate) fn start(directory: &Path, jobs: &[String]) -> Self {
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::start(directory, receiver.address);
        let rules = fs::read_to_string(repository("alerts/lightning-sync.rules.yaml")).unwrap();
        // As long as the shortest of five minutes that Prometheus looks back.
        let flags = ["--query.lookback-delta=5s"];
        let to = Some(alertmanager.address);
        let prometheus = Prometheus::start_configured(directory, jobs, to, &scaled(&rules), &flags);
        Self { receiver, alertmanager, prometheus }
    }

    /// Label sets of the alerts that fire in Prometheus, of those that `of` picks.
    fn firing(&self, of: impl Fn(&Value) -> bool) -> Vec<Value> {
        let body = get(self.prometheus.address, "/api/v1/alerts").json();
        let alerts = body["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .into_iter()
            .filter(|alert| alert["state"] == "firing" && of(&alert["labels"]))
            .map(|alert| alert["labels"].clone())
            .collect()
    }

    /// The alerts of an organisation that fire, as name, severity, object type and check.
    fn of_org(&self, org: &str) -> BTreeSet<String> {
        let firing = self.firing(|labels| labels["org"] == org && labels["alertname"] != DOWN);
        firing.iter().map(|labels| line(labels, "alertname")).collect()
    }

    /// Of all notifications that wake somebody: those that had an alert of `label` in them that no earlier one had, and
    /// the alerts of it that were said to have ended.
    fn pages(&self, label: &str, value: &str) -> (Vec<BTreeSet<String>>, BTreeSet<String>) {
        let (mut known, mut news, mut ended) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        let all = self.receiver.notifications();
        for got in all.iter().filter(|got| got.path == "/page") {
            let alerts = got.body["alerts"].as_array().cloned().unwrap_or_default();
            let alerts: Vec<&Value> =
                alerts.iter().filter(|alert| alert["labels"][label] == value).collect();
            let of_status = |status| -> BTreeSet<String> {
                let of = alerts.iter().filter(|alert| alert["status"] == status);
                of.map(|alert| line(&alert["labels"], "alertname")).collect()
            };
            let new: BTreeSet<String> = of_status("firing").difference(&known).cloned().collect();
            if !new.is_empty() {
                known.extend(new.clone());
                news.push(new);
            }
            ended.extend(of_status("resolved"));
            known.retain(|alert| !of_status("resolved").contains(alert));
        }
        (news, ended)
    }

    /// Waits until an organisation has been paged for exactly this.
    fn wait_for_page(&self, org: &str, expected: &BTreeSet<String>) {
        wait_until(&format!("the page of {org}"), PATIENCE, || {
            let (news, _) = self.pages("org", org);
            let all: BTreeSet<String> = news.into_iter().flatten().collect();
            (all == *expected).then_some(())
        });
    }

    /// Paged once, and never said to have ended.
    fn paged_once(&self, org: &str, expected: &BTreeSet<String>) {
        let (news, ended) = self.pages("org", org);
        assert_eq!(news, std::slice::from_ref(expected), "{org}");
        assert_eq!(ended, BTreeSet::new(), "{org}");
        assert_eq!(self.of_org(org), *expected, "{org} goes on");
    }

    /// The value of a query's only result.
    fn value(&self, query: &str) -> Option<f64> {
        let found = self.prometheus.query(query);
        found.first()?["value"][1].as_str()?.parse().ok()
    }

    /// Lets Prometheus evaluate the rules so often.
    pub(crate) fn evaluations(&self, times: f64) {
        let done = || self.value("vector(time())").unwrap();
        let begun = done();
        wait_until("evaluations", PATIENCE, || (done() >= begun + times).then_some(()));
    }
}

fn line(labels: &Value, name: &str) -> String {
    let part = |key: &str| labels[key].as_str().unwrap_or("-").to_owned();
    [name, "severity", "object_type", "check"].map(part).join(" ")
}

fn both(alert: &str) -> BTreeSet<String> {
    ["contacts", "events"].map(|object| format!("{alert} critical {object} -")).into()
}

fn only(alert: &str) -> BTreeSet<String> {
    BTreeSet::from([format!("{alert} critical - -")])
}

pub(crate) fn job(name: &str, configs: &str) -> String {
    format!("{{job_name: {name}, static_configs: [{configs}]}}")
}

pub(crate) fn targets(addresses: &[SocketAddr], labels: &str) -> String {
    let addresses: Vec<String> = addresses.iter().map(|one| format!("'{one}'")).collect();
    format!("{{targets: [{}], labels: {{{labels}}}}}", addresses.join(", "))
}

#[test]
fn lives_of_exporters_wake_somebody_once_and_end_when_what_woke_them_does() {
    let begun = Instant::now();
    let took = |what: &str| println!("{what} after {:.0} s", begun.elapsed().as_secs_f64());
    let directory = tempfile::tempdir().unwrap();
    let exporter = |name: &str, org: &str| Exporter::start(directory.path(), name, org);
    let plain = |org: &str| format!("{{ name: {org} }}");
    // What holds in a life, both with readings that are as old as they say: a feed that has been silent for 25 hours, or a
    // page of today that shows nobody linked.
    let stopped = |name: &str, org: &str| {
        let exporter = exporter(name, &plain(org));
        exporter.push_records(org, &[ago(25, 0)]);
        exporter
    };
    let unlinked = |name: &str, org: &str| {
        let exporter = exporter(name, &plain(org));
        exporter.push_page(org, ago(0, 5), json!({ "linked_users": 0 }));
        exporter
    };

    let mut away = stopped("away", "away");
    let never = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut often = unlinked("often", "often");
    let mut emptied = stopped("emptied", "emptied");
    let ahead_of = stopped("ahead", "ahead");
    let ahead = Relay::start(ahead_of.address);
    let behind_of = unlinked("behind", "behind");
    let behind = Relay::start(behind_of.address);
    let (fed, unfed) = (stopped("fed", "unfed"), exporter("unfed", &plain("unfed")));
    let (removed, holds) = (unlinked("removed", "holds"), unlinked("holds", "holds"));
    let (mut gone, narrower) = (stopped("gone", "narrower"), stopped("narrower", "narrower"));
    let renamed = stopped("renamed", "renamed");
    let twice = stopped("twice", "twice");
    let later = now().plus(TimeDelta::days(2)).datetime().format("%Y-%m-%d").to_string();
    // All was well when it went: while its store is made, the organisation is being set up.
    let mut backlog = exporter("backlog", &format!("{{ name: backlog, setup_until: {later} }}"));
    backlog.push_records("backlog", &[ago(26, 0)]);
    backlog.kill();
    write_config(&backlog.config, &backlog.store, &[&plain("backlog")]);
    // The store says that it was killed then, after that report.
    let then = ago(26, 0).nanos();
    rusqlite::Connection::open(&backlog.store)
        .unwrap()
        .execute_batch(&format!(
            "INSERT OR REPLACE INTO meta VALUES ('clock_seen', {then}); UPDATE source_heartbeats SET at = {then};"
        ))
        .unwrap();
    let retires_of = stopped("retires", "retires");
    let retires = Relay::start(retires_of.address);
    let set_up = exporter("set-up", &format!("{{ name: set-up, setup_until: {later} }}"));
    set_up.push_page("set-up", ago(0, 5), json!({ "service_account": null }));
    // Read 30 hours ago, which is no source that is silent yet; what synced since, nobody knows.
    let older = exporter("older", &plain("older"));
    let synced = |at: Timestamp| json!({ "last_sync": written(at) });
    let last = ago(30, 10);
    older.push_page(
        "older",
        ago(30, 0),
        json!({ "contacts": synced(last), "events": synced(last) }),
    );
    let newer = exporter("newer", &plain("older"));
    let last = ago(25, 0);
    newer.push_page(
        "older",
        ago(0, 1),
        json!({ "contacts": synced(last), "events": synced(last) }),
    );
    let zero = exporter("zero", &plain("zero"));
    let counted = |count| json!({ "last_sync": written(ago(0, 5)), "synced_24h": count });
    zero.push_page("zero", ago(0, 1), json!({ "contacts": counted(0), "events": counted(9) }));

    let main: Vec<SocketAddr> = [
        &away, &often, &emptied, &fed, &unfed, &removed, &holds, &gone, &narrower, &backlog,
        &set_up, &older, &newer, &zero,
    ]
    .iter()
    .map(|exporter| exporter.address)
    .chain([never, ahead.address, behind.address, retires.address])
    .collect();
    let jobs = |renamed_job: &str| {
        let colours =
            ["red", "blue"].map(|team| targets(&[twice.address], &format!("team: {team}")));
        [
            job("lightning-sync", &targets(&main, "")),
            job("lightning-sync-twice", &colours.join(", ")),
            job(renamed_job, &targets(&[renamed.address], "")),
        ]
    };
    let mut site = Site::start(directory.path(), &jobs("sync"));
    let to = Some(site.alertmanager.address);
    took("all are started");

    // Every life begins with its page.
    let stopped =
        ["away", "emptied", "ahead", "unfed", "narrower", "renamed", "twice", "older", "retires"];
    for org in stopped {
        site.wait_for_page(org, &both(NO_SYNC));
    }
    for org in ["often", "behind", "holds"] {
        site.wait_for_page(org, &only(NOBODY_LINKED));
    }
    let down = |address: SocketAddr| {
        wait_until(&format!("{address} is down"), PATIENCE, || {
            (site.pages("instance", &address.to_string()).0.len() == 1).then_some(())
        });
    };
    down(never);
    took("all pages");

    // What happens to the exporters.
    away.kill();
    emptied.kill();
    for file in ["emptied.db", "emptied.db-wal", "emptied.db-shm"] {
        let file = directory.path().join(file);
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
    emptied.start_again();
    ahead.change(|state| state.ahead = 2.0 * 86400.0);
    behind.change(|state| state.ahead = -26.0 * 3600.0);
    removed.reconfigure(&[&plain("another")]);
    gone.kill();
    // While it is down: what was taken out before it died was never taken out of it.
    let dead = format!("up{{instance=\"{}\"}} == 0", gone.address);
    wait_until("gone is known to be dead", PATIENCE, || site.value(&dead));
    narrower.reconfigure(&["{ name: narrower, objects: [events] }"]);
    site.prometheus.reconfigure(&jobs("lightning-sync-renamed"), to);
    let end = (now().seconds() + 10.0).round();
    retires.change(|state| state.retirement = Some(end));
    backlog.start_again();
    let retirement = "lightning_sync_retirement_timestamp_seconds{org=\"retires\"}";
    wait_until("the end is known", PATIENCE, || {
        (site.value(retirement) == Some(end)).then_some(())
    });
    retires.change(|state| state.down = true);
    let often_at = often.address;
    let started = format!("process_start_time_seconds{{instance=\"{often_at}\"}}");
    let restarting = || {
        let often = often_at.to_string();
        site.firing(|labels| {
            labels["alertname"] == "LightningSyncRestarting" && labels["instance"] == often.as_str()
        })
    };
    let restarted = Instant::now();
    while restarting().is_empty() {
        assert!(restarted.elapsed() < PATIENCE, "nobody notices that it is restarted");
        let before = site.value(&started);
        often.kill();
        often.start_again();
        wait_until("it is scraped again", PATIENCE, || {
            site.value(&started).filter(|at| Some(*at) != before)
        });
    }
    took("killed often enough");

    // What ends, ends; of the rest nothing does.
    for address in [ahead.address, behind.address, away.address, gone.address, retires.address] {
        down(address);
    }
    let contacts = BTreeSet::from([format!("{NO_SYNC} critical contacts -")]);
    let events = BTreeSet::from([format!("{NO_SYNC} critical events -")]);
    wait_until("contacts of narrower end", PATIENCE, || {
        (site.pages("org", "narrower").1 == contacts).then_some(())
    });
    assert_eq!(site.of_org("narrower"), events);
    wait_until("retires ends", PATIENCE, || {
        (site.pages("org", "retires").1 == both(NO_SYNC)).then_some(())
    });
    assert!(now().seconds() >= end, "not before its time");
    // It was back for all that time, with a feed that may still send what it collected.
    let back = format!("up{{instance=\"{}\"}} == 1", backlog.address);
    assert!(site.value(&back).is_some());
    assert!(
        site.value("max(lightning_sync_last_sync_deadline_timestamp_seconds{org=\"backlog\"})")
            .is_some()
    );
    assert_eq!(site.of_org("backlog"), BTreeSet::new());
    let hourly: Vec<Timestamp> = (0..26).map(|hour| ago(hour, 1)).collect();
    backlog.push_records("backlog", &hourly);
    site.paged_once("renamed", &both(NO_SYNC));
    renamed.reconfigure(&[&plain("another")]);
    wait_until("what is removed ends", PATIENCE, || {
        (site.pages("org", "renamed").1 == both(NO_SYNC)).then_some(())
    });
    assert_eq!(site.pages("org", "renamed").0.len(), 1);

    took("all that ends has ended");

    // Prometheus is away for twenty minutes, with exporters that are dead.
    let gone_at = Instant::now();
    site.prometheus.away(|| {
        wait_until("twenty minutes pass", PATIENCE, || {
            (gone_at.elapsed() > Duration::from_secs(20)).then_some(())
        });
    });
    // Alerts that wait ten minutes wait for them anew.
    wait_until("everything fires again", PATIENCE, || {
        let fires = |org: &&str| !site.of_org(org).is_empty();
        ["away", "emptied", "ahead", "often", "behind", "holds"].iter().all(fires).then_some(())
    });
    site.evaluations(5.0);

    for org in ["away", "emptied", "ahead", "unfed", "twice", "older"] {
        site.paged_once(org, &both(NO_SYNC));
    }
    for org in ["often", "behind", "holds"] {
        site.paged_once(org, &only(NOBODY_LINKED));
    }
    for org in ["backlog", "set-up"] {
        assert_eq!(site.pages("org", org), (Vec::new(), BTreeSet::new()), "{org}");
    }
    assert_eq!(site.prometheus.broken_rules(), Vec::<String>::new());
    took("all lives");

    // Where one exporter that answers watches an organisation, its findings are the alerts, and what was delivered.
    let one = [
        ("often", &often),
        ("twice", &twice),
        ("backlog", &backlog),
        ("set-up", &set_up),
        ("zero", &zero),
    ];
    for (org, exporter) in one {
        let body = get(exporter.address, &format!("/api/v1/orgs/{org}")).json();
        let findings = body["findings"].as_array().unwrap().iter();
        let findings: BTreeSet<String> = findings
            .filter(|finding| finding["held_back_by"].as_array().is_some_and(Vec::is_empty))
            .filter(|finding| finding["alert"].is_string())
            .map(|finding| line(finding, "alert"))
            .collect();
        wait_until(&format!("{org}: {findings:?}"), PATIENCE, || {
            (site.of_org(org) == findings).then_some(())
        });
        let pages: BTreeSet<String> =
            findings.iter().filter(|line| line.contains(" critical ")).cloned().collect();
        let delivered: BTreeSet<String> = site.pages("org", org).0.into_iter().flatten().collect();
        assert_eq!(delivered, pages, "{org}");
    }
    let news = "LightningSyncNothingIn24Hours warning contacts -";
    assert!(site.of_org("zero").contains(news), "a zero beside a fresh last sync");
}
