//! Decoding of compressed bodies, watched while it happens: what grows beyond its limit is refused at the limit, never
//! after it.

use super::body::Packing;
use super::limits::DECODED_BYTES;
use super::problem::{Problem, ProblemReason};
use super::shares::Share;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, Read};

/// How much is decoded between two looks at the limits.
const STEP_BYTES: usize = 64 * 1024;
/// The largest window of a zstd frame: what every decoder has to support, by RFC 8878, and what no level below --ultra
/// exceeds.
const ZSTD_WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// Decodes a body. Every byte is taken from `share` before it is made.
///
/// # Errors
/// When the input is damaged, becomes larger than a body may be, or there is no memory for it now.
pub(super) fn unpack(packing: Packing, packed: &[u8], share: &Share) -> Result<Bytes, Problem> {
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
            make_room(body, share)?;
        }
        let room = (body.capacity() - body.len()).min(STEP_BYTES) as u64;
        let read = decoder.by_ref().take(room).read_to_end(body);
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

/// Doubles the room, so that decoding copies each byte about once, up to one step beyond the largest body.
fn make_room(body: &mut Vec<u8>, share: &Share) -> Result<(), Problem> {
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
