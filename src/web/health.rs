//! Alive, ready, reload.

use super::access::{NotLocal, Requester};
use super::answer::answer;
use super::problem::{FieldError, Problem, ProblemReason};
use super::routes::{Sender, WebState};
use crate::domain::view::View;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use hyper::StatusCode;
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";

/// Whether the process is alive
#[utoipa::path(get, path = "/-/healthy", responses((status = 200, body = String)))]
pub(super) async fn healthy() -> Response {
    answer(StatusCode::OK, TEXT, "The daemon is alive.\n")
}

/// Whether it can answer for what it says: the View moves, and the store takes what is pushed
#[utoipa::path(get, path = "/-/ready", responses((status = 200, body = String)))]
pub(super) async fn ready(State(site): State<Arc<WebState>>) -> Result<Response, Problem> {
    let services = &site.services;
    let view = (services.view)();
    let not_ready = |detail: String| Problem::new(ProblemReason::NotReady, detail);
    if !view.is_fresh((services.now)()) {
        return Err(not_ready(format!(
            "The engine last published at {}, more than {} s ago. Look in the log for what holds it up.",
            view.as_of,
            View::FRESH_FOR.num_seconds()
        )));
    }
    if view.store_failing {
        return Err(not_ready(
            "The store cannot write, so nothing that is pushed is taken. Look in the log for its error; senders retry."
                .to_owned(),
        ));
    }
    let says = if view.role.leads() {
        "The daemon is ready.\n".to_owned()
    } else {
        format!("The daemon is ready. {}\n", view.role)
    };
    Ok(answer(StatusCode::OK, TEXT, says))
}

/// Read the configuration again; with a password, or with --web.enable-lifecycle from this host
#[utoipa::path(post, path = "/-/reload", responses((status = 200, body = String)))]
pub(super) async fn reload(
    State(site): State<Arc<WebState>>,
    Extension(from): Extension<Sender>,
    request: Request,
) -> Result<Response, Problem> {
    let requester = Requester::of(&request, from.peer);
    let allowed = match (site.is_guarded(), site.options.lifecycle) {
        // Who asks has shown a password; a page of another site may have had the browser show it.
        (true, _) if requester.is_of_ours() => Ok(()),
        (true, _) => Err(NotLocal::Origin),
        (false, true) => requester.is_local(&[]),
        (false, false) => {
            return Err(Problem::new(
                ProblemReason::LifecycleDisabled,
                "A reload over HTTP takes users in --web.config.file, or --web.enable-lifecycle. Send SIGHUP instead.",
            ));
        }
    };
    allowed.map_err(|not_local| {
        Problem::new(
            ProblemReason::LocalOnly,
            format!("{} Send SIGHUP instead.", not_local.sentence()),
        )
    })?;
    drop(request);
    (site.services.reload)().await.map_err(|errors| {
        let errors = errors
            .lines()
            .map(|line| FieldError::new(0, "", line))
            .collect();
        Problem::new(
            ProblemReason::ReloadFailed,
            "The configuration has mistakes and the old one stays in force. Correct them and reload again.",
        )
        .with_errors(errors)
    })?;
    Ok(answer(StatusCode::OK, TEXT, "The configuration was read again.\n"))
}
