use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;

/// Orders to a process and its answers, a line each. Nobody is waited for who does not answer.
#[derive(Debug)]
pub(super) struct Pipe {
    orders: ChildStdin,
    answers: ChildStdout,
    /// What came of a line that has no end yet.
    begun: Vec<u8>,
    /// Whether the last order still has no answer.
    owes: bool,
}

impl Pipe {
    /// The process is to say something first, which this is about.
    pub(super) fn new(orders: ChildStdin, answers: ChildStdout) -> Self {
        Self { orders, answers, begun: Vec::new(), owes: true }
    }

    /// Gives an order, unless the last one still has no answer, and waits so long for what is owed.
    ///
    /// # Errors
    ///
    /// The process has ended or says what is no answer; one that is late (`TimedOut`) may come the next time.
    pub(super) fn ask<T: for<'a> Deserialize<'a>>(&mut self, order: &str, patience: Duration) -> io::Result<T> {
        if self.owes {
            // Who is late already is waited for no more.
            return self.take(Duration::ZERO);
        }
        self.orders.write_all(order.as_bytes())?;
        self.owes = true;
        self.take(patience)
    }

    /// The answer that is owed.
    pub(super) fn take<T: for<'a> Deserialize<'a>>(&mut self, patience: Duration) -> io::Result<T> {
        let line = self.line(Instant::now() + patience)?;
        self.owes = false;
        Ok(serde_json::from_slice(&line)?)
    }

    fn line(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE];
        while self.is_readable(deadline)? {
            let length = self.answers.read(&mut piece)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.begun.extend_from_slice(&piece[..length]);
            // Nothing comes after a line before the next order.
            if self.begun.ends_with(b"\n") {
                return Ok(std::mem::take(&mut self.begun));
            }
        }
        Err(io::ErrorKind::TimedOut.into())
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
