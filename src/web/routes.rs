//! Which path does what: one list, from which requests are routed and the API is described.

use super::access::Requester;
use super::answer::Answer;
use super::auth::WebAuth;
use super::ingest::Intake;
use super::limits::READERS;
use super::passwords::Passwords;
use super::problem::{Problem, ProblemReason};
use super::scrape::Scrapes;
use super::services::{IngestKind, ServerOptions, Services};
use super::{api, health, ingest, openapi, pages, scrape};
use axum::response::IntoResponse;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What answers share.
pub(super) struct Site {
    /// Whether every address that is listened on is this host's own.
    loopback: bool,
    pub(super) options: ServerOptions,
    pub(super) services: Services,
    pub(super) scrapes: Scrapes,
    pub(super) intake: Intake,
    passwords: Passwords,
    /// Turns at reading the past: who has none waits.
    pub(super) readers: Arc<Semaphore>,
    /// The API's description.
    pub(super) description: String,
}

/// Everything that answers requests.
pub(super) struct Router {
    pub(super) site: Arc<Site>,
    router: TowerToHyperService<axum::Router>,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Every path but the metrics page's, which the operator names.
pub(super) fn paths() -> OpenApiRouter<Arc<Site>> {
    OpenApiRouter::new()
        .routes(routes!(pages::overview::overview))
        .routes(routes!(pages::org::org_page))
        .routes(routes!(pages::users::users_page))
        .routes(routes!(pages::user::user_page))
        .routes(routes!(pages::paste::paste))
        .routes(routes!(pages::userscript::userscript))
        .routes(routes!(pages::runbook::runbook))
        .routes(routes!(pages::style))
        .routes(routes!(pages::paste_script))
        .routes(routes!(api::orgs::orgs))
        .routes(routes!(api::orgs::org))
        .routes(routes!(api::users::users))
        .routes(routes!(api::users::user))
        .routes(routes!(api::history::history))
        .routes(routes!(api::findings::findings))
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

impl Router {
    pub(super) fn new(options: ServerOptions, services: Services, loopback: bool) -> Self {
        let (router, description) = paths().split_for_parts();
        let site = Arc::new(Site {
            loopback,
            description: openapi::complete(description, &options.telemetry_path).to_string(),
            options,
            services,
            scrapes: Scrapes::new(),
            intake: Intake::new(),
            passwords: Passwords::new(),
            readers: Arc::new(Semaphore::new(READERS)),
        });
        let router = router
            .fallback(unknown_path)
            .method_not_allowed_fallback(async || method_not_allowed())
            .with_state(Arc::clone(&site));
        Self {
            site,
            router: TowerToHyperService::new(router),
        }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        let guard = self.site.options.guard.now();
        let for_people = is_for_people(&request);
        let mut answer = match self.guarded(&guard, request, peer).await {
            Ok(answer) => answer,
            Err(problem) => problem.into_response(),
        };
        if for_people && let Some(problem) = answer.extensions_mut().remove::<Problem>() {
            let allow = answer.headers_mut().remove(ALLOW);
            answer = pages::trouble(&self.site, problem);
            answer
                .headers_mut()
                .extend(allow.map(|allow| (ALLOW, allow)));
        }
        guard.dress(&mut answer);
        answer
    }

    /// Answers whoever may ask. Who may not learns nothing of which paths exist.
    async fn guarded(
        &self,
        guard: &WebAuth,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answer, Problem> {
        let site = &self.site;
        if !is_ingest(request.uri().path()) {
            if site.loopback && guard.users.is_empty() {
                Requester::of(&request, peer).may_read()?;
            }
            guard
                .may_read(
                    &site.passwords,
                    request.headers(),
                    peer,
                    &site.services.events,
                )
                .await?;
        }
        if request.uri().path() == site.options.telemetry_path {
            return scrape::scrape(site, request.method(), request.headers()).await;
        }
        request.extensions_mut().insert(Peer(peer));
        let Ok(answer) = self.router.call(request).await;
        Ok(answer)
    }
}

impl Site {
    /// How this server is spoken to.
    pub(super) fn scheme(&self) -> &'static str {
        match self.options.guard.now().tls.is_some() {
            true => "https",
            false => "http",
        }
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
