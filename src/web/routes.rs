//! Which path does what. The closed list of paths is here; the API's description is tested against it.

use super::answer::Answer;
use super::ingest::Intake;
use super::problem::{Problem, Reason};
use super::scrape::Scrapes;
use super::services::{IngestKind, ServerOptions, Services};
use super::{health, ingest, scrape};
use hyper::body::Incoming;
use hyper::{Method, Request};
use std::net::SocketAddr;

/// A path that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The metrics page.
    Metrics,
    /// What to ingest for the organisation of this name, which may be no name at all.
    Ingest(&'a str, IngestKind),
    /// Whether the process is alive.
    Healthy,
    /// Whether it can answer for what it says.
    Ready,
    /// Read the configuration again.
    Reload,
}

impl<'a> Route<'a> {
    /// The route of a path.
    pub(super) fn of(path: &'a str, options: &ServerOptions) -> Option<Self> {
        if path == options.telemetry_path {
            return Some(Self::Metrics);
        }
        let mut segments = path.strip_prefix('/')?.split('/');
        let segments = [(); 5].map(|()| segments.next());
        Some(match segments {
            [Some("-"), Some("healthy"), None, ..] => Self::Healthy,
            [Some("-"), Some("ready"), None, ..] => Self::Ready,
            [Some("-"), Some("reload"), None, ..] => Self::Reload,
            [Some("api"), Some("v1"), Some("orgs"), Some(org), Some(kind)]
                if path.split('/').count() == 6 =>
            {
                Self::Ingest(org, IngestKind::from_name(kind)?)
            }
            _ => return None,
        })
    }

    /// The methods that it takes.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            Self::Metrics | Self::Healthy | Self::Ready => "GET, HEAD",
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
    pub(super) options: ServerOptions,
    pub(super) services: Services,
    pub(super) scrapes: Scrapes,
    pub(super) intake: Intake,
}

impl Site {
    pub(super) fn new(options: ServerOptions, services: Services) -> Self {
        Self {
            options,
            services,
            scrapes: Scrapes::new(),
            intake: Intake::new(),
        }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        self.route(request, peer)
            .await
            .unwrap_or_else(Problem::into_answer)
    }

    async fn route(&self, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Problem> {
        let path = request.uri().path().to_owned();
        let route = Route::of(&path, &self.options).ok_or_else(|| {
            Problem::new(
                Reason::UnknownPath,
                "Nothing is served here. The paths are listed at /api/v1/openapi.json.",
            )
        })?;
        if !route.takes(request.method()) {
            return Err(Problem::method(route.methods()));
        }
        match route {
            Route::Metrics => scrape::answer(self, request.headers()),
            Route::Healthy => Ok(health::healthy()),
            Route::Ready => health::ready(self),
            Route::Reload => health::reload(self, &request, peer).await,
            Route::Ingest(org, kind) => Ok(ingest::answer(self, org, kind, request, peer).await),
        }
    }
}
