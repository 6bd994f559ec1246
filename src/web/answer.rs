//! Answers and their bodies: whole in memory, or pulled chunk by chunk as the client takes them.

use super::connection::Request;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// What the server sends back.
pub(super) type Answer = Response<AnswerBody>;

/// A body that is made while it is sent.
pub trait ChunkSource: Send {
    /// The next piece, `None` at the end. Called on the connection's task: a piece takes well under a millisecond.
    fn next(&mut self) -> Option<Bytes>;

    /// How many bytes all pieces have together, where that is known before they are made.
    fn content_length(&self) -> Option<u64>;
}

enum Content {
    Whole(Option<Bytes>),
    Chunks(Box<dyn ChunkSource>),
}

/// The body of an answer, with what must live as long as it is being sent.
pub(super) struct AnswerBody {
    content: Content,
    left: Option<u64>,
    slot: Option<OwnedSemaphorePermit>,
    request: Option<Request>,
}

impl AnswerBody {
    fn whole(bytes: Bytes) -> Self {
        let left = Some(bytes.len() as u64);
        let content = Content::Whole((!bytes.is_empty()).then_some(bytes));
        Self {
            content,
            left,
            slot: None,
            request: None,
        }
    }

    /// A body that keeps `slot` until its last byte has been handed to the connection.
    pub(super) fn chunks(source: Box<dyn ChunkSource>, slot: OwnedSemaphorePermit) -> Self {
        let left = source.content_length();
        Self {
            content: Content::Chunks(source),
            left,
            slot: Some(slot),
            request: None,
        }
    }

    /// Ties the connection's request to the body: it ends when the body has been sent or dropped.
    pub(super) fn with_request(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }

    fn count(&mut self, bytes: &Bytes) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes.len() as u64);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.content {
            Content::Whole(bytes) => bytes.take(),
            Content::Chunks(source) => source.next(),
        };
        if let Some(bytes) = &piece {
            self.count(bytes);
        } else {
            self.slot = None;
        }
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// An answer with a whole body and the headers that every answer has.
pub(super) fn answer(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut response = streamed(
        AnswerBody::whole(body.into()),
        HeaderValue::from_static(media_type),
    );
    *response.status_mut() = status;
    response
}

/// An answer with any body.
pub(super) fn streamed(body: AnswerBody, media_type: HeaderValue) -> Answer {
    let mut response = Response::new(body);
    for (name, value) in EVERY_ANSWER {
        set(&mut response, name, HeaderValue::from_static(value));
    }
    set(&mut response, CONTENT_TYPE, media_type);
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut response = answer(status, "text/plain; charset=utf-8", Bytes::new());
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// An answer of JSON.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    answer(
        status,
        "application/json",
        serde_json::to_vec(value).unwrap_or_default(),
    )
}

/// Sets a header, replacing what was there.
pub(super) fn set(response: &mut Answer, name: HeaderName, value: HeaderValue) {
    drop(response.headers_mut().insert(name, value));
}

/// What every answer carries: nothing is sniffed, framed, embedded, cached or told to others. A page adds its style.
const EVERY_ANSWER: [(HeaderName, &str); 6] = [
    (hyper::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (hyper::header::X_FRAME_OPTIONS, "DENY"),
    (hyper::header::REFERRER_POLICY, "no-referrer"),
    (hyper::header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        hyper::header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
];
