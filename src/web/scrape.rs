//! The metrics page: at most so many at once, made while it is sent. It does not go through the router: nothing is to be
//! dearer to answer than a 404, and a scrape comes every few seconds for ever.

use super::answer::{Chunks, answer, set};
use super::limits::SCRAPES;
use super::negotiate::{Encoding, ExpositionFormat};
use super::problem::{Problem, ProblemReason};
use super::routes::{Sender, WebState, method_not_allowed};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::header::{ALLOW, CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{HeaderMap, Method, StatusCode};
use std::sync::Arc;

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
    let turn = site.scrapes.take(&from.key, &from.pace, 1).map_err(|_| {
        Problem::new(
            ProblemReason::ScrapesBusy,
            format!("{SCRAPES} scrapes are under way. Scrape less often, or look for what scrapes without reading the answer."),
        )
    })?;
    let (exposition, encoding) =
        (ExpositionFormat::negotiate(headers), Encoding::negotiate(headers));
    let (metrics, now) = (Arc::clone(&site.services.metrics), (site.services.now)());
    // Of a new View every organisation is judged first, which would hold up other connections here.
    let page =
        tokio::task::spawn_blocking(move || metrics(exposition, encoding, now)).await.map_err(
            |_| Problem::new(ProblemReason::Internal, "The page could not be made; see the log."),
        )?;
    let body = Body::new(Chunks(page, Some(turn)));
    let mut answer = answer(StatusCode::OK, exposition.content_type(), body);
    set(&mut answer, VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if encoding == Encoding::Gzip {
        set(&mut answer, CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}
