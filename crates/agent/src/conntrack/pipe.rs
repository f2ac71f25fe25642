use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use attribution::Translated;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use super::Opened;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;

/// What readers say, a line each. A line that makes no sense is the half one of a reader that was killed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PipeAnswer {
    /// The first word of each. Whoever was there before answers no more.
    Begun(Begun),
    /// What tables say, to the order with this number.
    Told { order: u64, told: Translated },
}

/// A reader that has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub opened: Opened,
    /// The keeper and the reader.
    pub processes: [u32; 2],
}

/// Numbered orders to readers, who may follow one another, and their answers. Nobody is waited for who does not answer.
#[derive(Debug)]
pub(super) struct Pipe {
    orders: ChildStdin,
    answers: ChildStdout,
    /// What came of a line that has no end yet.
    begun: Vec<u8>,
    /// The last order, and whether it still has no answer.
    order: u64,
    owes: bool,
}

impl Pipe {
    pub(super) fn new(orders: ChildStdin, answers: ChildStdout) -> io::Result<Self> {
        // There is room for more orders than anybody is given who reads them.
        fcntl(&orders, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { orders, answers, begun: Vec::new(), order: 0, owes: false })
    }

    /// Waits so long for a reader to begin.
    ///
    /// # Errors
    ///
    /// None does.
    pub(super) fn begin(&mut self, patience: Duration) -> io::Result<Begun> {
        let deadline = Instant::now() + patience;
        loop {
            if let PipeAnswer::Begun(begun) = self.answer(deadline)? {
                return Ok(begun);
            }
        }
    }

    /// Has tables read, unless the last order still has no answer, and waits so long for what is owed; calls `follow` with each
    /// reader that has begun since.
    ///
    /// # Errors
    ///
    /// There are no readers any more; or the one that there is is late (`TimedOut`), and its answer may come the next time.
    pub(super) fn ask(&mut self, patience: Duration, mut follow: impl FnMut(Begun)) -> io::Result<Translated> {
        // Who is late already is waited for no more.
        let mut deadline = Instant::now();
        if !self.owes {
            self.order()?;
            deadline += patience;
        }
        loop {
            match self.answer(deadline)? {
                PipeAnswer::Begun(begun) => {
                    follow(begun);
                    // What the one before had read of orders went with it.
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
        // In one piece, which goes whole or not at all.
        self.orders.write_all(format!("{}\n", self.order + 1).as_bytes())?;
        self.order += 1;
        self.owes = true;
        Ok(())
    }

    /// The next answer.
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
