//! A whole GET of the metrics page over loopback, beside a GET of the same bytes from memory by the same server: what
//! making the page adds to sending it. `cargo bench --bench get` takes 1,000,000 series of 1,000 organisations and the
//! daemon's own counters of each, as text and compressed, in turns; the ratio is of the medians. Every scrape comes 15 s
//! after the last, of a new View, in which nobody, one in a hundred or everybody has been heard of again. The daemon
//! prepares the compressed page of a View when it is published; a scrape that comes before that is measured, too.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench fails loudly"
)]

#[path = "fleet.rs"]
mod fleet;

use bytes::Bytes;
use fleet::{NOW, view};
use lightning_sync_exporter::domain::ids::Source;
use lightning_sync_exporter::domain::readings::OrgReadings;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::{OrgView, View};
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::web::negotiate::{Encoding, ExpositionFormat};
use lightning_sync_exporter::web::problem::{Problem, ProblemReason};
use lightning_sync_exporter::web::services::{
    BoxFuture, Ingest, IngestReceipt, IngestRequest, ServerOptions, Services, Understood,
};
use lightning_sync_exporter::web::{Pieces, Server};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

/// Serves the page, or what it was before, by the media type that is asked for: the bytes are the same.
struct Both {
    pages: MetricsPages,
    view: Mutex<Arc<View>>,
    text: Vec<Bytes>,
    gzip: Vec<Bytes>,
}

/// The organisations as time goes by.
struct Fleet {
    view: View,
    heard: usize,
    next: usize,
}

impl Fleet {
    /// What the engine publishes 15 s later, when some organisations have been heard of.
    fn later(&mut self) -> Arc<View> {
        let now = self.view.as_of.plus(chrono::TimeDelta::seconds(15));
        self.view.as_of = now;
        for _ in 0..self.heard {
            self.next = (self.next + 1) % self.view.orgs.len();
            hear(Arc::make_mut(&mut self.view.orgs[self.next]), now);
        }
        Arc::new(self.view.clone())
    }
}

/// A snapshot that says again what was said before, but for one more record in each window.
fn hear(org: &mut OrgView, now: Timestamp) {
    org.last_report[Source::Snapshot] = Some(now);
    let mut readings = OrgReadings::clone(&org.readings);
    for row in OrgRow::ALL {
        let Some(mut reading) = readings.get(row, Source::Snapshot).cloned() else {
            continue;
        };
        reading.observed_at = now;
        match &mut reading.value {
            OrgValue::Count(count) => *count += 1,
            OrgValue::Instant(at) => *at = now,
            OrgValue::Account(_) | OrgValue::Flag(_) => {}
        }
        readings.put(row, Source::Snapshot, reading);
    }
    org.readings = Arc::new(readings);
}

impl Both {
    fn scrape(&self, format: ExpositionFormat, encoding: Encoding) -> Pieces {
        match (format, encoding) {
            (ExpositionFormat::Text004, encoding) => {
                let view = Arc::clone(&self.view.lock().unwrap());
                let now = view.as_of.plus(chrono::TimeDelta::milliseconds(500));
                match encoding {
                    Encoding::Identity => Box::new(self.pages.text(view, now, PageFormat::Text)),
                    Encoding::Gzip => Box::new(self.pages.gzip(view, now, PageFormat::Text)),
                }
            }
            (_, Encoding::Identity) => Box::new(self.text.clone().into_iter()),
            (_, Encoding::Gzip) => Box::new(self.gzip.clone().into_iter()),
        }
    }
}

struct Nobody;

impl Ingest for Nobody {
    fn take(&self, _: IngestRequest) -> BoxFuture<Result<IngestReceipt, Problem>> {
        Box::pin(async { Err(Problem::new(ProblemReason::Internal, "Not here.")) })
    }

    fn understand(&self, _: IngestRequest) -> BoxFuture<Result<Understood, Problem>> {
        Box::pin(async { Err(Problem::new(ProblemReason::Internal, "Not here.")) })
    }
}

fn main() {
    let view = Arc::new(view(1_000));
    let own = SelfMetrics::new(&["malformed"]).unwrap();
    let names = view.orgs.iter().map(|org| org.policy.name.clone());
    own.set_orgs(&names.collect::<Vec<_>>());
    let pages = MetricsPages::new(Arc::new(own));
    let text: Vec<Bytes> = pages.text(Arc::clone(&view), NOW, PageFormat::Text).collect();
    let gzip: Vec<Bytes> = pages.gzip(Arc::clone(&view), NOW, PageFormat::Text).collect();
    let mut fleet = Fleet { view: View::clone(&view), heard: 0, next: 0 };
    let both = Arc::new(Both { pages, view: Mutex::new(Arc::clone(&view)), text, gzip });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let services = Services {
        view: {
            let view = Arc::clone(&view);
            Arc::new(move || Arc::clone(&view))
        },
        now: Arc::new(|| NOW),
        metrics: Arc::new({
            let both = Arc::clone(&both);
            move |format, encoding, _| both.scrape(format, encoding)
        }),
        ingest: Arc::new(Nobody),
        reload: Arc::new(|| Box::pin(async { Ok(()) })),
        access: Arc::new(|_| None),
        history: None,
        changed_policy: Arc::new(|policy, _| Ok(policy.clone())),
        external_url: Arc::new(|| None),
        auth: Arc::new(Arc::default),
        events: Events::log_only(),
    };
    let any = [SocketAddr::from(([127, 0, 0, 1], 0))];
    let server =
        runtime.block_on(async { Server::bind(&any, ServerOptions::default(), services) }).unwrap();
    let address = server.local_addrs()[0];
    runtime.spawn(server.serve(std::future::pending()));
    let orgs = view.orgs.len();
    let [text, gzip] = ["identity", "gzip"];
    for (name, encoding, heard, prepared) in [
        ("text, nobody heard of", text, 0, false),
        ("gzip, nobody heard of", gzip, 0, true),
        ("gzip, everybody heard of", gzip, orgs, true),
        ("gzip, nobody heard of, not prepared", gzip, 0, false),
        ("gzip, 1 % heard of, not prepared", gzip, orgs / 100, false),
        ("gzip, everybody heard of, not prepared", gzip, orgs, false),
    ] {
        fleet.heard = heard;
        let (mut made, mut kept, mut preparing) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let view = fleet.later();
            *both.view.lock().unwrap() = Arc::clone(&view);
            if prepared {
                let began = Instant::now();
                both.pages.prepare(&view, view.as_of);
                preparing.push(began.elapsed());
            }
            let (took, size) = get(address, "text/plain;version=0.0.4", encoding);
            made.push(took);
            bytes = size;
            let openmetrics = "application/openmetrics-text;version=1.0.0";
            kept.push(get(address, openmetrics, encoding).0);
        }
        if prepared {
            let took = median(preparing).as_secs_f64() * 1e3;
            println!("{name}: preparing takes {took:.1} ms");
        }
        let (made, kept) = (median(made), median(kept));
        println!(
            "{name}: the page {:.1} ms, the same bytes from memory {:.1} ms, ratio {:.2} ({:.1} MB)",
            made.as_secs_f64() * 1e3,
            kept.as_secs_f64() * 1e3,
            made.as_secs_f64() / kept.as_secs_f64(),
            bytes as f64 / 1e6,
        );
    }
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// Time and size of a whole answer.
fn get(address: SocketAddr, accept: &str, encoding: &str) -> (Duration, usize) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return (started.elapsed(), size),
            count => size += count,
        }
    }
}
