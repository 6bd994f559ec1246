//! What is pushed: let in, read whole, handed over, answered. What a body means is not known here.

use super::access::{FairKey, Requester};
use super::answer::{answer, json, set};
use super::body::{Bodies, Packing, drain, first_bytes};
use super::limits::{FORMS, LARGE_BODY_BYTES, REQUESTS_PER_ORG, SIDE_BY_SIDE_BYTES};
use super::negotiate::parameter;
use super::problem::{Problem, ProblemReason};
use super::query;
use super::routes::{Sender, WebState};
use super::services::{IngestKind, IngestReceipt, IngestRequest, MediaType};
use super::shares::{Pool, Share};
use crate::domain::ids::OrgName;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What requests share: memory of bodies, and how many of each organisation are under way.
pub(super) struct Intake {
    bodies: Bodies,
    under_way: Arc<Mutex<HashMap<OrgName, OrgRequests>>>,
    forms: Pool,
}

/// An organisation's requests, and the turn of its large ones.
struct OrgRequests {
    count: usize,
    turn: Arc<Semaphore>,
}

/// A request that is counted among its organisation's.
struct CountedRequest {
    org: OrgName,
    turn: Arc<Semaphore>,
    all: Arc<Mutex<HashMap<OrgName, OrgRequests>>>,
}

impl Intake {
    /// For bodies that may need half of `memory`: what is read from them needs the rest.
    pub(super) fn new(memory: usize) -> Self {
        Self {
            bodies: Bodies::new(memory / 2),
            under_way: Arc::default(),
            forms: Pool::new(FORMS, FORMS / 2),
        }
    }

    fn enter(&self, org: &OrgName) -> Result<CountedRequest, Problem> {
        let mut all = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = all
            .entry(org.clone())
            .or_insert_with(|| OrgRequests { count: 0, turn: Arc::new(Semaphore::new(1)) });
        if under_way.count >= REQUESTS_PER_ORG {
            return Err(Problem::new(
                ProblemReason::OrgBusy,
                format!(
                    "{REQUESTS_PER_ORG} requests of this organisation are under way. Send one after the other."
                ),
            ));
        }
        under_way.count += 1;
        Ok(CountedRequest {
            org: org.clone(),
            turn: Arc::clone(&under_way.turn),
            all: Arc::clone(&self.under_way),
        })
    }

    /// Whether another organisation has a request under way.
    fn others_than(&self, org: &OrgName) -> bool {
        let all = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        all.keys().any(|other| other != org)
    }

    /// Reads the form of a page. What comes beside the bytes has to live as long as they do. A token comes within the
    /// form, so nobody is known before it is read: forms have turns of their own and take none from senders.
    ///
    /// # Errors
    /// With the problem to answer; what is left of the body is in `incoming`.
    pub(super) async fn form(
        &self,
        headers: &HeaderMap,
        incoming: &mut Body,
        from: &Sender,
    ) -> Result<(Bytes, [Share; 2]), Problem> {
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
        let first = first_bytes(incoming).await?;
        from.pace.moving();
        let turn = self.forms.take(&from.key, &from.pace, 1)?;
        let (body, share) = self.bodies.read(first, incoming, from).await?;
        Ok((body, [share, turn]))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Drop for CountedRequest {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = all.get_mut(&self.org) {
            under_way.count = under_way.count.saturating_sub(1);
            if under_way.count == 0 {
                all.remove(&self.org);
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
    State(site): State<Arc<WebState>>,
    Extension(from): Extension<Sender>,
    request: Request,
) -> Response {
    push(&site, IngestKind::Snapshot, request, from).await
}

/// Records of activity; none at all is a heartbeat
#[utoipa::path(
    method(post, options),
    path = "/api/v1/orgs/{org}/activity",
    params(("on_error" = Option<String>, Query, pattern = "^(refuse|skip)$", description = "`skip` takes the good records and lists the others; without it, or with `refuse`, one wrong record refuses all")),
    responses((status = 200, body = IngestReceipt))
)]
pub(super) async fn activity(
    State(site): State<Arc<WebState>>,
    Extension(from): Extension<Sender>,
    request: Request,
) -> Response {
    push(&site, IngestKind::Activity, request, from).await
}

/// Answers a push, or a browser's question whether a page may push.
async fn push(site: &WebState, kind: IngestKind, request: Request, mut from: Sender) -> Response {
    let peer = from.peer;
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
        let named = configured.as_ref().map(OrgName::to_string);
        let (head, mut incoming) = request.into_parts();
        let taken = match (may, configured) {
            (Ok(()), Some(org)) => {
                from.key = FairKey::Org(org.clone());
                take(site, org, kind, &head, &mut incoming, &from).await
            }
            (Err(problem), _) => Err(problem),
            (Ok(()), None) => Err(Problem::unknown_org()),
        };
        taken.unwrap_or_else(|problem| {
            drain(incoming);
            site.note_refusal(&problem, named, peer);
            problem.into_response()
        })
    };
    set(&mut answer, VARY, HeaderValue::from_name(ORIGIN));
    if let Some(origin) = origin {
        set(&mut answer, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(&mut answer, CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    answer
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
const ASKS_FOR_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

fn preflight(request: &Request, allowed: bool) -> Response {
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
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, content-encoding"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        set(&mut answer, name, HeaderValue::from_static(value));
    }
    // A page of the internet that talks to a daemon inside the network: browsers ask for that by name.
    if request.headers().contains_key(ASKS_FOR_PRIVATE_NETWORK) {
        set(&mut answer, ALLOWS_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    answer
}

async fn take(
    site: &WebState,
    org: OrgName,
    kind: IngestKind,
    head: &Parts,
    incoming: &mut Body,
    from: &Sender,
) -> Result<Response, Problem> {
    let media_type = media_type(&head.headers, kind)?;
    let packing = Packing::of(&head.headers)?;
    let query = query::pairs(head.uri.query())?;
    let bodies = &site.intake.bodies;
    let first = first_bytes(incoming).await?;
    let entered = site.intake.enter(&org)?;
    let (wire, share) = bodies.read(first, incoming, from).await?;
    // Packed text is about an eighth of what it becomes, and may be a thousandth.
    let large = match packing {
        Packing::None if !site.intake.others_than(&org) => SIDE_BY_SIDE_BYTES,
        Packing::None => LARGE_BODY_BYTES,
        Packing::Gzip | Packing::Deflate | Packing::Zstd => LARGE_BODY_BYTES / 8,
    };
    let turn = if wire.len() >= large {
        Arc::clone(&entered.turn).acquire_owned().await.ok()
    } else {
        None
    };
    let begun = Instant::now();
    let (body, share) = bodies.decode(wire, share, packing).await?;
    let request = IngestRequest {
        org: org.clone(),
        kind,
        media_type,
        body,
        query,
        received_at: (site.services.now)(),
    };
    let answer = site.services.ingest.take(request).await;
    drop(share);
    if let Some(turn) = turn
        && site.intake.others_than(&org)
    {
        // Large bodies one after the other would keep the store busy: others get as much time as this one had.
        drop(tokio::spawn(async move {
            tokio::time::sleep(begun.elapsed()).await;
            drop(turn);
        }));
    }
    json(&answer?)
}

/// The media type of the body, when it is one that `kind` takes, in UTF-8.
fn media_type(headers: &HeaderMap, kind: IngestKind) -> Result<MediaType, Problem> {
    let refused = || {
        let taken: Vec<&str> = kind.media_types().iter().map(|taken| taken.name()).collect();
        Problem::new(
            ProblemReason::MediaTypeUnsupported,
            format!("The body needs a Content-Type that is taken here: {}.", taken.join(", ")),
        )
    };
    // A proxy may add what is there already; two that differ mean that somebody reads it differently.
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next().filter(|first| values.all(|other| other == *first)) else {
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
