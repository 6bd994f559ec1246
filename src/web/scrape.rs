//! The metrics page: at most so many at once, made while it is sent. It does not go through the router: nothing is to be
//! dearer to answer than a 404, and a scrape comes every few seconds for ever.

use super::answer::{Chunks, SharedBytes, answer, set};
use super::limits::{SCRAPE_LOOKS_EVERY, SCRAPE_WAITS, SCRAPES};
use super::negotiate::{Encoding, ExpositionFormat};
use super::problem::{Problem, ProblemReason};
use super::routes::{Sender, WebState, method_not_allowed};
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use hyper::header::{ALLOW, CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{HeaderMap, Method, StatusCode};
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// The metrics page; gzip by negotiation
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String)))]
pub(super) async fn scrape(
    site: &WebState,
    method: &Method,
    headers: &HeaderMap,
    from: &Sender,
) -> Result<Response, Problem> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = method_not_allowed().into_response();
        set(&mut refused, ALLOW, HeaderValue::from_static("GET,HEAD"));
        return Ok(refused);
    }
    let until = Instant::now() + SCRAPE_WAITS;
    let turn = loop {
        match site.scrapes.take(&from.key, &from.pace, 1) {
            Ok(turn) => break turn,
            Err(_) if Instant::now() < until => sleep(SCRAPE_LOOKS_EVERY).await,
            Err(_) => {
                return Err(Problem::new(
                    ProblemReason::ScrapesBusy,
                    format!(
                        "{SCRAPES} scrapes are under way. Scrape less often, or look for what scrapes without reading the answer."
                    ),
                ));
            }
        }
    };
    let (exposition, encoding) =
        (ExpositionFormat::negotiate(headers), Encoding::negotiate(headers));
    let (metrics, now) = (Arc::clone(&site.services.metrics), (site.services.now)());
    // Of a new View every organisation is judged first, which would hold up other connections here.
    let mut page =
        tokio::task::spawn_blocking(move || metrics(exposition, encoding, now)).await.map_err(
            |_| Problem::new(ProblemReason::Internal, "The page could not be made; see the log."),
        )?;
    let body = match (page.next(), page.next()) {
        // A page of one piece needs no turn for as long as its reader does not read, if there is memory for it.
        (Some(bytes), None)
            if let Ok(_share) = site.short_pages.take(&from.key, &from.pace, bytes.len()) =>
        {
            drop(turn);
            let bytes = Bytes::from_owner(SharedBytes { bytes, _share });
            Body::new(Chunks(Box::new(std::iter::once(bytes)), None))
        }
        (first, second) => {
            let pieces = first.into_iter().chain(second).chain(page);
            Body::new(Chunks(Box::new(pieces), Some(turn)))
        }
    };
    let mut answer = answer(StatusCode::OK, exposition.content_type(), body);
    set(&mut answer, VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if encoding == Encoding::Gzip {
        set(&mut answer, CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}
