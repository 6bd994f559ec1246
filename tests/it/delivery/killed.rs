//! The daemon killed between judging, recording and sending, while one of two Alertmanagers stands still at times.
//! `LIGHTNING_SYNC_TEST_KILLS` is how often (20; 1,000 in the full size).

use super::{HEADLINE, PATIENCE, Site, configured, daemon, push};
use crate::random::Random;
use crate::support::receiver::Receiver;
use chrono::TimeDelta;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const SEED: u64 = 23;
/// Organisations that break and are repaired side by side.
const ORGS: usize = 4;

/// What an Alertmanager notified of one organisation: when each of its incidents began, and which of them ended.
#[derive(Debug, Default, Clone, PartialEq)]
struct Heard {
    began: BTreeSet<String>,
    ended: BTreeSet<String>,
}

fn heard(site: &Site) -> BTreeMap<String, Heard> {
    let mut heard: BTreeMap<String, Heard> = BTreeMap::new();
    for got in site.receiver.notifications() {
        for status in ["firing", "resolved"] {
            for alert in got.alerts(status, HEADLINE) {
                // Contacts and events begin and end together; one is enough.
                if alert["labels"]["object_type"] == "contacts" {
                    let org = alert["labels"]["org"].as_str().unwrap().to_owned();
                    let began = alert["startsAt"].as_str().unwrap().to_owned();
                    let of = heard.entry(org).or_default();
                    if status == "firing" { &mut of.began } else { &mut of.ended }.insert(began);
                }
            }
        }
    }
    heard
}

/// The daemon that is killed again and again.
struct Killed<'a> {
    config: &'a Path,
    random: Random,
    kills: u64,
    /// The latest process, which is the last one when all kills are done.
    running: Option<(crate::support::process::Process, SocketAddr)>,
}

impl Killed<'_> {
    /// A daemon that answers.
    fn address(&mut self) -> SocketAddr {
        let config = self.config;
        self.running.get_or_insert_with(|| daemon(config, "127.0.0.1:0")).1
    }

    /// Lets it run for a random while, and kills it, as long as there are kills left.
    fn live(&mut self) {
        self.address();
        std::thread::sleep(Duration::from_millis(self.random.below(600)));
        if self.kills > 0 {
            self.kills -= 1;
            // SIGKILL.
            drop(self.running.take());
        }
    }

    /// Goes on until both have heard what they have to.
    fn until(&mut self, what: &str, sites: &[Site], is: impl Fn(&BTreeMap<String, Heard>) -> bool) {
        let began = Instant::now();
        while !sites.iter().all(|site| is(&heard(site))) {
            let all: Vec<_> = sites.iter().map(heard).collect();
            assert!(began.elapsed() < PATIENCE, "{what}: {all:#?}");
            self.live();
        }
    }
}

fn signal(site: &Site, signal: Signal) {
    let pid = Pid::from_raw(site.alertmanager.pid() as i32).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn no_kill_loses_an_alert_or_its_end_or_makes_it_news_again() {
    let kills =
        std::env::var("LIGHTNING_SYNC_TEST_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let sites = [Site::start(), Site::start()];
    let orgs: Vec<String> = (0..ORGS).map(|number| format!("org-{number}")).collect();
    let config = directory.path().join("config.yaml");
    let listen = SocketAddr::from(([127, 0, 0, 1], 9877));
    let addresses = sites.each_ref().map(|site| site.alertmanager.address);
    // A third one writes down what is sent: an Alertmanager shows the earliest beginning that it has heard of.
    let third = Receiver::start();
    let all = [addresses[0], addresses[1], third.address];
    let mut killed = Killed { config: &config, random: Random::new(SEED), kills, running: None };
    let mut incidents = 0;
    while killed.kills > 0 || incidents == 0 {
        // Everything of this round is another organisation, so that each of them has one incident.
        let round: Vec<String> = orgs.iter().map(|org| format!("{org}-{incidents}")).collect();
        fs::write(&config, configured(directory.path(), &all, listen, &round)).unwrap();
        drop(killed.running.take());
        incidents += 1;
        for org in &round {
            push(killed.address(), org, TimeDelta::hours(25));
            killed.live();
        }
        // One of them takes requests and does not answer; what it is to hear comes once it goes on.
        let stopped = killed.random.one_of(&[None, Some(0), Some(1)]);
        if let Some(stopped) = stopped {
            signal(&sites[stopped], Signal::STOP);
            for _ in 0..2 {
                killed.live();
            }
            signal(&sites[stopped], Signal::CONT);
        }
        killed.until("all have begun", &sites, |heard| {
            round.iter().all(|org| heard.get(org).is_some_and(|of| !of.began.is_empty()))
        });
        for org in &round {
            push(killed.address(), org, TimeDelta::zero());
            killed.live();
        }
        if let Some(stopped) = stopped {
            signal(&sites[1 - stopped], Signal::STOP);
            killed.live();
            signal(&sites[1 - stopped], Signal::CONT);
        }
        killed.until("all have ended", &sites, |heard| {
            round.iter().all(|org| heard.get(org).is_some_and(|of| !of.ended.is_empty()))
        });
    }
    let [one, other] = sites.each_ref().map(heard);
    for (org, of) in &one {
        assert_eq!(of.began.len(), 1, "{org} is news once: {of:#?}");
        assert_eq!(of.began, of.ended, "{org}");
        assert_eq!(Some(of), other.get(org), "{org} at the other");
    }
    assert_eq!((one.len(), other.len()), (incidents * ORGS, incidents * ORGS));
    let mut began: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for got in third.notifications() {
        for alert in got.body.as_array().unwrap() {
            let starts = alert["startsAt"].as_str().unwrap().to_owned();
            began.entry(alert["labels"].to_string()).or_default().insert(starts);
        }
    }
    assert_eq!(began.len(), 2 * incidents * ORGS);
    began.retain(|_, began| began.len() > 1);
    assert_eq!(began, BTreeMap::new(), "sent as new twice");
    println!("{kills} kills, {} incidents at two Alertmanagers, 0 missed, 0 twice", one.len());
}
