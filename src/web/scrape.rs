//! The metrics page: at most so many at once, made while it is sent.

use super::answer::{Answer, AnswerBody, set, streamed};
use super::limits::SCRAPES;
use super::negotiate::{Encoding, Exposition};
use super::problem::{Problem, ProblemReason};
use super::routes::Site;
use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, HeaderValue, VARY};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Counts scrapes under way.
pub(super) struct Scrapes(Arc<Semaphore>);

impl Scrapes {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(SCRAPES)))
    }
}

/// Answers a scrape; of a `HEAD` the server sends the headers only.
pub(super) async fn answer(site: &Site, headers: &HeaderMap) -> Result<Answer, Problem> {
    let slot = Arc::clone(&site.scrapes.0).try_acquire_owned().map_err(|_| {
        Problem::new(
            ProblemReason::ScrapesBusy,
            format!("{SCRAPES} scrapes are under way. Scrape less often, or look for what scrapes without reading the answer."),
        )
    })?;
    let (exposition, encoding) = (Exposition::negotiate(headers), Encoding::negotiate(headers));
    let (metrics, now) = (Arc::clone(&site.services.metrics), (site.services.now)());
    // Of a new View every organisation is judged first, which would hold up other connections here.
    let page = tokio::task::spawn_blocking(move || metrics.scrape(exposition, encoding, now))
        .await
        .map_err(|_| {
            Problem::new(
                ProblemReason::Internal,
                "The page could not be made; see the log.",
            )
        })?;
    let body = AnswerBody::chunks(page, slot);
    let mut answer = streamed(body, HeaderValue::from_static(exposition.content_type()));
    set(
        &mut answer,
        VARY,
        HeaderValue::from_static("Accept, Accept-Encoding"),
    );
    if encoding == Encoding::Gzip {
        set(
            &mut answer,
            CONTENT_ENCODING,
            HeaderValue::from_static("gzip"),
        );
    }
    Ok(answer)
}
