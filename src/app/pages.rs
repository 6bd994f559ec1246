//! The metrics pages as the server needs them.

use super::daemon::Shared;
use crate::domain::time::Timestamp;
use crate::metrics::{MetricsPages, PageFormat};
use crate::web::ChunkSource;
use crate::web::negotiate::{self, Encoding};
use crate::web::services::MetricsPage;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;

/// Makes metrics pages of the engine's latest View.
pub(super) struct EnginePages {
    pub(super) pages: MetricsPages,
    pub(super) shared: Shared,
}

impl EnginePages {
    /// Gauges that only the moment of the page can tell.
    fn measure(&self) {
        self.shared.own.set_queue_bytes(self.shared.engine.waiting_bytes() as u64);
    }

    /// Has the compressed page of each new View made as soon as the engine has published it, so that a scrape of it only
    /// has to be sent. Ends with the engine.
    pub(super) async fn prepare(self: Arc<Self>) {
        let mut views = self.shared.engine.views();
        while views.changed().await.is_ok() {
            let view = Arc::clone(&views.borrow_and_update());
            // What it costs is the machine's time, however fast the demonstration's clock runs.
            let began = Instant::now();
            let pages = Arc::clone(&self);
            let making = move || {
                pages.measure();
                pages.pages.prepare(&view, (pages.shared.clock.wall)());
            };
            if let Err(ended) = tokio::task::spawn_blocking(making).await {
                match ended.try_into_panic() {
                    // For whoever started this task, to start it again.
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => return,
                }
            }
            // A busy engine publishes every few milliseconds; this takes a twentieth of a core at most.
            tokio::time::sleep(began.elapsed() * 20).await;
        }
    }
}

impl MetricsPage for EnginePages {
    fn scrape(
        &self,
        exposition: negotiate::Exposition,
        encoding: Encoding,
        now: Timestamp,
    ) -> Box<dyn ChunkSource> {
        self.measure();
        let view = self.shared.engine.view();
        let format = match exposition {
            negotiate::Exposition::Text004 => PageFormat::Text,
            negotiate::Exposition::OpenMetrics001 | negotiate::Exposition::OpenMetrics100 => {
                PageFormat::OpenMetrics
            }
        };
        match encoding {
            Encoding::Identity => Box::new(Pieces(self.pages.text(view, now, format))),
            Encoding::Gzip => Box::new(Pieces(self.pages.gzip(view, now, format))),
        }
    }
}

/// A page, compressed or not, as the server asks for its pieces.
struct Pieces<P>(P);

impl<P: Iterator<Item = Bytes> + Send> ChunkSource for Pieces<P> {
    fn next(&mut self) -> Option<Bytes> {
        self.0.next()
    }
}
