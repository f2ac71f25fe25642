//! This machine's names, as attribution asks for them.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use attribution::{Container, ContainerGroup, KubernetesPod, Living, Registry};

use crate::address::addresses;
use crate::folders::{GROUPS, NAMED};
use crate::kubernetes::pods;
use crate::legacy;
use crate::living::living;

/// The machine whose file system is below `root`, which is `/` except in tests.
#[derive(Clone, Debug)]
pub struct ThisHost {
    root: PathBuf,
}

impl ThisHost {
    /// Returns the machine whose file system is below `root`.
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Default for ThisHost {
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}

impl Registry for ThisHost {
    /// A folder that does not exist holds no names.
    fn namespaces(&self) -> HashMap<u32, String> {
        let entries = NAMED.iter().flat_map(|folder| fs::read_dir(self.root.join(folder))).flatten().flatten();
        let numbered = |entry: fs::DirEntry| {
            let inode = u32::try_from(fs::metadata(entry.path()).ok()?.ino()).ok()?;
            Some((inode, entry.file_name().to_string_lossy().into_owned()))
        };
        entries.filter_map(numbered).collect()
    }

    fn groups(&self) -> HashMap<u64, ContainerGroup> {
        GROUPS.iter().flat_map(|groups| containers(&self.root.join(groups))).collect()
    }

    fn legacy(&self) -> HashMap<u32, Container> {
        legacy::containers(&self.root)
    }

    fn pods(&self) -> HashMap<String, KubernetesPod> {
        pods(&self.root)
    }

    fn process_in(&self, group: &Path) -> Option<String> {
        let processes = fs::read_to_string(group.join("cgroup.procs")).ok()?;
        processes.lines().next().map(ToOwned::to_owned)
    }

    fn addresses(&self, process: &str) -> Vec<IpAddr> {
        addresses(&self.root.join("proc").join(process))
    }

    fn living(&self) -> Living {
        living(&self.root)
    }
}

/// Finds containers by the inodes of their control groups and of the groups below those.
fn containers(folder: &Path) -> HashMap<u64, ContainerGroup> {
    let mut found = HashMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            // The file type comes with the entry, so only folders, which are few, need another system call.
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let Ok(metadata) = entry.metadata() else { continue };
            if let Some(container) = Container::of_group(&entry.path()) {
                found.insert(metadata.ino(), ContainerGroup { container, folder: entry.path() });
            }
            folders.push(entry.path());
        }
    }
    found
}

#[cfg(test)]
mod tests;
