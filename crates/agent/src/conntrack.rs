//! The kernel's tables of translated connections: one for each network namespace.
//!
//! The kernel wants CAP_NET_ADMIN of whoever asks for a table, each time. So a process of its own asks, in [`tell_tables`],
//! which listens to nobody but the agent; the agent's end of it, [`Conntrack`], needs no privilege. Another,
//! [`keep_tables`], keeps tables and that right for whoever asks next: when one of the two ends, the other starts a new one.

mod handover;
mod keeper;
mod names;
mod pipe;
mod reader;
mod table;

use std::cell::RefCell;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use attribution::Translated;
use serde::{Deserialize, Serialize};

use crate::privilege::PrivilegeError;
use pipe::{Begun, Pipe};

pub use keeper::{keep_tables, seen_tables};
pub use reader::tell_tables;

/// How long the processes may take to open what they may.
const START: Duration = Duration::from_secs(60);

/// How long a reading may take; one that is late is told the next time.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the processes may take to end.
const FAREWELL: Duration = Duration::from_millis(500);

/// Tables that are open, and those that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// How many are.
    pub tables: usize,
    /// What is not seen, with the reason.
    pub missing: Vec<String>,
}

/// The processes that keep and read tables; they end with this, and with the process that holds this, however that ends.
#[derive(Debug)]
pub struct Conntrack {
    keeper: Child,
    /// None once the agent takes its leave.
    pipe: RefCell<Option<Pipe>>,
    reader: RefCell<Begun>,
}

impl Conntrack {
    /// Starts `program`, which is to call [`keep_tables`], and waits until all is open that may be.
    ///
    /// # Errors
    ///
    /// The program does not start, or says nothing.
    pub fn start(program: &mut Command) -> io::Result<Self> {
        // Ctrl-C is for the agent, whose end is this one's.
        let mut keeper = program.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, answers) = (keeper.stdin.take(), keeper.stdout.take());
        let mut pipe = Pipe::new(orders.expect("it was asked for"), answers.expect("it was asked for"))?;
        let reader = pipe.begin(START)?;
        Ok(Self { keeper, pipe: RefCell::new(Some(pipe)), reader: RefCell::new(reader) })
    }

    /// What is seen.
    pub fn opened(&self) -> Opened {
        self.reader.borrow().opened.clone()
    }

    /// Its processes.
    pub fn processes(&self) -> [u32; 2] {
        self.reader.borrow().processes
    }

    /// Reads all tables. Without an answer in time none is read.
    pub fn read(&self) -> Translated {
        let mut pipe = self.pipe.borrow_mut();
        let pipe = pipe.as_mut().expect("it is open until the end");
        let told = pipe.ask(PATIENCE, |begun| drop(self.reader.replace(begun)));
        told.unwrap_or_else(|_| Translated {
            unread: self.reader.borrow().opened.tables as u64,
            ..Translated::default()
        })
    }
}

impl Drop for Conntrack {
    fn drop(&mut self) {
        // The end of orders is the reader's end, which is the keeper's.
        self.pipe.get_mut().take();
        let deadline = Instant::now() + FAREWELL;
        while matches!(self.keeper.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        // One that is stopped hears of nothing else. Who has ended cannot be killed.
        self.keeper.kill().ok();
    }
}

/// Why tables cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Nobody can be made to read them.
    #[error("cannot have tables read")]
    Start(#[source] io::Error),
    /// Nobody has any to give.
    #[error("cannot take tables")]
    Take(#[source] io::Error),
    /// Orders make no sense, or answers cannot be written.
    #[error("cannot tell what tables say")]
    Tell(#[source] io::Error),
    /// There is more privilege left than it takes.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
}

#[cfg(test)]
mod tests;
