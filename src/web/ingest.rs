//! What is pushed: let in, read whole, handed over, answered. What a body means is not known here.

use super::access::Requester;
use super::answer::{Answer, answer, json, set};
use super::body::{Bodies, Packing, drain};
use super::budget::Share;
use super::limits::{FORMS, REQUESTS_PER_ORG};
use super::negotiate::parameter;
use super::problem::{Problem, ProblemReason};
use super::query;
use super::routes::{Peer, Site};
use super::services::{IngestAnswer, IngestKind, IngestReceipt, IngestRequest, MediaType};
use crate::domain::ids::OrgName;
use crate::events::Event;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{HeaderMap, Method, StatusCode};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What requests share: bodies in memory, and how many of each organisation are under way.
pub(super) struct Intake {
    bodies: Bodies,
    under_way: Arc<Mutex<HashMap<OrgName, usize>>>,
    forms: Arc<Semaphore>,
}

/// A request that is counted among its organisation's.
struct UnderWay {
    org: OrgName,
    counts: Arc<Mutex<HashMap<OrgName, usize>>>,
}

impl Intake {
    pub(super) fn new() -> Self {
        Self {
            bodies: Bodies::new(),
            under_way: Arc::default(),
            forms: Arc::new(Semaphore::new(FORMS)),
        }
    }

    fn enter(&self, org: &OrgName) -> Result<UnderWay, Problem> {
        let mut counts = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(org.clone()).or_insert(0);
        if *count >= REQUESTS_PER_ORG {
            return Err(Problem::new(
                ProblemReason::OrgBusy,
                format!(
                    "{REQUESTS_PER_ORG} requests of this organisation are under way. Send one after the other."
                ),
            ));
        }
        *count += 1;
        Ok(UnderWay {
            org: org.clone(),
            counts: Arc::clone(&self.under_way),
        })
    }
}

impl Intake {
    /// Reads the form of a page. What comes beside the bytes has to live as long as they do. A token comes within the
    /// form, so nobody is known before it is read: forms have few places of their own and take none from senders.
    ///
    /// # Errors
    /// With the problem to answer; what is left of the body is in `incoming`.
    pub(super) async fn form(
        &self,
        headers: &HeaderMap,
        incoming: &mut Body,
    ) -> Result<(Bytes, (Share, OwnedSemaphorePermit)), Problem> {
        let is_form = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim() == FORM);
        if !is_form {
            return Err(Problem::new(
                ProblemReason::MediaTypeUnsupported,
                format!("A form is sent as {FORM}."),
            ));
        }
        let place = Arc::clone(&self.forms).try_acquire_owned().map_err(|_| {
            Problem::new(
                ProblemReason::Busy,
                "Others are pasting at this moment. Send the form again shortly.",
            )
        })?;
        let (body, share) = self.bodies.read(incoming, Packing::None).await?;
        Ok((body, (share, place)))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.org) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.org);
            }
        }
    }
}

/// The values of the status page, or the page itself
#[utoipa::path(
    method(post, options),
    path = "/api/v1/orgs/{org}/snapshot",
    params(
        ("captured_at" = Option<String>, Query, format = DateTime, description = "When the page was saved; otherwise the time of receipt"),
        ("user" = Option<String>, Query, description = "Whose page it is, when the page does not say"),
        ("on_error" = Option<String>, Query, pattern = "^(refuse|skip)$", description = "`skip` takes the good records and lists the others; without it, or with `refuse`, one wrong record refuses all"),
    ),
    responses((status = 200, body = IngestReceipt))
)]
pub(super) async fn snapshot(
    State(site): State<Arc<Site>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Answer {
    push(&site, IngestKind::Snapshot, request, peer).await
}

/// Records of activity; none at all is a heartbeat
#[utoipa::path(
    method(post, options),
    path = "/api/v1/orgs/{org}/activity",
    params(("on_error" = Option<String>, Query, pattern = "^(refuse|skip)$", description = "`skip` takes the good records and lists the others; without it, or with `refuse`, one wrong record refuses all")),
    responses((status = 200, body = IngestReceipt))
)]
pub(super) async fn activity(
    State(site): State<Arc<Site>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Answer {
    push(&site, IngestKind::Activity, request, peer).await
}

/// Answers a push, or a browser's question whether a page may push.
async fn push(site: &Site, kind: IngestKind, request: Request, peer: SocketAddr) -> Answer {
    // Not decoded: a name has nothing that needs an escape.
    let org = request.uri().path().split('/').nth(4);
    let org = org.and_then(|org| OrgName::new(org).ok());
    let access = org.as_ref().and_then(|org| (site.services.access)(org));
    let origin = access
        .as_ref()
        .and_then(|access| Requester::of(&request, peer).allowed_origin(&access.allowed_origins))
        .and_then(|origin| HeaderValue::from_str(origin).ok());
    let mut answer = if request.method() == Method::OPTIONS {
        preflight(&request, origin.is_some())
    } else {
        let may = Requester::of(&request, peer).may_push(access.as_deref());
        let configured = org.filter(|_| access.is_some());
        let named = configured.as_ref().map_or("", OrgName::as_str).to_owned();
        let (head, mut incoming) = request.into_parts();
        let taken = match (may, configured) {
            (Ok(()), Some(org)) => {
                take(
                    site,
                    org,
                    kind,
                    &head.headers,
                    head.uri.query(),
                    &mut incoming,
                )
                .await
            }
            (Err(problem), _) => Err(problem),
            (Ok(()), None) => Err(Problem::new(
                ProblemReason::UnknownOrg,
                "No organisation of this name is configured.",
            )),
        };
        taken.unwrap_or_else(|problem| {
            drain(incoming);
            site.services.events.emit(Event::IngestRejected {
                org: named,
                reason: problem.reason.name(),
                detail: problem.detail.clone(),
            });
            problem.into_response()
        })
    };
    set(&mut answer, VARY, HeaderValue::from_name(ORIGIN));
    if let Some(origin) = origin {
        set(&mut answer, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(
            &mut answer,
            CROSS_ORIGIN_RESOURCE_POLICY,
            HeaderValue::from_static("cross-origin"),
        );
    }
    answer
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
const ASKS_FOR_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

fn preflight(request: &Request, allowed: bool) -> Answer {
    if !allowed {
        return Problem::new(
            ProblemReason::OriginNotAllowed,
            "Pages of this origin may not push here. Name it in `ingest.allowed_origins` of the organisation.",
        )
        .into_response();
    }
    let mut answer = answer(StatusCode::NO_CONTENT, "", Body::empty());
    drop(answer.headers_mut().remove(CONTENT_TYPE));
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, content-encoding",
        ),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        set(&mut answer, name, HeaderValue::from_static(value));
    }
    // A page of the internet that talks to a daemon inside the network: browsers ask for that by name.
    if request.headers().contains_key(ASKS_FOR_PRIVATE_NETWORK) {
        set(
            &mut answer,
            ALLOWS_PRIVATE_NETWORK,
            HeaderValue::from_static("true"),
        );
    }
    answer
}

async fn take(
    site: &Site,
    org: OrgName,
    kind: IngestKind,
    headers: &HeaderMap,
    query: Option<&str>,
    incoming: &mut Body,
) -> Result<Answer, Problem> {
    let media_type = media_type(headers, kind)?;
    let packing = Packing::of(headers)?;
    let query = query::pairs(query)?;
    let _under_way = site.intake.enter(&org)?;
    let (body, _share) = site.intake.bodies.read(incoming, packing).await?;
    let request = IngestRequest {
        org,
        kind,
        media_type,
        body,
        query,
        received_at: (site.services.now)(),
    };
    match site.services.ingest.take(request).await {
        IngestAnswer::Taken(receipt) => json(&receipt),
        IngestAnswer::Refused(problem) => Err(problem),
    }
}

/// The media type of the body, when it is one that `kind` takes, in UTF-8.
fn media_type(headers: &HeaderMap, kind: IngestKind) -> Result<MediaType, Problem> {
    let refused = || {
        let taken: Vec<&str> = kind
            .media_types()
            .iter()
            .map(|taken| taken.name())
            .collect();
        Problem::new(
            ProblemReason::MediaTypeUnsupported,
            format!(
                "The body needs a Content-Type that is taken here: {}.",
                taken.join(", ")
            ),
        )
    };
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refused());
    };
    let value = value.to_str().map_err(|_| refused())?;
    let (name, parameters) = value.split_once(';').unwrap_or((value, ""));
    let media_type = MediaType::from_name(&name.trim().to_ascii_lowercase())
        .filter(|media_type| kind.media_types().contains(media_type))
        .ok_or_else(refused)?;
    match parameter(parameters, "charset") {
        Some(charset)
            if !["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| charset.eq_ignore_ascii_case(known)) =>
        {
            Err(Problem::new(
                ProblemReason::EncodingUnsupported,
                "This character set is not taken. Send the body in UTF-8.",
            ))
        }
        _ => Ok(media_type),
    }
}
