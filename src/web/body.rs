//! Bodies of requests: read within size, pace and budget, then decoded, watched while it happens: what grows beyond its
//! limit is refused at the limit, never after it.

use super::limits::{
    BODY_BYTES_PER_SECOND, BODY_GRACE, DECODE_INLINE_BYTES, DECODED_BYTES, DECODERS, DRAIN_BYTES,
    DRAIN_FOR, WIRE_BYTES,
};
use super::problem::{Problem, ProblemReason};
use super::routes::Sender;
use super::shares::{Pool, Share};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Body as _;
use hyper::header::CONTENT_ENCODING;
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, Read};
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
            let left = most.saturating_sub(body.capacity());
            let more = body.capacity().min(left).max(data.len());
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

/// How much is decoded between two looks at the limits.
const STEP_BYTES: usize = 64 * 1024;
/// The largest window of a zstd frame: what every decoder has to support, by RFC 8878, and what no level below --ultra
/// exceeds.
const ZSTD_WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// Decodes a body. Every byte is taken from `share` before it is made.
///
/// # Errors
/// When the input is damaged, becomes larger than a body may be, or there is no memory for it now.
fn unpack(packing: Packing, packed: &[u8], share: &Share) -> Result<Bytes, Problem> {
    let mut body = Vec::new();
    match packing {
        Packing::None => return Ok(Bytes::copy_from_slice(packed)),
        Packing::Gzip => read_all(MultiGzDecoder::new(packed), &mut body, share)?,
        // The name means zlib, and some senders take it by its word.
        Packing::Deflate if is_zlib(packed) => {
            read_all(ZlibDecoder::new(packed), &mut body, share)?;
        }
        Packing::Deflate => read_all(DeflateDecoder::new(packed), &mut body, share)?,
        Packing::Zstd => {
            let (mut rest, mut granted) = (packed, 0);
            while !rest.is_empty() {
                let window = zstd_window(rest).ok_or_else(|| damaged("no zstd frame"))?;
                if window > ZSTD_WINDOW_BYTES {
                    return Err(Problem::new(
                        ProblemReason::DecodedTooLarge,
                        "The zstd body needs a window of more than 8 MiB. Compress it without --long or --ultra.",
                    ));
                }
                share.grow(window.saturating_sub(granted))?;
                granted = granted.max(window);
                let decoder = StreamingDecoder::new(&mut rest)
                    .map_err(|error| damaged(&error.to_string()))?;
                read_all(decoder, &mut body, share)?;
            }
        }
    }
    Ok(body.into())
}

/// The window that a frame asks for: a decoder holds as much, whatever the frame then says.
fn zstd_window(frame: &[u8]) -> Option<usize> {
    let (magic, rest) = frame.split_first_chunk::<4>()?;
    if *magic != 0xfd2f_b528_u32.to_le_bytes() {
        return None;
    }
    let (descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let (window, _) = rest.split_first()?;
        let base = 1_usize << (10 + (window >> 3));
        return Some(base + base / 8 * usize::from(window & 7));
    }
    // One segment: the window is the content, whose size stands behind the dictionary's number.
    let rest = rest.get([0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?..)?;
    match descriptor >> 6 {
        0 => rest.first().map(|size| usize::from(*size)),
        1 => rest.first_chunk().map(|size| usize::from(u16::from_le_bytes(*size)) + 256),
        2 => usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok(),
        _ => usize::try_from(u64::from_le_bytes(*rest.first_chunk()?)).ok(),
    }
}

/// Whether a stream has the two bytes that zlib begins with.
fn is_zlib(packed: &[u8]) -> bool {
    match packed {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

fn read_all(mut decoder: impl Read, body: &mut Vec<u8>, share: &Share) -> Result<(), Problem> {
    loop {
        if body.len() == body.capacity() {
            grow(body, share)?;
        }
        let free = (body.capacity() - body.len()).min(STEP_BYTES) as u64;
        let read = decoder.by_ref().take(free).read_to_end(body);
        if read.map_err(|error: io::Error| damaged(&error.to_string()))? == 0 {
            return Ok(());
        }
        if body.len() > DECODED_BYTES {
            return Err(Problem::new(
                ProblemReason::DecodedTooLarge,
                format!(
                    "The body has more than {DECODED_BYTES} bytes after decoding. Send it in smaller requests."
                ),
            ));
        }
    }
}

/// Doubles the capacity, so that decoding copies each byte about once, up to one step beyond the largest body.
fn grow(body: &mut Vec<u8>, share: &Share) -> Result<(), Problem> {
    let wanted = (body.capacity() * 2).clamp(STEP_BYTES, DECODED_BYTES + STEP_BYTES);
    let more = wanted - body.capacity();
    share.grow(more)?;
    body.reserve_exact(more);
    Ok(())
}

fn damaged(error: &str) -> Problem {
    Problem::new(
        ProblemReason::BodyDamaged,
        format!(
            "The compressed body cannot be decoded: {error}. Compress it again; nothing was taken."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_read_from_every_form_of_a_head() {
        let magic = [0x28, 0xb5, 0x2f, 0xfd];
        for (head, window) in [
            (&[0x00, 0x00][..], Some(1024)),
            (&[0x00, 0x6b], Some((1 << 23) + 3 * (1 << 20))),
            (&[0x00, 0xff], Some((1 << 41) + 7 * (1 << 38))),
            (&[0x20, 0x07], Some(7)),
            (&[0x21, 0x09, 0x07], Some(7)),
            (&[0x60, 0x01, 0x01], Some(513)),
            (&[0xa0, 0, 0, 0, 1], Some(1 << 24)),
            (&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0], Some(1 << 32)),
            (&[0xe0, 0, 0], None),
            (&[], None),
        ] {
            assert_eq!(zstd_window(&[&magic, head].concat()), window, "{head:?}");
        }
        assert_eq!(zstd_window(b"PK\x03\x04 no zstd"), None);
    }
}
