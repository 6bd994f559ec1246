//! Bodies of answers: whole ones, ones that do not end, and ones that end too early.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Body, Frame, SizeHint};
use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A body.
pub(in crate::simulator) enum SimBody {
    /// All at once.
    Whole(Option<Bytes>),
    /// So many pieces of blanks.
    Pieces(usize),
    /// Some bytes, and then the connection breaks.
    Broken(Option<Bytes>),
    /// A blank a second, for ever.
    Trickle(Pin<Box<Sleep>>),
}

/// 1 MiB.
static PIECE: [u8; 1 << 20] = [b' '; 1 << 20];

impl SimBody {
    /// A whole body as gzip.
    pub(in crate::simulator) fn packed(self) -> Self {
        let Self::Whole(Some(bytes)) = self else {
            return self;
        };
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        match packer.write_all(&bytes).and_then(|()| packer.finish()) {
            Ok(packed) => Self::Whole(Some(packed.into())),
            Err(_) => Self::Whole(Some(bytes)),
        }
    }

    /// A blank a second, for ever.
    pub(in crate::simulator) fn trickle() -> Self {
        Self::Trickle(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    pub(in crate::simulator) fn text(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match &mut *self {
            Self::Whole(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Self::Pieces(0) => None,
            Self::Pieces(left) => {
                *left -= 1;
                Some(Ok(Frame::data(Bytes::from_static(&PIECE))))
            }
            Self::Broken(bytes) => Some(match bytes.take() {
                Some(bytes) => Ok(Frame::data(bytes)),
                None => Err(io::ErrorKind::ConnectionReset.into()),
            }),
            Self::Trickle(sleep) => {
                ready!(sleep.as_mut().poll(context));
                sleep.as_mut().reset(Instant::now() + Duration::from_secs(1));
                Some(Ok(Frame::data(Bytes::from_static(b" "))))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces(_) | Self::Broken(_) | Self::Trickle(_) => SizeHint::default(),
        }
    }
}
