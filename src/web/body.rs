//! Bodies of requests: read within size, pace and budget, then decoded.

use super::inflate::unpack;
use super::limits::{
    BODY_BYTES_PER_SECOND, BODY_GRACE, DECODE_INLINE_BYTES, DECODERS, DRAIN_BYTES, DRAIN_FOR,
    WIRE_BYTES,
};
use super::problem::{Problem, ProblemReason};
use super::routes::Sender;
use super::shares::{Pool, Share};
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
    memory: Pool,
    decoders: Arc<Semaphore>,
}

/// Whether a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Deflate,
    Zstd,
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
                "This Content-Encoding is not taken. Send the body as it is, or with gzip, zstd or deflate alone.",
            )
        };
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::None),
            (Some(value), None) => match value.as_bytes().to_ascii_lowercase().as_slice() {
                b"identity" | b"" => Ok(Self::None),
                b"gzip" | b"x-gzip" => Ok(Self::Gzip),
                b"deflate" => Ok(Self::Deflate),
                b"zstd" => Ok(Self::Zstd),
                _ => Err(refused()),
            },
            (Some(_), Some(_)) => Err(refused()),
        }
    }
}

impl Bodies {
    /// Bodies that may need so many bytes, half of them for one sender.
    pub(super) fn new(memory: usize) -> Self {
        Self { memory: Pool::new(memory, memory / 2), decoders: Arc::new(Semaphore::new(DECODERS)) }
    }

    /// Reads a body as it is sent, of which `first` has come. The share has to live as long as the bytes.
    ///
    /// # Errors
    /// With the problem to answer; what is left of the body is in `incoming`.
    pub(super) async fn read(
        &self,
        first: Bytes,
        incoming: &mut Body,
        from: &Sender,
    ) -> Result<(Bytes, Share), Problem> {
        let share = self.memory.take(&from.key, &from.pace, 0)?;
        let wire = read_wire(first, incoming, &share, from).await?;
        from.pace.working();
        Ok((wire, share))
    }

    /// Decodes a body that was read.
    ///
    /// # Errors
    /// With the problem to answer.
    pub(super) async fn decode(
        &self,
        wire: Bytes,
        share: Share,
        packing: Packing,
    ) -> Result<(Bytes, Share), Problem> {
        if packing == Packing::None {
            return Ok((wire, share));
        }
        if wire.len() <= DECODE_INLINE_BYTES {
            return Ok((unpack(packing, &wire, &share)?, share));
        }
        let internal = || {
            Problem::new(
                ProblemReason::Internal,
                "The body could not be decoded here. Send it again.",
            )
        };
        let slot = Arc::clone(&self.decoders).acquire_owned().await.map_err(|_| internal())?;
        tokio::task::spawn_blocking(move || {
            let unpacked = unpack(packing, &wire, &share);
            drop(slot);
            Ok((unpacked?, share))
        })
        .await
        .map_err(|_| internal())?
    }
}

/// The first bytes of a body; until they are there, a request holds nothing of what is shared.
///
/// # Errors
/// With the problem to answer.
pub(super) async fn first_bytes(incoming: &mut Body) -> Result<Bytes, Problem> {
    if incoming.size_hint().lower() > WIRE_BYTES as u64 {
        return Err(too_large());
    }
    let until = Instant::now() + BODY_GRACE;
    Ok(next_bytes(incoming, until).await?.unwrap_or_default())
}

async fn read_wire(
    first: Bytes,
    incoming: &mut Body,
    share: &Share,
    from: &Sender,
) -> Result<Bytes, Problem> {
    let declared = incoming.size_hint().upper();
    let declared = declared.and_then(|left| usize::try_from(left).ok());
    let most = declared.map_or(WIRE_BYTES, |left| (first.len() + left).min(WIRE_BYTES));
    let begun = Instant::now();
    from.pace.moving();
    let mut body = BytesMut::new();
    let mut next = Some(first);
    while let Some(data) = next {
        if body.len() + data.len() > WIRE_BYTES {
            return Err(too_large());
        }
        if body.len() + data.len() > body.capacity() {
            let room = most.saturating_sub(body.capacity());
            let more = body.capacity().min(room).max(data.len());
            share.grow(more)?;
            body.reserve(more);
        }
        body.extend_from_slice(&data);
        from.pace.moved(data.len());
        let earned = Duration::from_secs_f64(body.len() as f64 / f64::from(BODY_BYTES_PER_SECOND));
        next = next_bytes(incoming, begun + BODY_GRACE + earned).await?;
    }
    Ok(body.freeze())
}

/// The next bytes of a body, due by `until`; trailers say nothing that we use.
async fn next_bytes(incoming: &mut Body, until: Instant) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = timeout_at(until, incoming.frame()).await.map_err(|_| {
            Problem::new(
                ProblemReason::BodyTooSlow,
                format!(
                    "The body came slower than {BODY_BYTES_PER_SECOND} bytes a second after {} s. Send it in smaller requests.",
                    BODY_GRACE.as_secs()
                ),
            )
        })?;
        let Some(frame) = frame else {
            return Ok(None);
        };
        let frame = frame.map_err(|error| {
            Problem::new(
                ProblemReason::BodyCutShort,
                format!("The connection ended before the body did: {error}. Send it again; nothing was taken."),
            )
        })?;
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
}

fn too_large() -> Problem {
    Problem::new(
        ProblemReason::BodyTooLarge,
        format!(
            "The body has more than {WIRE_BYTES} bytes. Send it in smaller requests, or compressed."
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
