//! View → exposition, and the daemon's own counters. One catalogue of every metric as data.
//!
//! This module knows the domain and what is in the catalogue; nothing of sources, the store or HTTP.

pub mod catalogue;
mod encoder;
mod exposition;
mod facts;
mod families;
mod gzip;
mod own_findings;
mod page_cache;
mod polls;
mod process;
mod scrape;
mod self_metrics;
mod table;
mod users;
mod walk;

pub use encoder::PageFormat;
pub use exposition::TextExposition;
pub use gzip::GzipExposition;
pub use self_metrics::SelfMetrics;

use crate::domain::time::Timestamp;
use crate::domain::view::View;
use chrono::TimeDelta;
use enum_map::EnumMap;
use page_cache::PageCache;
use prometheus::HistogramTimer;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use walk::Walk;

/// Makes pages; what one scrape found out, wrote and compressed serves the next.
#[derive(Debug)]
pub struct MetricsPages {
    own: Arc<SelfMetrics>,
    cache: Arc<PageCache>,
    /// When a compressed page was last requested.
    requested: Mutex<EnumMap<PageFormat, Option<Timestamp>>>,
}

/// For how long after a scrape the pages of new Views are prepared for the next one: the longest interval that is usual,
/// and one scrape missed.
const PREPARE_FOR: TimeDelta = TimeDelta::minutes(5);

impl MetricsPages {
    /// Pages that end with the metrics of `own`, and count themselves there.
    pub fn new(own: Arc<SelfMetrics>) -> Self {
        Self { own, cache: Arc::default(), requested: Mutex::default() }
    }

    /// The page of `view` as it is at `now`, or was when another scrape of the same View came up to two seconds ago.
    pub fn text(&self, view: Arc<View>, now: Timestamp, format: PageFormat) -> TextExposition {
        let timer = self.own.scrape();
        let walk = self.walk(view, now, format);
        TextExposition::new(walk, Arc::clone(&self.cache), Arc::clone(&self.own), timer)
    }

    /// The same page as one gzip member, the daemon's own metrics included as of when it was made.
    pub fn gzip(&self, view: Arc<View>, now: Timestamp, format: PageFormat) -> GzipExposition {
        let timer = self.own.scrape();
        self.requested()[format] = Some(now);
        let walk = self.walk(view, now, format);
        self.compressed(walk, Some(timer))
    }

    /// Makes the compressed page of a new View before somebody wants it, where somebody did lately: a scrape then finds it
    /// ready.
    pub fn prepare(&self, view: &Arc<View>, now: Timestamp) {
        let requested = *self.requested();
        for (format, at) in requested {
            if at.is_some_and(|at| now.since(at) < PREPARE_FOR) {
                let walk = self.walk(Arc::clone(view), now, format);
                self.compressed(walk, None).prepare();
            }
        }
    }

    fn compressed(&self, walk: Walk, timer: Option<HistogramTimer>) -> GzipExposition {
        GzipExposition::new(walk, Arc::clone(&self.cache), Arc::clone(&self.own), timer)
    }

    fn requested(&self) -> MutexGuard<'_, EnumMap<PageFormat, Option<Timestamp>>> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn walk(&self, view: Arc<View>, now: Timestamp, format: PageFormat) -> Walk {
        Walk::new(self.cache.scrape(view, now), format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{OrgId, OrgName, UserName};
    use crate::domain::policy::{OrgPolicy, UserSeries};
    use crate::domain::rows::Status;
    use crate::domain::users::{StatusColumns, UserStatuses, UserSummary};
    use crate::domain::view::OrgView;
    use enum_map::EnumMap;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn org(name: &str) -> Arc<OrgView> {
        let user = UserStatuses {
            name: UserName::new("ann@corp.example").unwrap(),
            pseudonym: "0000".into(),
            statuses: EnumMap::from_fn(|_| Status::Unknown),
        };
        let policy = Arc::new(OrgPolicy::defaults(OrgName::new(name).unwrap()));
        let mut org = OrgView::new(OrgId(1), policy, NOW, NOW);
        let mut summary = UserSummary::default();
        summary.columns = Arc::new(StatusColumns(Box::new([user])));
        org.summary = Arc::new(summary);
        Arc::new(org)
    }

    #[test]
    fn pieces_of_organisations_that_are_gone_are_forgotten() {
        let pages = MetricsPages::new(Arc::new(SelfMetrics::new(&[]).unwrap()));
        let cached_after = |names: &[&str], series| {
            let mut view = View::empty(NOW);
            view.user_series = series;
            view.orgs = names.iter().map(|name| org(name)).collect();
            pages.gzip(Arc::new(view), NOW, PageFormat::Text).for_each(drop);
            pages.cache.orgs_with_users()
        };
        assert_eq!(cached_after(&["acme", "beta"], UserSeries::PerUser), ["acme", "beta"]);
        assert_eq!(cached_after(&["beta"], UserSeries::PerUser), ["beta"]);
        assert!(cached_after(&["beta"], UserSeries::Aggregate).is_empty());
    }

    #[test]
    fn text_is_held_up_to_a_bound_and_written_anew_beyond_it() {
        let pages = MetricsPages::new(Arc::new(SelfMetrics::new(&[]).unwrap()));
        let mut view = View::empty(NOW);
        // The longest names, so that fewer organisations reach the bound.
        let orgs = || (0..16_000).map(|number| org(&format!("{number:063}"))).collect();
        view.orgs = orgs();
        let later = Arc::new(View { orgs: orgs(), ..View::clone(&view) });
        let view = Arc::new(view);
        let begun = |view: &Arc<View>, second| {
            let now = NOW.plus(chrono::TimeDelta::seconds(second));
            pages.text(Arc::clone(view), now, PageFormat::Text)
        };
        let page = |second| -> Vec<u8> { begun(&view, second).flatten().collect() };
        // The daemon's own metrics count the scrapes.
        let lasting = |page: Vec<u8>| {
            let text = String::from_utf8(page).unwrap();
            text.split("lightning_sync_exporter_").next().unwrap().to_owned()
        };
        let first = lasting(page(0));
        // Nobody knows yet whether it lasts.
        assert_eq!(pages.cache.text_held(), 0);
        assert!(lasting(page(5)) == first);
        let held = pages.cache.text_held();
        assert!((28 << 20..=32 << 20).contains(&held), "{held} of {}", first.len());
        assert!(first.len() > 34_000_000, "{}", first.len());
        assert!(lasting(page(10)) == first);
        assert_eq!(pages.cache.text_held(), held);
        // What is replaced makes place for what replaces it.
        begun(&later, 15).for_each(drop);
        begun(&later, 20).for_each(drop);
        drop(begun(&later, 25));
        assert_eq!(pages.cache.text_held(), held);
    }
}
