//! View → exposition, and the daemon's own counters. One catalogue of every metric as data.
//!
//! This room knows the domain and what is in the catalogue; nothing of sources, the store or HTTP.

pub mod catalogue;
mod deflate;
mod exposition;
mod facts;
mod families;
mod gathered;
mod gzip;
mod lines;
mod number;
mod own;
mod process;
mod segments;
mod table;
mod users;

pub use exposition::{CHUNK, Exposition};
pub use gzip::GzipExposition;
pub use lines::Format;
pub use own::Own;

use crate::domain::time::Timestamp;
use crate::domain::view::View;
use exposition::Walk;
use segments::Segments;
use std::sync::Arc;

/// Makes pages; what one scrape compressed of the users serves the next.
#[derive(Debug)]
pub struct Pages {
    own: Arc<Own>,
    segments: Arc<Segments>,
}

impl Pages {
    /// Pages that end with the metrics of `own`, and count themselves there.
    pub fn new(own: Arc<Own>) -> Self {
        Self {
            own,
            segments: Arc::default(),
        }
    }

    /// The page of `view` as it is at `now`.
    pub fn text(&self, view: Arc<View>, now: Timestamp, format: Format) -> Exposition {
        let timer = self.own.scrape();
        Exposition::new(self.walk(view, now, format), timer)
    }

    /// The same page as one gzip member.
    pub fn gzip(&self, view: Arc<View>, now: Timestamp, format: Format) -> GzipExposition {
        let timer = self.own.scrape();
        let walk = self.walk(view, now, format);
        GzipExposition::new(walk, Arc::clone(&self.segments), timer)
    }

    fn walk(&self, view: Arc<View>, now: Timestamp, format: Format) -> Walk {
        Walk::new(view, now, format, self.own.gather())
    }
}
