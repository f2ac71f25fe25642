use std::io::{self, Read};

/// Room for most header sections.
const ROOM_BYTES: usize = 64 * 1024;
/// Room for those that any client takes: curl's limit is 300 kB, Chromium's 256 KiB, Envoy's 60 KiB unless told otherwise.
const ROOM_MAX_BYTES: usize = 512 * 1024;

/// Bytes that arrived on a connection and were not used yet, in a buffer that serves all answers.
pub(crate) struct Inflow {
    buffer: Vec<u8>,
    used: usize,
    filled: usize,
    any: bool,
}

impl Default for Inflow {
    fn default() -> Self {
        Self { buffer: vec![0; ROOM_BYTES], used: 0, filled: 0, any: false }
    }
}

impl Inflow {
    /// What has arrived.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.used..self.filled]
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == self.filled
    }

    /// Marks the first `count` bytes as used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.used += count;
        debug_assert!(self.used <= self.filled, "only what arrived is used");
    }

    /// Forgets everything: what comes next answers another request.
    pub(crate) fn clear(&mut self) {
        (self.used, self.filled, self.any) = (0, 0, false);
    }

    /// Whether any byte has come on this connection since the last [`clear`](Self::clear).
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Waits for more bytes and returns how many came; 0 once the peer has closed.
    ///
    /// # Errors
    ///
    /// Those of the connection, and `OutOfMemory` where what is left unused fills the largest buffer.
    pub(crate) fn fill(&mut self, connection: &mut impl Read) -> io::Result<usize> {
        self.buffer.copy_within(self.used..self.filled, 0);
        (self.used, self.filled) = (0, self.filled - self.used);
        if self.filled == self.buffer.len() {
            self.buffer.resize(ROOM_MAX_BYTES, 0);
        }
        if self.filled == self.buffer.len() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        loop {
            match connection.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.filled += count;
                    self.any |= count > 0;
                    return Ok(count);
                }
            }
        }
    }
}
