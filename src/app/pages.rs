//! The metrics room's pages as the server asks for them.

use crate::domain::time::Timestamp;
use crate::engine::Handle;
use crate::metrics::{Format, Own, Pages};
use crate::web::ChunkSource;
use crate::web::negotiate::{self, Encoding};
use crate::web::services::MetricsPage;
use bytes::Bytes;
use std::sync::Arc;

/// Makes metrics pages of the engine's latest View.
pub(super) struct EnginePages {
    pub(super) pages: Pages,
    pub(super) own: Arc<Own>,
    pub(super) engine: Handle,
}

impl MetricsPage for EnginePages {
    fn scrape(
        &self,
        exposition: negotiate::Exposition,
        encoding: Encoding,
        now: Timestamp,
    ) -> Box<dyn ChunkSource> {
        self.own.set_queue_bytes(self.engine.waiting_bytes() as u64);
        let view = self.engine.view();
        let format = match exposition {
            negotiate::Exposition::Text004 => Format::Text,
            negotiate::Exposition::OpenMetrics001 | negotiate::Exposition::OpenMetrics100 => {
                Format::OpenMetrics
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

    /// Known only once the page is made.
    fn content_length(&self) -> Option<u64> {
        None
    }
}
