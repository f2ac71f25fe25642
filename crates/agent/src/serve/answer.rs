//! The body of an answer, which is decompressed while it is sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::rendering::Rendering;
use super::turn::Turn;
use crate::encoding::Unpacker;

/// Number of bytes that are decompressed at once.
const PIECE: usize = 16 << 10;

/// The contents of an answer.
pub(super) enum Content {
    /// Bytes that are sent as they are.
    Whole(Bytes),
    /// Compressed text that is decompressed piece by piece. The number is the bytes that are left.
    Packed(Unpacker, u64),
}

impl Content {
    pub fn of(rendering: &Rendering, is_compressed: bool) -> Self {
        let packed = rendering.packed.clone();
        if is_compressed { Self::Whole(packed) } else { Self::Packed(Unpacker::new(packed), rendering.length) }
    }

    fn left(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Packed(_, left) => *left,
        }
    }

    fn next(&mut self) -> Bytes {
        match self {
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Packed(unpacker, left) => {
                let piece = unpacker.next((*left).min(PIECE as u64) as usize);
                *left -= piece.len() as u64;
                piece
            }
        }
    }
}

/// The body of an answer. When it has been written, the connection may send its next request.
pub(super) struct Answer {
    pub content: Content,
    pub turn: Rc<Turn>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.turn.leave();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready((!self.is_end_stream()).then(|| Ok(Frame::data(self.content.next()))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.left())
    }
}
