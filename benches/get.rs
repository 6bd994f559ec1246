//! A whole GET of the metrics page over loopback, beside a GET of the same bytes from memory by the same server: what
//! making the page adds to sending it. `cargo bench --bench get` takes 1,000,000 series, as text and compressed, in
//! turns; the ratio is of the medians.
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
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::metrics::{Format, Own, Pages};
use lightning_sync_exporter::web::negotiate::{Encoding, Exposition};
use lightning_sync_exporter::web::problem::{Problem, Reason};
use lightning_sync_exporter::web::services::{
    BoxFuture, Ingest, IngestAnswer, IngestRequest, MetricsPage, ServerOptions, Services,
    Understood,
};
use lightning_sync_exporter::web::{ChunkSource, Server};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

/// Serves the page, or what it was before, by the media type that is asked for: the bytes are the same.
struct Both {
    pages: Pages,
    view: Arc<lightning_sync_exporter::domain::view::View>,
    text: Vec<Bytes>,
    gzip: Vec<Bytes>,
}

impl MetricsPage for Both {
    fn scrape(
        &self,
        exposition: Exposition,
        encoding: Encoding,
        _: Timestamp,
    ) -> Box<dyn ChunkSource> {
        let view = Arc::clone(&self.view);
        match (exposition, encoding) {
            (Exposition::Text004, Encoding::Identity) => {
                Box::new(Pieces(self.pages.text(view, NOW, Format::Text)))
            }
            (Exposition::Text004, Encoding::Gzip) => {
                Box::new(Pieces(self.pages.gzip(view, NOW, Format::Text)))
            }
            (_, Encoding::Identity) => Box::new(Pieces(self.text.clone().into_iter())),
            (_, Encoding::Gzip) => Box::new(Pieces(self.gzip.clone().into_iter())),
        }
    }
}

struct Pieces<P>(P);

impl<P: Iterator<Item = Bytes> + Send> ChunkSource for Pieces<P> {
    fn next(&mut self) -> Option<Bytes> {
        self.0.next()
    }

    fn content_length(&self) -> Option<u64> {
        None
    }
}

struct Nobody;

impl Ingest for Nobody {
    fn take(&self, _: IngestRequest) -> BoxFuture<IngestAnswer> {
        Box::pin(async { IngestAnswer::Refused(Problem::new(Reason::Internal, "Not here.")) })
    }
    fn understand(&self, _: IngestRequest) -> BoxFuture<Result<Understood, Problem>> {
        Box::pin(async { Err(Problem::new(Reason::Internal, "Not here.")) })
    }
}

fn main() {
    let view = Arc::new(view(1_000));
    let pages = Pages::new(Arc::new(Own::new(&["malformed"]).unwrap()));
    let text: Vec<Bytes> = pages.text(Arc::clone(&view), NOW, Format::Text).collect();
    let gzip: Vec<Bytes> = pages.gzip(Arc::clone(&view), NOW, Format::Text).collect();
    let both = Both {
        pages,
        view: Arc::clone(&view),
        text,
        gzip,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let services = Services {
        view: Arc::new(move || Arc::clone(&view)),
        now: Arc::new(|| NOW),
        metrics: Arc::new(both),
        ingest: Arc::new(Nobody),
        history: None,
        reload: Arc::new(|| Box::pin(async { Ok(()) })),
        ready: Arc::new(|| Ok(())),
        access: Arc::new(|_| None),
        events: Events::log_only(),
    };
    let any = [SocketAddr::from(([127, 0, 0, 1], 0))];
    let server = runtime
        .block_on(async { Server::bind(&any, ServerOptions::default(), services) })
        .unwrap();
    let address = server.local_addrs()[0];
    runtime.spawn(server.serve(std::future::pending()));
    for (name, encoding) in [("text", "identity"), ("gzip", "gzip")] {
        let (mut made, mut kept) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let (took, size) = get(address, "text/plain;version=0.0.4", encoding);
            made.push(took);
            bytes = size;
            kept.push(
                get(
                    address,
                    "application/openmetrics-text;version=1.0.0",
                    encoding,
                )
                .0,
            );
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
