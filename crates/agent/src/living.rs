//! Network namespaces and control groups that exist on this machine.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use attribution::{Living, ROOT_GROUP};

use crate::folders::{GROUPS, NAMED};

/// Link of the initial PID namespace, whose number is fixed in the kernel.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Returns what exists on the machine below `root`, which is `/` except in tests.
pub(crate) fn living(root: &Path) -> Living {
    Living { namespaces: namespaces(root), groups: groups(root) }
}

/// Returns whether this process can see when namespaces and groups end. If not, the series of some ended pods never
/// expire.
pub fn sees_what_ends() -> bool {
    living(Path::new("/")).sees_all()
}

/// Returns whether process ids in `root/proc` are those that the kernel reports, as in the initial PID namespace only.
pub fn tells_processes_as_the_kernel(root: &Path) -> bool {
    let own = fs::read_link(root.join("proc/self/ns/pid"));
    own.is_ok_and(|own| own.as_os_str() == FIRST_PID_NAMESPACE)
}

/// Returns the network namespaces that a process is in or that have a name. The answer is `None` in a PID namespace
/// that hides processes, and if other users' processes cannot be read. Process 1 may be unreadable: its namespace never
/// ends.
fn namespaces(root: &Path) -> Option<HashSet<u32>> {
    let processes = root.join("proc");
    if !tells_processes_as_the_kernel(root) {
        return None;
    }
    let folders = NAMED.iter().chain(&["run/docker/netns"]).map(|folder| root.join(folder));
    let named = folders.flat_map(fs::read_dir).flatten().flatten();
    let mut found: HashSet<u32> =
        named.filter_map(|file| u32::try_from(fs::metadata(file.path()).ok()?.ino()).ok()).collect();
    for process in fs::read_dir(processes).ok()?.flatten() {
        match fs::read_link(process.path().join("ns/net")) {
            Ok(link) => found.extend(namespace_number(&link)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied && process.file_name() != "1" => return None,
            // The entry is not a process, or the process has just ended.
            Err(_) => {}
        }
    }
    Some(found)
}

/// Parses the number in `net:[4026531833]`.
fn namespace_number(link: &Path) -> Option<u32> {
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// Returns all control groups; `None` if only a part of the tree is mounted.
fn groups(root: &Path) -> Option<HashSet<u64>> {
    let inode = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.ino());
    let tree = GROUPS.iter().map(|folder| root.join(folder)).find(|folder| inode(folder) == Some(ROOT_GROUP))?;
    let mut found = HashSet::new();
    let mut folders = vec![tree];
    while let Some(folder) = folders.pop() {
        found.extend(inode(&folder));
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders
            .extend(below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_not_missed() {
        let root = tempfile::tempdir().unwrap();
        let living = living(root.path());
        assert!(!living.sees_all() && !living.misses(7, 8));
    }

    #[test]
    fn a_namespace_without_a_process_or_a_name_is_missed() {
        let root = tempfile::tempdir().unwrap();
        let check = |own: &str, netns: u32, missed: bool| {
            let link = |path: &str, target: &str| {
                let path = root.path().join("proc").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::remove_file(&path).ok();
                symlink(target, path).unwrap();
            };
            link("self/ns/pid", own);
            link("1/ns/net", "net:[100]");
            link("23/ns/net", "net:[200]");
            assert_eq!(living(root.path()).misses(netns, 0), missed, "{netns} seen from {own}");
        };
        check(FIRST_PID_NAMESPACE, 100, false);
        check(FIRST_PID_NAMESPACE, 200, false);
        check(FIRST_PID_NAMESPACE, 300, true);
        check("pid:[4026532000]", 300, false);
        let named = root.path().join(NAMED[0]).join("blue");
        fs::create_dir_all(named.parent().unwrap()).unwrap();
        fs::write(&named, "").unwrap();
        check(FIRST_PID_NAMESPACE, u32::try_from(fs::metadata(&named).unwrap().ino()).unwrap(), false);
    }
}
