//! Answers and their bodies: whole in memory, or pulled chunk by chunk as the client takes them.

use super::problem::{Problem, ProblemReason};
use super::shares::Share;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body as HttpBody, Frame};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The pieces of a body, made while it is sent on the connection's task: each takes well under a millisecond.
pub type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// Pieces with a turn that is over when the last byte has been handed to the connection.
pub(super) struct Chunks(pub(super) Pieces, pub(super) Option<Share>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.next();
        if piece.is_none() {
            self.1 = None;
        }
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Bytes of an answer with their share of the memory for answers, which goes back with the last of them.
pub(super) struct SharedBytes {
    pub(super) bytes: Bytes,
    pub(super) _share: Share,
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer with the headers that every answer has.
pub(super) fn answer(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    for (name, value) in EVERY_ANSWER {
        set(&mut response, name, HeaderValue::from_static(value));
    }
    set(&mut response, CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An answer of JSON.
///
/// # Errors
/// When it cannot be written.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|_| {
        Problem::new(ProblemReason::Internal, "The answer could not be written as JSON.")
    })?;
    Ok(answer(StatusCode::OK, "application/json", body))
}

/// Sets a header, replacing what was there.
pub(super) fn set(response: &mut Response, name: HeaderName, value: HeaderValue) {
    drop(response.headers_mut().insert(name, value));
}

/// What every answer carries: nothing is sniffed, framed, embedded, cached or passed on to others. A page adds its style.
const EVERY_ANSWER: [(HeaderName, &str); 6] = [
    (hyper::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (hyper::header::X_FRAME_OPTIONS, "DENY"),
    (hyper::header::REFERRER_POLICY, "no-referrer"),
    (hyper::header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        hyper::header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
];
