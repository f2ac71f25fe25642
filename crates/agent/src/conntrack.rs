//! The kernel's tables of translated connections: one for each network namespace.
//!
//! The kernel wants CAP_NET_ADMIN of whoever asks for a table, each time. So a process of its own asks, in [`tell_tables`],
//! which listens to nobody but the agent; the agent's end of it, [`Conntrack`], needs no privilege.

mod table;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use caps::Capability;
use serde::{Deserialize, Serialize};

use crate::privilege::{PrivilegeError, keep_only};
use table::Table;

/// Most translations that one reading tells: as many as the witness has series.
pub(crate) const TRANSLATIONS_MAX: usize = 8_192;

/// How often tables of other network namespaces are read: each reading walks through all that the machine follows. The
/// kernel remembers most connections for twice as long after their end.
const SELDOM: Duration = Duration::from_secs(60);

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
    pipes: RefCell<(Option<ChildStdin>, BufReader<ChildStdout>)>,
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
        let orders = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("it was asked for"));
        let opened = answer(&mut answers)?;
        Ok(Self { child, pipes: RefCell::new((orders, answers)), opened })
    }

    /// What is seen.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Reads all tables. Without an answer none is read.
    pub fn read(&self) -> Told {
        let mut pipes = self.pipes.borrow_mut();
        let (orders, answers) = &mut *pipes;
        let mut ask = || {
            orders.as_mut().expect("it is open until the end").write_all(READ.as_bytes())?;
            answer(answers)
        };
        ask().unwrap_or(Told { unread: self.opened.tables as u64, ..Told::default() })
    }
}

impl Drop for Conntrack {
    fn drop(&mut self) {
        // The end of its orders is its end.
        self.pipes.get_mut().0.take();
        self.child.wait().ok();
    }
}

fn answer<T: for<'a> Deserialize<'a>>(answers: &mut impl BufRead) -> io::Result<T> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
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
    let (own, others, opened) = open_tables(root);
    keep_only(Capability::CAP_NET_ADMIN)?;
    tell(&mut answers, &opened)?;
    let (mut elsewhere, mut looked) = (Told::default(), None::<Instant>);
    for order in orders.lines() {
        order.map_err(TableError::Tell)?;
        if looked.is_none_or(|looked| looked.elapsed() >= SELDOM) {
            (elsewhere, looked) = (read_all(&others), Some(Instant::now()));
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
