//! The keeper: it opens tables, keeps them open, and starts readers. The agent cannot start readers itself, because it
//! has given up the capability that they need.

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

/// Minimum time between the starts of two readers.
const REST: Duration = Duration::from_secs(1);

/// Runs the keeper until `orders` end.
///
/// The keeper opens the tables of its own network namespace and of all namespaces with a name below `root`, which is
/// `/` except in tests. It keeps only CAP_NET_ADMIN. Whenever a reader ends or is stopped, it starts another. `reader`
/// returns the command of a program that calls [`super::tell_tables`].
///
/// # Errors
///
/// Returns an error if privileges cannot be given up, or if the kernel does not tell whether `orders` have ended.
pub fn keep_tables(root: &Path, orders: impl AsFd, reader: impl Fn() -> Command) -> Result<(), TableError> {
    // Without this, a stopped keeper would stay when the agent is killed.
    set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from).map_err(TableError::Start)?;
    let folders = names::watch(root);
    let (tables, missing) = open_tables(root);
    keep_only_net_admin()?;
    let tables = Arc::new(Mutex::new(tables));
    names::close_with_names(folders, &tables);
    let orders = orders.as_fd().try_clone_to_owned().map_err(TableError::Start)?;
    have_read(&Estate { missing, orders, tables }, reader)
}

/// Starts one reader after the other until `orders` end.
pub(super) fn have_read(estate: &Estate, reader: impl Fn() -> Command) -> Result<(), TableError> {
    while !have_ended(&estate.orders).map_err(TableError::Start)? {
        let begun = Instant::now();
        // A lack of memory may be over at the next attempt. Until then the agent counts the tables as unread.
        have_one_read(estate, reader()).ok();
        thread::sleep(REST.saturating_sub(begun.elapsed()));
    }
    Ok(())
}

/// Returns whether the other end of the pipe of orders is closed.
fn have_ended(orders: &OwnedFd) -> io::Result<bool> {
    let mut ended = [PollFd::new(orders.as_fd(), PollFlags::empty())];
    Ok(poll(&mut ended, PollTimeout::ZERO)? > 0)
}

/// Starts a reader and waits until it ends.
fn have_one_read(estate: &Estate, mut reader: Command) -> io::Result<()> {
    let [gives, takes] = channel()?;
    let child = reader.stdin(Stdio::from(takes)).spawn()?;
    // The command holds the receiver's end. If it stayed open here, the handover would not fail when the reader ends.
    drop(reader);
    // A reader that did not get everything ends by itself.
    estate.give(&gives).ok();
    let id = Pid::from_raw(child.id().try_into().map_err(io::Error::other)?);
    loop {
        match waitpid(id, Some(WaitPidFlag::WUNTRACED)) {
            // A stopped reader answers nothing, and keeps network namespaces alive whose names are gone.
            Ok(WaitStatus::Stopped(..)) => kill(id, Signal::SIGKILL)?,
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns which tables this process can open and which it cannot.
pub fn seen_tables(root: &Path) -> Opened {
    let (tables, missing) = open_tables(root);
    Opened { tables: tables.len(), missing }
}

fn open_tables(root: &Path) -> (Vec<Table>, Vec<String>) {
    let mut missing = Vec::new();
    let own = Table::own();
    if let Err(error) = &own {
        missing.push(format!("servers behind translated addresses of this network namespace ({error})"));
    }
    let (others, refusals): (Vec<_>, Vec<_>) = Table::named(root).into_iter().partition(Result::is_ok);
    if let Some(Err(error)) = refusals.first() {
        let count = refusals.len();
        missing.push(format!(
            "servers behind translated addresses of {count} other network namespaces, which needs root ({error})"
        ));
    }
    (own.into_iter().chain(others.into_iter().flatten()).collect(), missing)
}
