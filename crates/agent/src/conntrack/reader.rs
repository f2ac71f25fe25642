//! The reader: it reads tables when the agent orders it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process::{self, Command};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use attribution::{TRANSLATIONS_MAX, Translated};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use super::handover::Estate;
use super::names::Tables;
use super::pipe::{Begun, PipeAnswer};
use super::table::{self, Table};
use super::{Opened, TableError, keeper, names};
use crate::privilege::keep_only_net_admin;

/// How often the tables of other network namespaces are read. Each reading walks through all connections of the
/// machine. The kernel remembers most connections for twice this time after their end.
const SELDOM: Duration = Duration::from_secs(60);

/// Runs the reader until the orders end.
///
/// It receives tables from [`super::keep_tables`] over `keeper`, reports which they are, and answers each order with
/// their contents. If the keeper ends, this process becomes the keeper, and starts `reader`.
///
/// # Errors
///
/// Returns an error if no tables can be received, privileges cannot be given up, or answers cannot be written.
pub fn tell_tables(
    root: &Path,
    keeper: impl AsFd,
    answers: impl Write,
    reader: impl Fn() -> Command,
) -> Result<(), TableError> {
    // Without this, a stopped reader would stay stopped when nobody is left to end it.
    set_pdeathsig(Signal::SIGCONT).map_err(io::Error::from).map_err(TableError::Start)?;
    keep_only_net_admin()?;
    let folders = names::watch(root);
    let estate = Estate::take(&keeper).map_err(TableError::Take)?;
    names::close_with_names(folders, &estate.tables);
    match tell_all(root, &estate, keeper.as_fd(), answers) {
        Ok(KeeperPatience::Orphaned) => keeper::have_read(&estate, reader),
        Ok(KeeperPatience::OrdersEnd) => Ok(()),
        // The agent has ended.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(TableError::Tell(error)),
    }
}

/// Why the reader stops answering.
enum KeeperPatience {
    /// The agent has closed its orders.
    OrdersEnd,
    /// The keeper has ended.
    Orphaned,
}

fn tell_all(
    root: &Path,
    estate: &Estate,
    keeper: BorrowedFd<'_>,
    mut answers: impl Write,
) -> io::Result<KeeperPatience> {
    let tables = estate.tables.lock().unwrap_or_else(PoisonError::into_inner).len();
    let opened = Opened { tables, missing: estate.missing.clone() };
    // An empty line ends the partial answer of an earlier reader, if there is one.
    writeln!(answers)?;
    tell(&mut answers, &PipeAnswer::Begun(Begun { opened, processes: [parent_id(), process::id()] }))?;
    let mut orders = BufReader::new(File::from(estate.orders.try_clone()?));
    let mut elsewhere = Elsewhere::default();
    loop {
        if is_orphaned(keeper, &orders)? {
            return Ok(KeeperPatience::Orphaned);
        }
        let mut order = String::new();
        if orders.read_line(&mut order)? == 0 {
            return Ok(KeeperPatience::OrdersEnd);
        }
        // Earlier orders were meant for a reader that has ended.
        if orders.buffer().is_empty() {
            let told = elsewhere.add_to(read_all(&estate.tables, Table::is_own), root, &estate.tables);
            tell(&mut answers, &PipeAnswer::Told { order: order.trim().parse().map_err(io::Error::other)?, told })?;
        }
    }
}

fn tell(answers: &mut impl Write, answer: &PipeAnswer) -> io::Result<()> {
    let line = serde_json::to_string(answer)?;
    writeln!(answers, "{line}").and_then(|()| answers.flush())
}

/// Waits for the next order. Returns whether the keeper has ended before one came.
fn is_orphaned(keeper: BorrowedFd<'_>, orders: &BufReader<File>) -> io::Result<bool> {
    if !orders.buffer().is_empty() {
        return Ok(false);
    }
    let mut wanted = [PollFd::new(orders.get_ref().as_fd(), PollFlags::POLLIN), PollFd::new(keeper, PollFlags::POLLIN)];
    while poll(&mut wanted, PollTimeout::NONE) == Err(Errno::EINTR) {}
    // If both have ended, the agent has ended.
    Ok(!wanted[0].any().unwrap_or(true) && wanted[1].any().unwrap_or(true))
}

/// Contents of the tables of other network namespaces at their last reading.
#[derive(Default)]
struct Elsewhere {
    told: Translated,
    looked: Option<Instant>,
}

impl Elsewhere {
    /// Adds them to the contents of the own table. Counts of what was missed are reported only once.
    fn add_to(&mut self, mut here: Translated, root: &Path, tables: &Tables) -> Translated {
        if self.looked.is_none_or(|looked| looked.elapsed() >= SELDOM) {
            (self.told, self.looked) = (read_others(root, tables), Some(Instant::now()));
        }
        here.beyond += std::mem::take(&mut self.told.beyond);
        here.unread += std::mem::take(&mut self.told.unread);
        here.translations.extend(self.told.translations.iter().cloned());
        here
    }
}

/// Reads the tables of other namespaces that were open at the start and still have a name. Namespaces named later count
/// as unread, because entering them takes root.
fn read_others(root: &Path, tables: &Tables) -> Translated {
    let told = read_all(tables, |table| !table.is_own());
    let open = tables.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|table| !table.is_own()).count();
    let closed = table::names(root).count().saturating_sub(open) as u64;
    Translated { unread: told.unread + closed, ..told }
}

fn read_all(tables: &Tables, is_wanted: impl Fn(&Table) -> bool) -> Translated {
    let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut translations, mut told) = (BTreeSet::new(), Translated::default());
    for table in tables.iter().filter(|table| is_wanted(table)) {
        let read = table.read(|translation| {
            if translations.len() < TRANSLATIONS_MAX || translations.contains(&translation) {
                translations.insert(translation);
            } else {
                told.beyond += 1;
            }
        });
        told.unread += u64::from(read.is_err());
    }
    Translated { translations: translations.into_iter().collect(), ..told }
}
