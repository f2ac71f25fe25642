use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use attribution::Translated;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use super::Opened;

/// Number of bytes read at once.
const PIECE: usize = 1 << 16;

/// Answer of a reader, as one line of JSON. A line that cannot be parsed is the rest of a reader that was killed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PipeAnswer {
    /// First line of a reader. Earlier readers have stopped answering.
    Begun(Begun),
    /// Contents of the tables, in answer to the order with this number.
    Told { order: u64, told: Translated },
}

/// A reader that has started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub opened: Opened,
    /// Process ids of the keeper and the reader.
    pub processes: [u32; 2],
}

/// The agent's pipe to its readers: numbered orders and their answers. Readers may be replaced at any time.
#[derive(Debug)]
pub(super) struct Pipe {
    orders: ChildStdin,
    answers: ChildStdout,
    /// Start of a line whose end has not arrived.
    begun: Vec<u8>,
    /// Number of the last order.
    order: u64,
    /// Whether the last order has no answer yet.
    owes: bool,
}

impl Pipe {
    pub(super) fn new(orders: ChildStdin, answers: ChildStdout) -> io::Result<Self> {
        // Writes need not block: the pipe has room for more orders than a running reader leaves unread.
        fcntl(&orders, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { orders, answers, begun: Vec::new(), order: 0, owes: false })
    }

    /// Waits until a reader has started.
    ///
    /// # Errors
    ///
    /// Returns an error if none starts within `patience`.
    pub(super) fn begin(&mut self, patience: Duration) -> io::Result<Begun> {
        let deadline = Instant::now() + patience;
        loop {
            if let PipeAnswer::Begun(begun) = self.answer(deadline)? {
                return Ok(begun);
            }
        }
    }

    /// Orders a reading and waits for its answer. If the last order has no answer yet, only what has already arrived is
    /// read. `follow` is called for each reader that has started since.
    ///
    /// # Errors
    ///
    /// Returns an error if there are no readers any more, or `TimedOut` if the reader is late. Its answer may arrive at
    /// the next call.
    pub(super) fn ask(&mut self, patience: Duration, mut follow: impl FnMut(Begun)) -> io::Result<Translated> {
        // A reader that is already late gets no more time.
        let mut deadline = Instant::now();
        if !self.owes {
            self.order()?;
            deadline += patience;
        }
        loop {
            match self.answer(deadline)? {
                PipeAnswer::Begun(begun) => {
                    follow(begun);
                    // The orders that the earlier reader had read are lost.
                    self.order()?;
                    deadline = Instant::now() + patience;
                }
                PipeAnswer::Told { order, told } if order == self.order => {
                    self.owes = false;
                    return Ok(told);
                }
                PipeAnswer::Told { .. } => {}
            }
        }
    }

    fn order(&mut self) -> io::Result<()> {
        // One write of one line is atomic in a pipe: it succeeds whole or fails.
        self.orders.write_all(format!("{}\n", self.order + 1).as_bytes())?;
        self.order += 1;
        self.owes = true;
        Ok(())
    }

    /// Returns the next answer that can be parsed.
    fn answer(&mut self, deadline: Instant) -> io::Result<PipeAnswer> {
        loop {
            let line = self.line(deadline)?;
            if let Ok(answer) = serde_json::from_slice(&line) {
                return Ok(answer);
            }
        }
    }

    fn line(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE];
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let rest = self.begun.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.begun, rest));
            }
            if !self.is_readable(deadline)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.answers.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.begun.extend_from_slice(&piece[..length]),
            }
        }
    }

    fn is_readable(&self, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut wanted = [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wanted, left) {
            Err(nix::errno::Errno::EINTR) => Ok(true),
            ready => Ok(ready? > 0),
        }
    }
}
