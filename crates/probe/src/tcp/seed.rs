//! Baselines for sockets that are older than the programs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;

use libbpf_rs::{ErrorKind, MapCore, Object, OpenObject, ProgramInput, ProgramMut};
use nix::sched::{CloneFlags, setns};
use zerocopy::IntoBytes;

use super::SCOPE;
use super::table::{self, TableSocket};
use crate::error::{ProbeError, lacking};
use crate::object::{iterator, map, program, read_through};
use crate::witness::Programs;

/// Program that is run once for each entry of a table. The kernel requires CAP_NET_ADMIN for its type.
const SEED_ENTRY: &str = "seed_entry";

/// Folders in which network namespaces have names.
const NAMED: [&str; 3] = ["/run/netns", "/run/meshtax/netns", "/run/docker/netns"];

const UNHELD: &str = "older sockets that no process holds as a file: MPTCP sockets, connections that wait to be \
                      accepted, and io_uring sockets";

/// Lets the program for tables be loaded, if this process may load it.
pub(super) fn fit_tables(open: &mut OpenObject) {
    let mut program =
        open.progs_mut().find(|program| program.name() == SEED_ENTRY).expect("the object has this program");
    program.set_autoload(!lacking().contains(&"CAP_NET_ADMIN"));
}

/// Gives each socket without a story one, with what the socket has moved so far as its baseline. The table of another
/// network namespace can be used only from within it.
pub(super) fn seed(programs: &mut Programs) -> Result<(), ProbeError> {
    let object = programs.object;
    // Newer kernels assign no cookie to a socket that a program finds through a file. Listing a table assigns one to
    // each of its sockets, so tables are listed first.
    let named = visit_tables(object, &|| table::sockets().map(drop));
    for name in ["seed_listeners", "seed_connections"] {
        read_through(&iterator(object, name)?)?;
    }
    if !programs.has(SEED_ENTRY) {
        programs.gap(UNHELD, "this process lacks CAP_NET_ADMIN");
    } else if let Err(why) = named.and_then(|()| visit_tables(object, &|| seed_table(object))) {
        programs.gap(UNHELD, why);
    }
    let holders = map(object, "holders");
    holders.keys().try_for_each(|holder| holders.delete(&holder)).map_err(ProbeError::Map)
}

/// Returns the network namespaces that are followed; empty if all are.
fn followed(object: &Object) -> Vec<u32> {
    let number = |key: Vec<u8>| key.try_into().ok().map(u32::from_ne_bytes);
    map(object, SCOPE).keys().filter_map(number).collect()
}

/// Calls `visit` in each network namespace that is followed: first in this thread's own, then in all others.
fn visit_tables(object: &Object, visit: &(dyn Fn() -> io::Result<()> + Sync)) -> Result<(), String> {
    let followed = followed(object);
    let is_followed = |netns: &u32| followed.is_empty() || followed.contains(netns);
    let mut others = namespaces();
    let own = fs::metadata("/proc/thread-self/ns/net").ok().and_then(|own| u32::try_from(own.ino()).ok());
    if own.is_none_or(|own| others.remove(&own).is_some() && is_followed(&own)) {
        visit().map_err(|error| format!("the kernel cannot list them: {error}"))?;
    }
    others.retain(|netns, _| is_followed(netns));
    if others.is_empty() {
        return Ok(());
    }
    let visit_each = || others.values().fold(None, |failed, namespace| visit_within(namespace, visit).err().or(failed));
    // Entering happens in a thread of its own, because that thread cannot come back.
    let failed = thread::scope(|scope| scope.spawn(visit_each).join().expect("tables are read without panic"));
    failed.map_or(Ok(()), |error| Err(format!("another network namespace cannot be entered: {error}")))
}

/// Opens the network namespaces that a process is in or a file names. Those that have just ended are left out.
fn namespaces() -> BTreeMap<u32, File> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|process| process.path().join("ns/net"));
    let named = NAMED.iter().flat_map(fs::read_dir).flatten().flatten().map(|file| file.path());
    let open = |path: PathBuf| Some((u32::try_from(fs::metadata(&path).ok()?.ino()).ok()?, path));
    let found: BTreeMap<u32, PathBuf> = processes.chain(named).filter_map(open).collect();
    found.into_iter().filter_map(|(netns, path)| Some((netns, File::open(path).ok()?))).collect()
}

fn visit_within(namespace: &File, visit: &(dyn Fn() -> io::Result<()> + Sync)) -> io::Result<()> {
    match setns(namespace, CloneFlags::CLONE_NEWNET) {
        // The file is not a network namespace.
        Err(nix::errno::Errno::EINVAL) => return Ok(()),
        entered => entered?,
    }
    visit()
}

/// Runs the program for each entry in the table of this thread's network namespace, listeners first.
fn seed_table(object: &Object) -> io::Result<()> {
    let program = program(object, SEED_ENTRY);
    let mut sockets = table::sockets()?;
    sockets.sort_by_key(|socket| !socket.is_listening);
    sockets.iter().try_for_each(|socket| seed_entry(&program, socket).map_err(io::Error::other))
}

/// Offset of the interface's number in a program's context, `struct __sk_buff`. The rest of the context may be missing.
const INTERFACE_AT: usize = 40;

fn seed_entry(program: &ProgramMut, socket: &TableSocket) -> Result<(), libbpf_rs::Error> {
    let mut context = [0; INTERFACE_AT + size_of::<u32>()];
    context[INTERFACE_AT..].copy_from_slice(&socket.interface.to_ne_bytes());
    let input = ProgramInput {
        // Without an interface, the kernel looks the socket up at the loopback interface. With an interface that is
        // gone, it finds none.
        context_in: (socket.interface > 0).then_some(&mut context),
        data_in: Some(socket.entry.as_bytes()),
        ..ProgramInput::default()
    };
    match program.test_run(input) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        run => run.map(drop),
    }
}
