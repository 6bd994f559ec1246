//! Which path does what. The closed list of paths is here; the API's description is tested against it.

use super::access::Requester;
use super::answer::{Answer, json};
use super::auth::WebAuth;
use super::ingest::Intake;
use super::limits::READERS;
use super::pages::Asset;
use super::passwords::Passwords;
use super::problem::{Problem, ProblemReason};
use super::scrape::Scrapes;
use super::services::{IngestKind, ServerOptions, Services};
use super::{api, health, ingest, openapi, pages, path_segment, scrape};
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A path that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The page of all organisations.
    Overview,
    /// The page of one.
    OrgPage(&'a str),
    /// The page of its users.
    UsersPage(&'a str),
    /// The page of one of them.
    UserPage(&'a str, &'a str),
    /// Where its status page is pasted.
    Paste(&'a str),
    /// The script that copies it.
    Userscript(&'a str),
    /// What an alert means.
    Runbook(&'a str),
    /// A file that pages load.
    Asset(Asset),
    /// The metrics page.
    Metrics,
    /// All organisations in short.
    Orgs,
    /// One organisation in full.
    Org(&'a str),
    /// Its users.
    Users(&'a str),
    /// One of them.
    User(&'a str, &'a str),
    /// What happened to it lately.
    History(&'a str),
    /// What is to be taken for the organisation of this name, which may be no name at all.
    Ingest(&'a str, IngestKind),
    /// What is wrong anywhere.
    Findings,
    /// The API's description.
    OpenApi,
    /// Whether the process is alive.
    Healthy,
    /// Whether it can answer for what it says.
    Ready,
    /// Read the configuration again.
    Reload,
}

impl<'a> Route<'a> {
    /// The route of a path.
    pub(super) fn of(path: &'a str, telemetry_path: &str) -> Option<Self> {
        if path == telemetry_path {
            return Some(Self::Metrics);
        }
        let mut segments = path.strip_prefix('/')?.split('/');
        let segments = [(); 7].map(|()| segments.next());
        Some(match segments {
            [Some(""), None, ..] => Self::Overview,
            [Some("orgs"), Some(org), None, ..] => Self::OrgPage(org),
            [Some("orgs"), Some(org), Some("users"), None, ..] => Self::UsersPage(org),
            [Some("orgs"), Some(org), Some("users"), Some(user), None, ..] => {
                Self::UserPage(org, user)
            }
            [Some("orgs"), Some(org), Some("paste"), None, ..] => Self::Paste(org),
            [
                Some("orgs"),
                Some(org),
                Some("paste"),
                Some("lightning-sync.user.js"),
                None,
                ..,
            ] => Self::Userscript(org),
            [Some("runbooks"), Some(alert), None, ..] => Self::Runbook(alert),
            [Some("assets"), Some(name), None, ..] => Self::Asset(Asset::of(name)?),
            [Some("-"), Some("healthy"), None, ..] => Self::Healthy,
            [Some("-"), Some("ready"), None, ..] => Self::Ready,
            [Some("-"), Some("reload"), None, ..] => Self::Reload,
            [Some("api"), Some("v1"), Some("orgs"), None, ..] => Self::Orgs,
            [Some("api"), Some("v1"), Some("findings"), None, ..] => Self::Findings,
            [Some("api"), Some("v1"), Some("openapi.json"), None, ..] => Self::OpenApi,
            [Some("api"), Some("v1"), Some("orgs"), Some(org), None, ..] => Self::Org(org),
            [
                Some("api"),
                Some("v1"),
                Some("orgs"),
                Some(org),
                Some("history"),
                None,
                ..,
            ] => Self::History(org),
            [
                Some("api"),
                Some("v1"),
                Some("orgs"),
                Some(org),
                Some("users"),
                None,
                ..,
            ] => Self::Users(org),
            [
                Some("api"),
                Some("v1"),
                Some("orgs"),
                Some(org),
                Some("users"),
                Some(user),
                None,
            ] => Self::User(org, user),
            [
                Some("api"),
                Some("v1"),
                Some("orgs"),
                Some(org),
                Some(kind),
                None,
                ..,
            ] => Self::Ingest(org, IngestKind::from_name(kind)?),
            _ => return None,
        })
    }

    /// The methods that it takes.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            Self::Overview
            | Self::OrgPage(_)
            | Self::UsersPage(_)
            | Self::UserPage(..)
            | Self::Userscript(_)
            | Self::Runbook(_)
            | Self::Asset(_)
            | Self::User(..)
            | Self::History(_)
            | Self::Metrics
            | Self::Orgs
            | Self::Org(_)
            | Self::Users(_)
            | Self::Findings
            | Self::OpenApi
            | Self::Healthy
            | Self::Ready => "GET, HEAD",
            Self::Paste(_) => "GET, HEAD, POST",
            Self::Ingest(..) => "POST, OPTIONS",
            Self::Reload => "POST",
        }
    }

    fn takes(self, method: &Method) -> bool {
        self.methods()
            .split(", ")
            .any(|name| name == method.as_str())
    }
}

/// Everything that answers requests.
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
    description: serde_json::Value,
}

impl Site {
    pub(super) fn new(options: ServerOptions, services: Services, loopback: bool) -> Self {
        Self {
            loopback,
            description: openapi::description(&options.telemetry_path),
            options,
            services,
            scrapes: Scrapes::new(),
            intake: Intake::new(),
            passwords: Passwords::new(),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// How this server is spoken to.
    pub(super) fn scheme(&self) -> &'static str {
        match self.options.guard.now().tls.is_some() {
            true => "https",
            false => "http",
        }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        let guard = self.options.guard.now();
        let for_people = is_for_people(&request);
        let mut answer = match self.guarded(&guard, request, peer).await {
            Ok(answer) => answer,
            Err(problem) if for_people => pages::trouble(self, problem),
            Err(problem) => problem.into_answer(),
        };
        guard.dress(&mut answer);
        answer
    }

    /// Answers whoever may ask. Who may not learns nothing of which paths exist.
    async fn guarded(
        &self,
        guard: &WebAuth,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answer, Problem> {
        let route = Route::of(request.uri().path(), &self.options.telemetry_path);
        if !matches!(route, Some(Route::Ingest(..))) {
            if self.loopback && guard.users.is_empty() {
                Requester::of(&request, peer).may_read()?;
            }
            guard
                .may_read(
                    &self.passwords,
                    request.headers(),
                    peer,
                    &self.services.events,
                )
                .await?;
        }
        self.route(request, peer).await
    }

    async fn route(&self, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Problem> {
        let uri = request.uri().clone();
        let (path, query) = (uri.path(), uri.query());
        let route = Route::of(path, &self.options.telemetry_path).ok_or_else(|| {
            Problem::new(
                ProblemReason::UnknownPath,
                "Nothing is served at this address. The paths are listed at /api/v1/openapi.json; pages have no slash at the end.",
            )
        })?;
        if !route.takes(request.method()) {
            return Err(Problem::method(route.methods()));
        }
        match route {
            Route::Overview => pages::overview(self),
            Route::OrgPage(org) => Box::pin(pages::org(self, org)).await,
            Route::UsersPage(org) => pages::users(self, org, query),
            Route::UserPage(org, user) => Box::pin(pages::user(self, org, &named(user)?)).await,
            Route::Paste(org) => Box::pin(pages::paste(self, org, request, peer)).await,
            Route::Userscript(org) => {
                api::Moment::of(self).org(org)?;
                Ok(pages::userscript(self, request.headers(), org))
            }
            Route::Runbook(alert) => pages::runbook(self, alert),
            Route::Asset(asset) => Ok(pages::asset(asset)),
            Route::Metrics => scrape::answer(self, request.headers()).await,
            Route::Orgs => api::orgs(self, query),
            Route::Org(org) => api::org(self, org, query),
            Route::Users(org) => api::users(self, org, query),
            Route::User(org, user) => Box::pin(api::user(self, org, &named(user)?, query)).await,
            Route::History(org) => Box::pin(api::history(self, org, query)).await,
            Route::Findings => api::findings(self, query),
            Route::OpenApi => Ok(json(StatusCode::OK, &self.description)),
            Route::Healthy => Ok(health::healthy()),
            Route::Ready => health::ready(self),
            Route::Reload => health::reload(self, &request, peer).await,
            Route::Ingest(org, kind) => Ok(ingest::answer(self, org, kind, request, peer).await),
        }
    }
}

/// Whether a problem is told as a page: to browsers, outside the API. Nothing else decides, so that who may not ask
/// learns nothing from it.
fn is_for_people(request: &Request<Incoming>) -> bool {
    let path = request.uri().path();
    !["/api/", "/-/"].iter().any(|room| path.starts_with(room))
        && request
            .headers()
            .get(ACCEPT)
            .and_then(|accepted| accepted.to_str().ok())
            .is_some_and(|accepted| accepted.contains("text/html"))
}

/// What a segment of a path names.
fn named(segment: &str) -> Result<String, Problem> {
    path_segment::decode(segment).ok_or_else(|| {
        Problem::new(
            ProblemReason::UnknownPath,
            "This path has an escape that stands for no character.",
        )
    })
}

#[cfg(test)]
impl Route<'_> {
    /// Every route, with the placeholder of the API's description where there is a name.
    pub(super) const ALL: [Route<'static>; 22] = [
        Route::Overview,
        Route::OrgPage("{org}"),
        Route::UsersPage("{org}"),
        Route::UserPage("{org}", "{user}"),
        Route::Paste("{org}"),
        Route::Userscript("{org}"),
        Route::Runbook("{alert}"),
        Route::Asset(Asset::Style),
        Route::Asset(Asset::Paste),
        Route::User("{org}", "{user}"),
        Route::History("{org}"),
        Route::Metrics,
        Route::Orgs,
        Route::Org("{org}"),
        Route::Users("{org}"),
        Route::Ingest("{org}", IngestKind::Snapshot),
        Route::Ingest("{org}", IngestKind::Activity),
        Route::Findings,
        Route::OpenApi,
        Route::Healthy,
        Route::Ready,
        Route::Reload,
    ];

    /// The path, as [`Self::of`] reads it.
    pub(super) fn path(self, telemetry_path: &str) -> String {
        match self {
            Self::Overview => "/".to_owned(),
            Self::OrgPage(org) => format!("/orgs/{org}"),
            Self::UsersPage(org) => format!("/orgs/{org}/users"),
            Self::UserPage(org, user) => format!("/orgs/{org}/users/{user}"),
            Self::Paste(org) => format!("/orgs/{org}/paste"),
            Self::Userscript(org) => format!("/orgs/{org}/paste/lightning-sync.user.js"),
            Self::Runbook(alert) => format!("/runbooks/{alert}"),
            Self::History(org) => format!("/api/v1/orgs/{org}/history"),
            Self::Asset(asset) => format!("/assets/{}", asset.name()),
            Self::User(org, user) => format!("/api/v1/orgs/{org}/users/{user}"),
            Self::Metrics => telemetry_path.to_owned(),
            Self::Orgs => "/api/v1/orgs".to_owned(),
            Self::Org(org) => format!("/api/v1/orgs/{org}"),
            Self::Users(org) => format!("/api/v1/orgs/{org}/users"),
            Self::Ingest(org, kind) => format!("/api/v1/orgs/{org}/{kind}"),
            Self::Findings => "/api/v1/findings".to_owned(),
            Self::OpenApi => "/api/v1/openapi.json".to_owned(),
            Self::Healthy => "/-/healthy".to_owned(),
            Self::Ready => "/-/ready".to_owned(),
            Self::Reload => "/-/reload".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_at_its_path_and_nowhere_else() {
        for route in Route::ALL {
            let path = route.path("/metrics");
            assert_eq!(Route::of(&path, "/metrics"), Some(route), "{path}");
            for near in [format!("{path}/"), format!("/{path}")] {
                assert_ne!(Route::of(&near, "/metrics"), Some(route), "{near}");
            }
        }
        for path in [
            "",
            "*",
            "metrics",
            "/api",
            "/api/v1/orgs/acme/reports",
            "/API/v1/orgs",
            "/Metrics",
            "/api/v1/orgs/acme/users/ann/rows",
            "/orgs",
            "/assets/other.css",
        ] {
            assert_eq!(Route::of(path, "/metrics"), None, "{path}");
        }
    }
}
