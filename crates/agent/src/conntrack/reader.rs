//! Who reads tables when the agent orders it.

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

/// How often tables of other network namespaces are read: each reading walks through all that the machine follows. The
/// kernel remembers most connections for twice as long after their end.
const SELDOM: Duration = Duration::from_secs(60);

/// Takes tables from [`super::keep_tables`], which is at the other end of `keeper`, says which, and tells for each order what
/// they say, until orders end. When the keeper ends, it keeps them itself and has another `reader` read.
///
/// # Errors
///
/// There are no tables to take, privileges cannot be given up, or answers cannot be written.
pub fn tell_tables(
    root: &Path,
    keeper: impl AsFd,
    answers: impl Write,
    reader: impl Fn() -> Command,
) -> Result<(), TableError> {
    // Else one that is stopped would stay so when nobody is left who ends it.
    set_pdeathsig(Signal::SIGCONT).map_err(io::Error::from).map_err(TableError::Start)?;
    keep_only_net_admin()?;
    let folders = names::watch(root);
    let estate = Estate::take(&keeper).map_err(TableError::Take)?;
    names::close_with_names(folders, &estate.tables);
    match tell_all(root, &estate, keeper.as_fd(), answers) {
        Ok(KeeperPatience::Orphaned) => keeper::have_read(&estate, reader),
        Ok(KeeperPatience::OrdersEnd) => Ok(()),
        // Nobody is left who would listen.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(TableError::Tell(error)),
    }
}

/// How long tables are told.
enum KeeperPatience {
    OrdersEnd,
    /// There is no keeper any more.
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
    // What the one before had begun to say is no answer.
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
        // Those before the last were somebody's who is no more.
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

/// Waits for the next order; whether the keeper has ended before.
fn is_orphaned(keeper: BorrowedFd<'_>, orders: &BufReader<File>) -> io::Result<bool> {
    if !orders.buffer().is_empty() {
        return Ok(false);
    }
    let mut wanted = [PollFd::new(orders.get_ref().as_fd(), PollFlags::POLLIN), PollFd::new(keeper, PollFlags::POLLIN)];
    while poll(&mut wanted, PollTimeout::NONE) == Err(Errno::EINTR) {}
    // Where both have ended, the agent has.
    Ok(!wanted[0].any().unwrap_or(true) && wanted[1].any().unwrap_or(true))
}

/// What tables of other network namespaces told at last.
#[derive(Default)]
struct Elsewhere {
    told: Translated,
    looked: Option<Instant>,
}

impl Elsewhere {
    /// What is told here, with what is told elsewhere. What was missed there counts once.
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

/// Those of other namespaces that were open at the start and still have a name. What has had one since is not read: to enter
/// it takes root.
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
