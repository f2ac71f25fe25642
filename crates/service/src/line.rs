//! What is spoken on `tcp` ports: a line asks, a line answers.

use std::io;

use hyper::body::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Reads up to and including the next line feed and returns the number of bytes; 0 where the stream ends before any.
/// What the line says is not kept, so its length costs no memory.
pub(crate) async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<u64> {
    let mut read = 0;
    loop {
        let chunk = stream.fill_buf().await?;
        if chunk.is_empty() {
            return if read == 0 { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let end = chunk.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let used = end.unwrap_or(chunk.len());
        stream.consume(used);
        read += used as u64;
        if end.is_some() {
            return Ok(read);
        }
    }
}

/// A line of `bytes` bytes with its line feed; at least the line feed.
pub(crate) fn line_of(bytes: u64) -> Bytes {
    let mut line = filler(bytes.max(1)).to_vec();
    line.pop();
    line.push(b'\n');
    line.into()
}

/// `bytes` bytes of text without a line feed: the same text each time, for compression or checksums on the way must find
/// the same work in each arm.
pub(crate) fn filler(bytes: u64) -> Bytes {
    const TEXT: &[u8] = b"The Comedy of Errors is one of William Shakespeare's early plays. It is his shortest. ";
    TEXT.iter().copied().cycle().take(usize::try_from(bytes).expect("a machine that runs this has 64 bits")).collect()
}

#[cfg(test)]
mod tests;
