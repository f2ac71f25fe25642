//! The kernel's tables of translated connections: one for each network namespace.
//!
//! The kernel wants CAP_NET_ADMIN of whoever asks for a table, each time. So a process of its own asks, in [`tell_tables`],
//! which listens to nobody but the agent; the agent's end of it, [`Conntrack`], needs no privilege.

mod names;
mod pipe;
mod table;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use caps::Capability;
use serde::{Deserialize, Serialize};

use crate::privilege::{PrivilegeError, keep_only};
use names::Tables;
use pipe::Pipe;
use table::Table;

/// Most translations that one reading tells: as many as the witness has series.
pub(crate) const TRANSLATIONS_MAX: usize = 8_192;

/// How often tables of other network namespaces are read: each reading walks through all that the machine follows. The
/// kernel remembers most connections for twice as long after their end.
const SELDOM: Duration = Duration::from_secs(60);

/// How long the process may take to open what it may.
const START: Duration = Duration::from_secs(10);

/// How long a reading may take; one that is late is told the next time.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the process may take to end.
const FAREWELL: Duration = Duration::from_millis(500);

/// An order to read all tables.
const READ: &str = "read\n";

/// A way that translated connections take, however many they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Translation {
    /// Network namespace that translates: its inode.
    pub netns: u32,
    /// What is carried.
    pub transport: Transport,
    /// Who opens the connection.
    pub client: IpAddr,
    /// Whom it means to reach.
    pub service: SocketAddr,
    /// Who answers.
    pub backend: SocketAddr,
    /// Who seems to ask, to the one who answers.
    pub seen: IpAddr,
}

/// Protocols with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What tables have told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// Translations that are in use, or were a moment ago.
    pub translations: Vec<Translation>,
    /// How many there were beyond those.
    pub beyond: u64,
    /// Tables that could not be read.
    pub unread: u64,
}

/// Tables that are open, and those that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// How many are.
    pub tables: usize,
    /// What is not seen, with the reason.
    pub missing: Vec<String>,
}

/// The process that reads tables; it ends with this, and with the process that holds this, however that ends.
#[derive(Debug)]
pub struct Conntrack {
    child: Child,
    /// None once the agent takes its leave.
    pipe: RefCell<Option<Pipe>>,
    opened: Opened,
}

impl Conntrack {
    /// Starts `program`, which is to call [`tell_tables`], and waits until it has opened what it may.
    ///
    /// # Errors
    ///
    /// The program does not start, or says nothing.
    pub fn start(program: &mut Command) -> io::Result<Self> {
        // Ctrl-C is for the agent, whose end is this one's.
        let mut child = program.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let mut pipe = Pipe::new(orders.expect("it was asked for"), answers.expect("it was asked for"));
        let opened = pipe.take(START)?;
        Ok(Self { child, pipe: RefCell::new(Some(pipe)), opened })
    }

    /// What is seen.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Reads all tables. Without an answer in time none is read.
    pub fn read(&self) -> Told {
        let mut pipe = self.pipe.borrow_mut();
        let told = pipe.as_mut().expect("it is open until the end").ask(READ, PATIENCE);
        told.unwrap_or(Told { unread: self.opened.tables as u64, ..Told::default() })
    }
}

impl Drop for Conntrack {
    fn drop(&mut self) {
        // The end of its orders is its end; one that is stopped ends once it goes on.
        self.pipe.get_mut().take();
        let deadline = Instant::now() + FAREWELL;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Why tables cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Nobody takes the answers.
    #[error("cannot tell what tables say")]
    Tell(#[source] io::Error),
    /// There is more privilege left than it takes.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
}

/// Opens the table of its own network namespace and those of all that have a name below `root`, which is `/` except in
/// tests, says which, and keeps CAP_NET_ADMIN only; then tells for each order what they say, until orders end.
///
/// # Errors
///
/// Nobody takes the answers, or privileges cannot be given up.
pub fn tell_tables(root: &Path, orders: impl BufRead, mut answers: impl Write) -> Result<(), TableError> {
    let folders = names::watch(root);
    let (own, others, opened) = open_tables(root);
    let others: Tables = Arc::new(Mutex::new(others));
    keep_only(Capability::CAP_NET_ADMIN)?;
    match folders {
        Ok(folders) => names::close_with_names(folders, &others),
        // What cannot be watched is not kept.
        Err(_) => others.lock().unwrap_or_else(PoisonError::into_inner).clear(),
    }
    tell(&mut answers, &opened)?;
    let (mut elsewhere, mut looked) = (Told::default(), None::<Instant>);
    for order in orders.lines() {
        order.map_err(TableError::Tell)?;
        if looked.is_none_or(|looked| looked.elapsed() >= SELDOM) {
            (elsewhere, looked) = (read_others(root, &others), Some(Instant::now()));
        }
        let mut told = read_all(own.as_slice());
        told.beyond += std::mem::take(&mut elsewhere.beyond);
        told.unread += std::mem::take(&mut elsewhere.unread);
        told.translations.extend(elsewhere.translations.iter().cloned());
        tell(&mut answers, &told)?;
    }
    Ok(())
}

fn tell(answers: &mut impl Write, what: &impl Serialize) -> Result<(), TableError> {
    let line = serde_json::to_string(what).expect("plain values are JSON");
    writeln!(answers, "{line}").and_then(|()| answers.flush()).map_err(TableError::Tell)
}

/// What this process can see of translated connections, and what not.
pub fn seen_tables(root: &Path) -> Opened {
    open_tables(root).2
}

fn open_tables(root: &Path) -> (Option<Table>, Vec<Table>, Opened) {
    let mut missing = Vec::new();
    let own = Table::own();
    if let Err(error) = &own {
        missing.push(format!("who is behind translated addresses of this network namespace ({error})"));
    }
    let (others, refusals): (Vec<_>, Vec<_>) = Table::named(root).into_iter().partition(Result::is_ok);
    if let Some(Err(error)) = refusals.first() {
        let count = refusals.len();
        missing.push(format!("translated addresses of {count} other network namespaces, which takes root ({error})"));
    }
    let (own, others): (_, Vec<Table>) = (own.ok(), others.into_iter().flatten().collect());
    let opened = Opened { tables: own.iter().count() + others.len(), missing };
    (own, others, opened)
}

/// Those of other namespaces that were open at the start and still have a name. What has had one since is not read: to enter
/// it takes root.
fn read_others(root: &Path, tables: &Tables) -> Told {
    let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    let closed = table::names(root).count().saturating_sub(tables.len()) as u64;
    let told = read_all(&tables);
    Told { unread: told.unread + closed, ..told }
}

fn read_all(tables: &[Table]) -> Told {
    let (mut translations, mut told) = (BTreeSet::new(), Told::default());
    for table in tables {
        let read = table.read(|translation| {
            if translations.len() < TRANSLATIONS_MAX || translations.contains(&translation) {
                translations.insert(translation);
            } else {
                told.beyond += 1;
            }
        });
        told.unread += u64::from(read.is_err());
    }
    Told { translations: translations.into_iter().collect(), ..told }
}
