//! What is pushed meanwhile: one sender for each of the two daemons, each batch again until somebody acknowledges it.

use crate::support::http::{Response, request};
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::support::process::wait_until;

/// Records of a batch.
const RECORDS: u64 = 20;

/// A push that was answered with 200.
#[derive(Debug, Clone)]
pub(super) struct Ack {
    /// The address of a process: each start has another port.
    pub(super) daemon: SocketAddr,
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    body: String,
}

#[derive(Default)]
struct Shared {
    daemons: Mutex<[Option<SocketAddr>; 2]>,
    acks: Mutex<Vec<Ack>>,
    over: AtomicBool,
}

#[derive(Default)]
pub(super) struct Load {
    shared: Arc<Shared>,
    /// Each gives back the batch that nobody has acknowledged yet.
    senders: [Option<JoinHandle<String>>; 2],
}

impl Load {
    /// Pushes go to a daemon from now on.
    pub(super) fn reaches(&mut self, which: usize, daemon: SocketAddr) {
        self.shared.daemons.lock().unwrap()[which] = Some(daemon);
        let shared = Arc::clone(&self.shared);
        self.senders[which].get_or_insert_with(|| thread::spawn(move || send(&shared, which)));
    }

    pub(super) fn reaches_nobody(&self, which: usize) {
        self.shared.daemons.lock().unwrap()[which] = None;
    }

    pub(super) fn acks(&self) -> MutexGuard<'_, Vec<Ack>> {
        self.shared.acks.lock().unwrap()
    }

    /// Waits until a daemon has acknowledged some more.
    pub(super) fn goes_on_at(&self, daemon: SocketAddr) {
        let count = || self.acks().iter().filter(|ack| ack.daemon == daemon).count();
        let before = count();
        wait_until("pushes are taken", PATIENCE, || (count() >= before + 50).then_some(()));
    }

    /// Ends all senders; what was under way goes to `leader`. How many records were acknowledged.
    pub(super) fn end(&mut self, leader: SocketAddr) -> u64 {
        self.shared.over.store(true, Ordering::SeqCst);
        for sender in std::mem::take(&mut self.senders) {
            let rest = sender.unwrap().join().unwrap();
            let answer = wait_until("the rest is taken", PATIENCE, || {
                push(leader, &rest).filter(|answer| answer.status == 200)
            });
            let at = Instant::now();
            assert_eq!(answer.status, 200, "{}", answer.text());
            self.acks().push(Ack { daemon: leader, sent: at, answered: at, body: rest });
        }
        self.acks().len() as u64 * RECORDS
    }

    /// Whether nobody acknowledged what was sent after somebody else had begun to.
    pub(super) fn judged(&self) -> Result<(), String> {
        let acks = self.acks();
        let mut daemons: Vec<(SocketAddr, Instant)> = Vec::new();
        for ack in acks.iter() {
            match daemons.iter_mut().find(|(daemon, _)| *daemon == ack.daemon) {
                Some((_, first)) => *first = ack.answered.min(*first),
                None => daemons.push((ack.daemon, ack.answered)),
            }
        }
        for ack in acks.iter() {
            let own = daemons.iter().find(|(daemon, _)| *daemon == ack.daemon).map(|(_, at)| *at);
            let later = daemons.iter().find(|(_, first)| Some(*first) > own && *first < ack.sent);
            if let Some((other, _)) = later {
                return Err(format!("{} acknowledged after {other} had begun to", ack.daemon));
            }
        }
        Ok(())
    }

    /// Sends everything again that was acknowledged; how many records were new.
    pub(super) fn sent_again(&self, leader: SocketAddr) -> u64 {
        let bodies: Vec<String> = self.acks().iter().map(|ack| ack.body.clone()).collect();
        let again = bodies.chunks(500).map(|bodies| {
            let answer = push(leader, &bodies.concat()).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["accepted"].as_u64().unwrap()
        });
        again.sum()
    }
}

/// A test that fails ends its senders.
impl Drop for Load {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
    }
}

fn send(shared: &Shared, which: usize) -> String {
    let mut number = 0;
    let mut body = batch(which, number);
    while !shared.over.load(Ordering::SeqCst) {
        let daemon = shared.daemons.lock().unwrap()[which];
        let sent = Instant::now();
        let answer = daemon.and_then(|daemon| push(daemon, &body));
        match (daemon, answer) {
            (Some(daemon), Some(answer)) if answer.status == 200 => {
                number += 1;
                let body = std::mem::replace(&mut body, batch(which, number));
                let ack = Ack { daemon, sent, answered: Instant::now(), body };
                shared.acks.lock().unwrap().push(ack);
            }
            (_, answer) => {
                assert!(answer.is_none_or(|answer| answer.status == 503), "nothing else refuses");
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    body
}

fn batch(which: usize, number: u64) -> String {
    let at = now().datetime().to_rfc3339_opts(SecondsFormat::Nanos, true);
    let record = |record| {
        format!(
            "{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"{which}-{number}-{record}\"}}\n"
        )
    };
    (0..RECORDS).map(record).collect()
}

pub(super) fn push(daemon: SocketAddr, body: &str) -> Option<Response> {
    let headers = [("Content-Type", "application/x-ndjson")];
    let path = "/api/v1/orgs/acme/activity";
    request(daemon, "POST", path, &headers, body.as_bytes()).ok()
}
