//! One connection's patience: a head has to come at once, a rest may last, a response has to be taken. hyper times
//! heads and rests with one timer; here they are two.

use super::limits::{
    GIVE_WAY_AFTER, HEAD_BYTES, HEAD_WITHIN, IDLE_WITHIN, PACE_BYTES_PER_SECOND, WRITE_BLOCKED_FOR,
    WRITE_PROGRESS_BYTES,
};
use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

const HEAD: u8 = 0;
const BUSY: u8 = 1;
const REST: u8 = 2;

/// Of a request that is being worked at: it is nobody's to end.
const NEVER: u64 = u64::MAX;

/// What a connection is doing and how fast its bytes move, shared between its stream and the requests on it.
#[derive(Clone)]
pub(super) struct ConnectionPace(Arc<PaceState>);

struct PaceState {
    phase: AtomicU8,
    begun: Instant,
    /// Until when the connection is fast enough, in milliseconds since it began.
    good_until: AtomicU64,
    cut: Notify,
}

impl ConnectionPace {
    /// A new connection owes a head.
    pub(super) fn new() -> Self {
        Self(Arc::new(PaceState {
            phase: AtomicU8::new(HEAD),
            begun: Instant::now(),
            good_until: AtomicU64::new(NEVER),
            cut: Notify::new(),
        }))
    }

    /// A whole head has come. Until the returned value is dropped the connection is busy, then it rests.
    pub(super) fn request(&self) -> Busy {
        self.0.phase.store(BUSY, Ordering::Relaxed);
        self.working();
        Busy(self.clone())
    }

    /// From now on bytes have to move: a body's or an answer's.
    pub(super) fn moving(&self) {
        let until = self.millis(Instant::now() + GIVE_WAY_AFTER);
        self.0.good_until.store(until, Ordering::Relaxed);
    }

    /// No bytes have to move: the request is being worked at.
    pub(super) fn working(&self) {
        self.0.good_until.store(NEVER, Ordering::Relaxed);
    }

    /// Notes that bytes have moved, which are good for as long as they take at the least rate.
    pub(super) fn moved(&self, bytes: usize) {
        let until = self.0.good_until.load(Ordering::Relaxed);
        if until == NEVER {
            return;
        }
        let now = self.millis(Instant::now());
        let most = now + GIVE_WAY_AFTER.as_millis() as u64;
        let worth = bytes as u64 * 1000 / u64::from(PACE_BYTES_PER_SECOND);
        let until = (until + worth).min(most);
        self.0.good_until.store(until, Ordering::Relaxed);
    }

    /// How long the connection has been too slow, in milliseconds; `None`: it is not.
    pub(super) fn late_by(&self, now: Instant) -> Option<u64> {
        let until = self.0.good_until.load(Ordering::Relaxed);
        self.millis(now).checked_sub(until).filter(|late| *late > 0)
    }

    /// Has the connection end: others need what it holds.
    pub(super) fn cut(&self) {
        self.0.cut.notify_one();
    }

    /// Completes when the connection has to give way.
    pub(super) async fn wait_until_cut(&self) {
        self.0.cut.notified().await;
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.0.begun).as_millis()).unwrap_or(NEVER - 1)
    }

    fn phase(&self) -> u8 {
        self.0.phase.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
pub(super) struct Busy(ConnectionPace);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.phase.store(REST, Ordering::Relaxed);
    }
}

/// A stream that ends by itself when its peer takes too long.
pub(super) struct Paced<T> {
    stream: T,
    /// What was read before, to be read again.
    first: Bytes,
    pace: ConnectionPace,
    timed: u8,
    read_by: Pin<Box<Sleep>>,
    blocked: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<T> Paced<T> {
    /// Times `stream`, of which `first` has been read; the rest of the first head is due by `head_by`.
    pub(super) fn new(stream: T, first: Bytes, head_by: Instant, pace: ConnectionPace) -> Self {
        Self {
            stream,
            first,
            pace,
            timed: HEAD,
            read_by: Box::pin(tokio::time::sleep_until(head_by)),
            blocked: None,
        }
    }

    fn time_reads(&mut self, phase: u8, within: Duration) {
        self.timed = phase;
        self.read_by.as_mut().reset(Instant::now() + within);
    }

    fn note_written(&mut self, written: &Poll<Result<usize>>, cx: &mut Context<'_>) -> Result<()> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.pace.moved(*bytes);
                if let Some((_, left)) = &mut self.blocked {
                    *left = left.saturating_sub(*bytes);
                    if *left == 0 {
                        self.blocked = None;
                    }
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let (until, _) = self.blocked.get_or_insert_with(|| {
                    (Box::pin(tokio::time::sleep(WRITE_BLOCKED_FOR)), WRITE_PROGRESS_BYTES)
                });
                if until.as_mut().poll(cx).is_ready() {
                    return Err(Error::new(ErrorKind::TimedOut, "the response was not taken"));
                }
            }
        }
        Ok(())
    }
}

impl<T: Read + Unpin> Read for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        let this = &mut *self;
        if !this.first.is_empty() {
            let fits = this.first.len().min(buf.remaining());
            buf.put_slice(&this.first.split_to(fits));
            return Poll::Ready(Ok(()));
        }
        let phase = this.pace.phase();
        if phase != this.timed {
            this.time_reads(phase, IDLE_WITHIN);
        }
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        match (phase, read) {
            (REST, Poll::Ready(read)) => {
                this.pace.0.phase.store(HEAD, Ordering::Relaxed);
                this.time_reads(HEAD, HEAD_WITHIN);
                Poll::Ready(read)
            }
            // A body's pace is watched by whoever reads it.
            (BUSY, read) => read,
            (_, Poll::Pending) => {
                ready!(this.read_by.as_mut().poll(cx));
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "no whole request in time")))
            }
            (_, read) => read,
        }
    }
}

impl<T: Write + Unpin> Write for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_written(&written, cx)?;
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.blocked = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_written(&written, cx)?;
        written
    }
}

/// How much is read at once; most heads are smaller.
const PIECE_BYTES: usize = 512;

/// Reads the first head of a connection before hyper makes its buffers: a client that drips costs what it has sent, not
/// 24 KiB. Ends when the head is whole, too large, or cut short; parsing is hyper's. The caller sets the time.
///
/// # Errors
/// When the connection fails.
pub(super) async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let looked_at = head.len();
        head.reserve(PIECE_BYTES);
        let piece = (&mut *stream).take(PIECE_BYTES as u64);
        let mut piece = std::pin::pin!(piece);
        if piece.read_buf(&mut head).await? == 0
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
