//! The first head of a connection, read before hyper makes its buffers: a client that drips costs what it has sent, not
//! 24 KiB. Parsing is hyper's; here only the end is looked for.

use super::limits::HEAD_BYTES;
use std::io::Result;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once; most heads are smaller.
const PIECE_BYTES: usize = 512;

/// Reads until a head is whole, too large, or cut short; what hyper makes of it is its affair. The caller sets the time.
///
/// # Errors
/// When the connection fails.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let looked_at = head.len();
        head.reserve(PIECE_BYTES);
        let room = (&mut *stream).take(PIECE_BYTES as u64);
        let mut room = std::pin::pin!(room);
        if room.read_buf(&mut head).await? == 0
            || is_whole(&head, looked_at)
            || head.len() >= HEAD_BYTES
        {
            return Ok(head);
        }
    }
}

/// Whether `head` has an empty line after its first line, given that there was none in its first `looked_at` bytes.
fn is_whole(head: &[u8], looked_at: usize) -> bool {
    let begin = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(head.len());
    let new = head.get(begin.max(looked_at.saturating_sub(3))..).unwrap_or_default();
    memchr::memchr_iter(b'\n', new).any(|end| {
        let rest = new.get(end + 1..).unwrap_or_default();
        rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_pieces_are_cut() {
        for head in [
            &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
            b"GET / HTTP/1.0\n\n",
            b"\r\n\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            for cut in 0..head.len() {
                assert!(!is_whole(&head[..cut], cut.saturating_sub(1)), "{cut}");
                assert!(is_whole(head, cut), "{cut}");
            }
        }
    }
}
