//! Decoding of compressed bodies, watched while it happens: what grows beyond its limit is refused at the limit, never
//! after it.

use super::budget::Share;
use super::limits::DECODED_BYTES;
use super::problem::{Problem, ProblemReason};
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// How much is decoded between two looks at the limits.
const STEP_BYTES: usize = 64 * 1024;

/// Decodes gzip of one member or several. Every byte is taken from `share` before it is made.
///
/// # Errors
/// When the input is damaged, becomes larger than a body may be, or there is no memory for it now.
pub(super) fn gunzip(packed: &[u8], share: &mut Share) -> Result<Vec<u8>, Problem> {
    let mut decoder = MultiGzDecoder::new(packed);
    let mut body = Vec::new();
    loop {
        if body.len() == body.capacity() {
            make_room(&mut body, share)?;
        }
        let room = (body.capacity() - body.len()).min(STEP_BYTES) as u64;
        let read = decoder
            .by_ref()
            .take(room)
            .read_to_end(&mut body)
            .map_err(|error| {
                Problem::new(
                    ProblemReason::BodyDamaged,
                    format!("The gzip body cannot be decoded: {error}. Compress it again; nothing was taken."),
                )
            })?;
        if read == 0 {
            return Ok(body);
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
fn make_room(body: &mut Vec<u8>, share: &mut Share) -> Result<(), Problem> {
    let wanted = (body.capacity() * 2).clamp(STEP_BYTES, DECODED_BYTES + STEP_BYTES);
    let more = wanted - body.capacity();
    share.grow(more)?;
    body.reserve_exact(more);
    Ok(())
}
