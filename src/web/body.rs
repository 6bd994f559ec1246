//! Bodies of requests: read within size, pace and budget, then decoded.

use super::budget::{Budget, Share};
use super::inflate::gunzip;
use super::limits::{
    BODY_BYTES_PER_SECOND, BODY_GRACE, DECODE_INLINE_BYTES, DECODERS, DRAIN_BYTES, DRAIN_FOR,
    WIRE_BYTES,
};
use super::problem::{Problem, ProblemReason};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Body as _;
use hyper::header::CONTENT_ENCODING;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Reads bodies.
pub(super) struct Bodies {
    budget: Budget,
    decoders: Arc<Semaphore>,
}

/// Whether a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
}

impl Packing {
    /// The packing that the headers name.
    ///
    /// # Errors
    /// When it is none that we decode.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let refused = || {
            Problem::new(
                ProblemReason::EncodingUnsupported,
                "This Content-Encoding is not taken. Send the body as it is, or with gzip alone.",
            )
        };
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::None),
            (Some(value), None) => match value.as_bytes().to_ascii_lowercase().as_slice() {
                b"identity" | b"" => Ok(Self::None),
                b"gzip" | b"x-gzip" => Ok(Self::Gzip),
                _ => Err(refused()),
            },
            (Some(_), Some(_)) => Err(refused()),
        }
    }
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self {
            budget: Budget::new(),
            decoders: Arc::new(Semaphore::new(DECODERS)),
        }
    }

    /// Reads and decodes a body. The share has to live as long as the bytes.
    ///
    /// # Errors
    /// With the problem to answer; what is left of the body is in `incoming`.
    pub(super) async fn read(
        &self,
        incoming: &mut Body,
        packing: Packing,
    ) -> Result<(Bytes, Share), Problem> {
        let mut share = self.budget.share();
        let wire = read_wire(incoming, &mut share).await?;
        if packing == Packing::None {
            return Ok((wire, share));
        }
        if wire.len() <= DECODE_INLINE_BYTES {
            return unpack(&wire, share);
        }
        let internal = || {
            Problem::new(
                ProblemReason::Internal,
                "The body could not be decoded here. Send it again.",
            )
        };
        let slot = Arc::clone(&self.decoders)
            .acquire_owned()
            .await
            .map_err(|_| internal())?;
        tokio::task::spawn_blocking(move || {
            let unpacked = unpack(&wire, share);
            drop(slot);
            unpacked
        })
        .await
        .map_err(|_| internal())?
    }
}

fn unpack(wire: &[u8], mut share: Share) -> Result<(Bytes, Share), Problem> {
    let body = gunzip(wire, &mut share)?;
    Ok((body.into(), share))
}

async fn read_wire(incoming: &mut Body, share: &mut Share) -> Result<Bytes, Problem> {
    let declared = incoming.size_hint();
    let most = WIRE_BYTES as u64;
    if declared.lower() > most {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    if let Some(exact) = declared.exact() {
        let exact = usize::try_from(exact).unwrap_or(WIRE_BYTES);
        share.grow(exact)?;
        body.reserve(exact);
    }
    let begun = Instant::now();
    loop {
        let earned = Duration::from_secs_f64(body.len() as f64 / f64::from(BODY_BYTES_PER_SECOND));
        let frame = timeout_at(begun + BODY_GRACE + earned, incoming.frame())
            .await
            .map_err(|_| {
                Problem::new(
                    ProblemReason::BodyTooSlow,
                    format!(
                        "The body came slower than {BODY_BYTES_PER_SECOND} bytes a second after {} s. Send it in smaller requests.",
                        BODY_GRACE.as_secs()
                    ),
                )
            })?;
        let Some(frame) = frame else {
            return Ok(body.freeze());
        };
        let frame = frame.map_err(|error| {
            Problem::new(
                ProblemReason::BodyCutShort,
                format!("The connection ended before the body did: {error}. Send it again; nothing was taken."),
            )
        })?;
        // Trailers say nothing that we use.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if body.len() + data.len() > WIRE_BYTES {
            return Err(too_large());
        }
        if body.len() + data.len() > body.capacity() {
            let more = body.capacity().clamp(data.len(), WIRE_BYTES);
            share.grow(more)?;
            body.reserve(more);
        }
        body.extend_from_slice(&data);
    }
}

fn too_large() -> Problem {
    Problem::new(
        ProblemReason::BodyTooLarge,
        format!(
            "The body has more than {WIRE_BYTES} bytes. Send it in smaller requests, or compressed with gzip."
        ),
    )
}

/// Reads what is left of a refused body and throws it away, within bounds, beside the answer.
pub(super) fn drain(mut incoming: Body) {
    if incoming.is_end_stream() {
        return;
    }
    drop(tokio::spawn(async move {
        let until = Instant::now() + DRAIN_FOR;
        let mut left = DRAIN_BYTES;
        while let Ok(Some(Ok(frame))) = timeout_at(until, incoming.frame()).await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }));
}
