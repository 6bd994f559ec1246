//! Which path does what: one list, from which requests are routed and the API is described.

use super::access::{FairKey, Requester};
use super::answer::SharedBytes;
use super::auth::WebAuth;
use super::connection::ConnectionPace;
use super::ingest::Intake;
use super::limits::{
    ANSWER_FREE_BYTES, ANSWERS_BYTES, ANSWERS_BYTES_PER_PEER, READERS, SCRAPES, SHOWN_OF_ACCOUNT,
};
use super::passwords::Passwords;
use super::problem::{Problem, ProblemReason};
use super::refusals::{Floods, Refusals};
use super::services::{IngestKind, ServerOptions, Services};
use super::shares::Pool;
use super::{api, health, ingest, openapi, pages, scrape};
use crate::domain::readings::OrgReadings;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::view::{OrgView, View};
use crate::events::{Event, RefusalLog};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, ALLOW};
use hyper::service::Service;
use hyper::{Request, StatusCode};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What answers share.
pub(super) struct WebState {
    /// Whether every address that is listened on is this host's own.
    loopback: bool,
    pub(super) options: ServerOptions,
    pub(super) services: Services,
    /// Turns at the metrics page.
    pub(super) scrapes: Pool,
    /// Metrics pages of one piece that wait for their readers, in bytes.
    pub(super) short_pages: Pool,
    answers: Pool,
    pub(super) refusals: Refusals,
    floods: Floods,
    pub(super) intake: Intake,
    passwords: Passwords,
    /// Turns at reading the past: who has none waits.
    pub(super) readers: Arc<Semaphore>,
    /// The turn at a list of users, which takes milliseconds of a processor.
    pub(super) lists: Semaphore,
    /// The turn at a replay; who finds it taken is sent away.
    pub(super) replays: Arc<Semaphore>,
    /// The API's description.
    pub(super) description: String,
    /// The latest View and what strangers see of it.
    shortened: Mutex<Option<[Arc<View>; 2]>>,
}

/// Everything that answers requests.
pub(super) struct WebRouter {
    pub(super) site: Arc<WebState>,
    router: TowerToHyperService<axum::Router>,
}

/// Where a request comes from.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) peer: SocketAddr,
    /// Whose part of what is shared it takes.
    pub(super) key: FairKey,
    pub(super) pace: ConnectionPace,
}

/// Every path but the metrics page's, which the operator names.
pub(super) fn paths() -> OpenApiRouter<Arc<WebState>> {
    OpenApiRouter::new()
        .routes(routes!(pages::overview::overview))
        .routes(routes!(pages::org::org_page))
        .routes(routes!(pages::users::users_page))
        .routes(routes!(pages::users::user_page))
        .routes(routes!(pages::paste::paste))
        .routes(routes!(pages::replay::replay_page))
        .routes(routes!(pages::userscript::userscript))
        .routes(routes!(pages::runbook))
        .routes(routes!(pages::style))
        .routes(routes!(pages::paste_script))
        .routes(routes!(pages::refresh_script))
        .routes(routes!(api::orgs::orgs))
        .routes(routes!(api::orgs::org))
        .routes(routes!(api::users::users))
        .routes(routes!(api::users::user))
        .routes(routes!(api::orgs::history))
        .routes(routes!(api::orgs::findings))
        .routes(routes!(ingest::snapshot))
        .routes(routes!(ingest::activity))
        .routes(routes!(openapi::openapi))
        .routes(routes!(health::healthy))
        .routes(routes!(health::ready))
        .routes(routes!(health::reload))
}

async fn unknown_path() -> Problem {
    Problem::new(
        ProblemReason::UnknownPath,
        "Nothing is served at this address. The paths are listed at /api/v1/openapi.json; pages have no slash at the end.",
    )
}

/// A path that is served, and not so. The header `Allow` says which methods it takes.
pub(super) fn method_not_allowed() -> Problem {
    Problem::new(
        ProblemReason::MethodNotAllowed,
        "This path takes other methods; the header Allow lists them.",
    )
}

impl WebRouter {
    pub(super) fn new(options: ServerOptions, services: Services, loopback: bool) -> Self {
        let ingest_memory = usize::try_from(options.ingest_memory).unwrap_or(usize::MAX);
        let (router, description) = paths().split_for_parts();
        let site = Arc::new(WebState {
            loopback,
            description: openapi::complete(description, &options.telemetry_path).to_string(),
            options,
            services,
            scrapes: Pool::new(SCRAPES, SCRAPES),
            short_pages: Pool::new(ANSWERS_BYTES, ANSWERS_BYTES_PER_PEER),
            answers: Pool::new(ANSWERS_BYTES, ANSWERS_BYTES_PER_PEER),
            refusals: Refusals::default(),
            floods: Floods::default(),
            intake: Intake::new(ingest_memory),
            passwords: Passwords::new(),
            readers: Arc::new(Semaphore::new(READERS)),
            lists: Semaphore::new(1),
            replays: Arc::new(Semaphore::new(1)),
            shortened: Mutex::default(),
        });
        let router = router
            .fallback(unknown_path)
            .method_not_allowed_fallback(async || method_not_allowed())
            .with_state(Arc::clone(&site));
        Self { site, router: TowerToHyperService::new(router) }
    }

    /// Answers one request.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        pace: ConnectionPace,
    ) -> Response {
        let auth = (self.site.services.auth)();
        let for_people = is_for_people(&request);
        let from = Sender { peer, key: FairKey::of(request.headers(), peer), pace };
        let answer = match self.guarded(&auth, request, &from).await {
            Ok(answer) => self.accounted(answer, &from).await,
            Err(problem) => Err(problem),
        };
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(problem) => problem.into_response(),
        };
        let status = answer.status();
        if (status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE)
            && let Some(delay) = self.site.floods.delay(&from.key, Instant::now())
        {
            tokio::time::sleep(delay).await;
        }
        if for_people && let Some(problem) = answer.extensions_mut().remove::<Problem>() {
            let allow = answer.headers_mut().remove(ALLOW);
            answer = pages::trouble(&self.site, problem);
            answer.headers_mut().extend(allow.map(|allow| (ALLOW, allow)));
        }
        auth.dress(&mut answer);
        answer
    }

    /// Answers whoever may ask. Who may not learns nothing of which paths exist.
    async fn guarded(
        &self,
        auth: &WebAuth,
        mut request: Request<Incoming>,
        from: &Sender,
    ) -> Result<Response, Problem> {
        let site = &self.site;
        if !is_ingest(request.uri().path()) {
            if auth.users.is_empty() {
                let allowed = &site.options.allowed_hosts;
                Requester::of(&request, from.peer).may_read(site.loopback, allowed)?;
            }
            auth.may_read(&site.passwords, request.headers(), from, site).await?;
        }
        if request.uri().path() == site.options.telemetry_path {
            return scrape::scrape(site, request.method(), request.headers(), from).await;
        }
        request.extensions_mut().insert(from.clone());
        let Ok(answer) = self.router.call(request).await;
        Ok(answer)
    }

    /// Gives a large answer its share of the memory for answers: readers that do not read must not hold them all.
    ///
    /// # Errors
    /// When there is none left.
    async fn accounted(&self, answer: Response, from: &Sender) -> Result<Response, Problem> {
        from.pace.moving();
        let size = answer.body().size_hint().exact().unwrap_or(0);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size <= ANSWER_FREE_BYTES {
            return Ok(answer);
        }
        let share = self.site.answers.take(&from.key, &from.pace, size)?;
        let (head, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, size).await.map_err(|_| {
            Problem::new(ProblemReason::Internal, "The answer could not be written.")
        })?;
        let shared = SharedBytes { bytes, _share: share };
        Ok(Response::from_parts(head, Bytes::from_owner(shared).into()))
    }
}

impl WebState {
    /// Counts a push that was refused, and logs it unless it is one of a flood.
    pub(super) fn note_refusal(&self, problem: &Problem, org: Option<String>, peer: SocketAddr) {
        let org = org.unwrap_or_default();
        let reason = problem.reason.name();
        let peer = peer.ip().to_canonical().to_string();
        let log = self.refusals.note(reason, &org, &peer, Instant::now());
        self.services.events.emit(Event::IngestRejected {
            org,
            reason,
            detail: problem.detail.clone(),
            field: problem.errors.first().map(|error| error.field.clone()),
            log: log.map(|(count, peer)| RefusalLog { count, peer }),
        });
    }

    /// Counts a wrong password, and logs it when it is `new` and none of a flood.
    pub(super) fn note_wrong_password(&self, new: bool, peer: SocketAddr) {
        let peer = peer.ip().to_canonical().to_string();
        let reason = ProblemReason::PasswordRequired.name();
        let log = self.refusals.note(reason, "", &peer, Instant::now());
        self.services.events.emit(Event::PasswordRefused {
            log: log.filter(|_| new).map(|(count, peer)| RefusalLog { count, peer }),
        });
    }

    /// Whether whoever reads has shown a password.
    pub(super) fn is_guarded(&self) -> bool {
        !(self.services.auth)().users.is_empty()
    }

    /// The View of this moment. Where nobody has to show a password, service accounts are shortened: their names are half
    /// of what signs in.
    pub(super) fn view(&self) -> Arc<View> {
        let view = (self.services.view)();
        if self.is_guarded() {
            return view;
        }
        let mut latest = self.shortened.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some([of, shortened]) if Arc::ptr_eq(of, &view) => Arc::clone(shortened),
            _ => {
                let shortened = Arc::new(View {
                    orgs: view.orgs.iter().map(shorten).collect(),
                    ..View::clone(&view)
                });
                *latest = Some([view, Arc::clone(&shortened)]);
                shortened
            }
        }
    }

    /// How this server is reached.
    pub(super) fn scheme(&self) -> &'static str {
        match (self.services.auth)().tls.is_some() {
            true => "https",
            false => "http",
        }
    }
}

/// An organisation with the first letters of its service account.
fn shorten(org: &Arc<OrgView>) -> Arc<OrgView> {
    let row = OrgRow::ServiceAccountProvided;
    let mut readings = None;
    for (source, reading) in org.readings.of_row(row) {
        if let OrgValue::Account(Some(name)) = &reading.value {
            let first: String = name.chars().take(SHOWN_OF_ACCOUNT).collect();
            let mut reading = reading.clone();
            reading.value = OrgValue::Account(Some(format!("{first}…").into()));
            readings
                .get_or_insert_with(|| OrgReadings::clone(&org.readings))
                .put(row, source, reading);
        }
    }
    match readings {
        None => Arc::clone(org),
        Some(readings) => Arc::new(OrgView { readings: Arc::new(readings), ..OrgView::clone(org) }),
    }
}

/// Whether a path takes pushes, which have tokens of their own.
fn is_ingest(path: &str) -> bool {
    path.strip_prefix("/api/v1/orgs/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, kind)| IngestKind::from_name(kind).is_some())
}

/// Whether a problem is shown as a page: to browsers, outside the API. Nothing else decides, so that who may not ask
/// learns nothing from it.
fn is_for_people(request: &Request<Incoming>) -> bool {
    let path = request.uri().path();
    !["/api/", "/-/"].iter().any(|part| path.starts_with(part))
        && request
            .headers()
            .get(ACCEPT)
            .and_then(|accepted| accepted.to_str().ok())
            .is_some_and(|accepted| accepted.contains("text/html"))
}
