//! The kernel's tables of translated connections (conntrack). Each network namespace has one.
//!
//! The kernel requires CAP_NET_ADMIN for every reading of a table. So that the agent needs no privilege, two other
//! processes have that capability. The reader ([`tell_tables`]) reads tables when the agent orders it. The keeper
//! ([`keep_tables`]) keeps the tables open and starts a new reader when one ends. If the keeper ends, the reader
//! becomes the keeper. The agent's end is [`Conntrack`].

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

/// How long the processes may take to open the tables at the start.
const START: Duration = Duration::from_secs(60);

/// How long one reading may take. A late answer is used at the next reading.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the processes may take to end.
const FAREWELL: Duration = Duration::from_millis(500);

/// The tables that could be opened, and those that could not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Number of open tables.
    pub tables: usize,
    /// What cannot be seen, each with the reason.
    pub missing: Vec<String>,
}

/// The processes that keep and read tables. They end when this is dropped, and when the process that holds it ends in
/// any way.
#[derive(Debug)]
pub struct Conntrack {
    keeper: Child,
    /// The agent's pipe to the processes; `None` once the agent is ending.
    pipe: RefCell<Option<Pipe>>,
    reader: RefCell<Begun>,
}

impl Conntrack {
    /// Starts `program`, which must call [`keep_tables`], and waits until it has opened the tables that it can open.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not start or does not report in time.
    pub fn start(program: &mut Command) -> io::Result<Self> {
        // In its own process group, the keeper does not get the terminal's Ctrl-C. It ends when the agent does.
        let mut keeper = program.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, answers) = (keeper.stdin.take(), keeper.stdout.take());
        let mut pipe = Pipe::new(orders.expect("it was asked for"), answers.expect("it was asked for"))?;
        let reader = pipe.begin(START)?;
        Ok(Self { keeper, pipe: RefCell::new(Some(pipe)), reader: RefCell::new(reader) })
    }

    /// Returns which tables are open and which are not.
    pub fn opened(&self) -> Opened {
        self.reader.borrow().opened.clone()
    }

    /// Returns the process ids of the keeper and the reader.
    pub fn processes(&self) -> [u32; 2] {
        self.reader.borrow().processes
    }

    /// Reads all tables. If there is no answer in time, all tables count as unread.
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
        // Closing the orders ends the reader, and then the keeper.
        self.pipe.get_mut().take();
        let deadline = Instant::now() + FAREWELL;
        while matches!(self.keeper.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        // A stopped process sees no closed pipe. Killing a process that has ended fails, which is fine.
        self.keeper.kill().ok();
    }
}

/// An error of the processes that keep and read tables.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A process or its channel cannot be started.
    #[error("cannot start reading conntrack tables")]
    Start(#[source] io::Error),
    /// The keeper's tables cannot be received.
    #[error("cannot receive conntrack tables")]
    Take(#[source] io::Error),
    /// An order cannot be read, or an answer cannot be written.
    #[error("cannot report conntrack tables")]
    Tell(#[source] io::Error),
    /// The privileges that the process does not need cannot be given up.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
}

#[cfg(test)]
mod tests;
