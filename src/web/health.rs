//! Alive, ready, reload.

use super::access::Requester;
use super::answer::{Answer, answer};
use super::problem::{FieldError, Problem, ProblemReason};
use super::routes::Site;
use crate::domain::view::View;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use std::net::SocketAddr;

const TEXT: &str = "text/plain; charset=utf-8";

/// The process is alive: it answers.
pub(super) fn healthy() -> Answer {
    answer(StatusCode::OK, TEXT, "The daemon is alive.\n")
}

/// What it says can be relied on: the View moves, and the store takes what is pushed.
pub(super) fn ready(site: &Site) -> Result<Answer, Problem> {
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
    (services.ready)().map_err(not_ready)?;
    Ok(answer(StatusCode::OK, TEXT, "The daemon is ready.\n"))
}

/// Reads the configuration again, for this host only.
pub(super) async fn reload(
    site: &Site,
    request: &Request<Incoming>,
    peer: SocketAddr,
) -> Result<Answer, Problem> {
    Requester::of(request, peer)
        .is_local(&[])
        .map_err(|not_local| {
            Problem::new(
                ProblemReason::LocalOnly,
                format!(
                    "{} Send SIGHUP, or ask from this host.",
                    not_local.sentence()
                ),
            )
        })?;
    (site.services.reload)().await.map_err(|errors| {
        let errors = errors
            .lines()
            .map(|line| FieldError {
                line: 0,
                field: String::new(),
                message: line.to_owned(),
            })
            .collect();
        Problem::new(
            ProblemReason::ReloadFailed,
            "The configuration has mistakes and the old one stays in force. Correct them and reload again.",
        )
        .with_errors(errors)
    })?;
    Ok(answer(
        StatusCode::OK,
        TEXT,
        "The configuration was read again.\n",
    ))
}
