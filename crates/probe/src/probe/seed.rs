//! Sockets that are older than the programs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;

use libbpf_rs::{Link, MapCore, Object};
use nix::sched::{CloneFlags, setns};

use super::{Gap, SCOPE, iterator, map, read_through};
use crate::error::{ProbeError, told};

/// Folders in which network namespaces have names.
const NAMED: [&str; 3] = ["/run/netns", "/run/meshtax/netns", "/run/docker/netns"];

const UNHELD: &str = "sockets that are older and that no process has as a file: those of MPTCP, those that wait to be \
                      accepted, and those in io_uring";

/// Gives every socket that has no story one, with what it has moved so far as its baseline. What the tables of another
/// network namespace have can be told only from within it.
pub(super) fn seed(object: &Object, gaps: &mut Vec<Gap>) -> Result<(), ProbeError> {
    for name in ["seed_listeners", "seed_connections"] {
        read_through(&iterator(object, name)?)?;
    }
    match iterator(object, "seed_table") {
        Ok(tables) => read_tables(&tables, &followed(object), gaps)?,
        Err(error) => gaps.push(Gap { what: UNHELD, why: told(&error) }),
    }
    let holders = map(object, "holders");
    holders.keys().try_for_each(|holder| holders.delete(&holder)).map_err(ProbeError::Map)
}

/// The namespaces that are followed, where not all are.
fn followed(object: &Object) -> Vec<u32> {
    let number = |key: Vec<u8>| key.try_into().ok().map(u32::from_ne_bytes);
    map(object, SCOPE).keys().filter_map(number).collect()
}

fn read_tables(tables: &Link, followed: &[u32], gaps: &mut Vec<Gap>) -> Result<(), ProbeError> {
    let is_followed = |netns: &u32| followed.is_empty() || followed.contains(netns);
    let mut others = namespaces();
    let own = fs::metadata("/proc/thread-self/ns/net").ok().and_then(|own| u32::try_from(own.ino()).ok());
    if own.is_none_or(|own| others.remove(&own).is_some() && is_followed(&own)) {
        read_through(tables)?;
    }
    others.retain(|netns, _| is_followed(netns));
    if others.is_empty() {
        return Ok(());
    }
    let read_each = || others.values().fold(None, |failed, namespace| read_within(tables, namespace).err().or(failed));
    // A thread of its own, since it does not come back.
    let failed = thread::scope(|scope| scope.spawn(read_each).join().expect("tables are read without panic"));
    gaps.extend(failed.map(|error| Gap { what: UNHELD, why: format!("another network namespace is closed: {error}") }));
    Ok(())
}

/// Network namespaces that a process is in, or a file names; of one that has just ended there is nothing to see.
fn namespaces() -> BTreeMap<u32, File> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|process| process.path().join("ns/net"));
    let named = NAMED.iter().flat_map(fs::read_dir).flatten().flatten().map(|file| file.path());
    let open = |path: PathBuf| Some((u32::try_from(fs::metadata(&path).ok()?.ino()).ok()?, path));
    let found: BTreeMap<u32, PathBuf> = processes.chain(named).filter_map(open).collect();
    found.into_iter().filter_map(|(netns, path)| Some((netns, File::open(path).ok()?))).collect()
}

fn read_within(tables: &Link, namespace: &File) -> io::Result<()> {
    match setns(namespace, CloneFlags::CLONE_NEWNET) {
        // A file beside the namespaces.
        Err(nix::errno::Errno::EINVAL) => return Ok(()),
        entered => entered?,
    }
    read_through(tables).map(drop).map_err(io::Error::other)
}
