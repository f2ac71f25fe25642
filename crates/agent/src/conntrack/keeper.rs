//! Who opens tables, keeps them with the right to ask for them, and has others read: the agent has no right left to start
//! anybody when one of them ends.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::handover::{Estate, channel};
use super::table::Table;
use super::{Opened, TableError, names};
use crate::privilege::keep_only_net_admin;

/// Readers follow one another no faster.
const REST: Duration = Duration::from_secs(1);

/// Opens the table of its own network namespace and those of all that have a name below `root`, which is `/` except in
/// tests, and keeps CAP_NET_ADMIN only. Then it does nothing but have somebody read them, until `orders` end: whenever a
/// reader ends or is stopped, it starts another. `reader` is a program that calls [`super::tell_tables`].
///
/// # Errors
///
/// Privileges cannot be given up, or the kernel does not tell whether orders have ended.
pub fn keep_tables(root: &Path, orders: impl AsFd, reader: impl Fn() -> Command) -> Result<(), TableError> {
    // Else it would stay if it were stopped when the agent is killed.
    set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from).map_err(TableError::Start)?;
    let folders = names::watch(root);
    let (tables, missing) = open_tables(root);
    keep_only_net_admin()?;
    let tables = Arc::new(Mutex::new(tables));
    names::close_with_names(folders, &tables);
    let orders = orders.as_fd().try_clone_to_owned().map_err(TableError::Start)?;
    have_read(&Estate { missing, orders, tables }, reader)
}

/// Has readers read, one after the other, until orders end.
pub(super) fn have_read(estate: &Estate, reader: impl Fn() -> Command) -> Result<(), TableError> {
    while !have_ended(&estate.orders).map_err(TableError::Start)? {
        let begun = Instant::now();
        // What fails for want of memory may succeed the next time; the agent counts what is unread until then.
        have_one_read(estate, reader()).ok();
        thread::sleep(REST.saturating_sub(begun.elapsed()));
    }
    Ok(())
}

/// Whether nobody can give orders any more.
fn have_ended(orders: &OwnedFd) -> io::Result<bool> {
    let mut ended = [PollFd::new(orders.as_fd(), PollFlags::empty())];
    Ok(poll(&mut ended, PollTimeout::ZERO)? > 0)
}

/// Starts a reader and waits for its end.
fn have_one_read(estate: &Estate, mut reader: Command) -> io::Result<()> {
    let [gives, takes] = channel()?;
    let child = reader.stdin(Stdio::from(takes)).spawn()?;
    // Else this process would take what is given itself once the reader has gone.
    drop(reader);
    // Who could not be given all ends.
    estate.give(&gives).ok();
    let id = Pid::from_raw(child.id().try_into().map_err(io::Error::other)?);
    loop {
        match waitpid(id, Some(WaitPidFlag::WUNTRACED)) {
            // It reads nothing, and keeps namespaces whose names have gone.
            Ok(WaitStatus::Stopped(..)) => kill(id, Signal::SIGKILL)?,
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What this process can see of translated connections, and what not.
pub fn seen_tables(root: &Path) -> Opened {
    let (tables, missing) = open_tables(root);
    Opened { tables: tables.len(), missing }
}

fn open_tables(root: &Path) -> (Vec<Table>, Vec<String>) {
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
    (own.into_iter().chain(others.into_iter().flatten()).collect(), missing)
}
