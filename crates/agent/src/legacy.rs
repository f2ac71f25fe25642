//! Containers on cgroup v1. Their sockets have no control group that identifies them, but most containers have a
//! network namespace of their own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use attribution::Container;

/// Controllers for which runtimes create a group per container. One of them is enough.
const CONTROLLERS: [&str; 4] = ["memory", "pids", "devices", "freezer"];

/// Finds containers by network namespace. `root` is `/` except in tests.
///
/// A namespace is a container's if no other uses it, or if all that use it belong to one pod, for which any of them
/// stands. The host's own namespace is left out.
pub(crate) fn containers(root: &Path) -> HashMap<u32, Container> {
    let trees = CONTROLLERS.map(|controller| root.join("sys/fs/cgroup").join(controller));
    let Some(tree) = trees.into_iter().find(|tree| tree.join("cgroup.procs").exists()) else { return HashMap::new() };
    let host = namespace(root, "1");
    let mut found: HashMap<u32, Option<Container>> = HashMap::new();
    for (folder, container) in groups(&tree) {
        let Some(netns) = first_process(&folder).and_then(|process| namespace(root, &process)) else { continue };
        match found.entry(netns) {
            _ if Some(netns) == host => {}
            Entry::Vacant(empty) => drop(empty.insert(Some(container))),
            Entry::Occupied(mut known) => drop(known.get_mut().take_if(|known| !is_beside(known, &container))),
        }
    }
    found.into_iter().filter_map(|(netns, container)| Some((netns, container?))).collect()
}

/// Returns whether two containers are the same one, or belong to the same pod.
fn is_beside(one: &Container, other: &Container) -> bool {
    one.id == other.id || one.pod_uid.is_some() && one.pod_uid == other.pod_uid
}

/// Returns the control groups of containers, and the groups below them.
fn groups(tree: &Path) -> Vec<(PathBuf, Container)> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
        for path in below {
            found.extend(Container::of_group(&path).map(|container| (path.clone(), container)));
            folders.push(path);
        }
    }
    found
}

fn first_process(folder: &Path) -> Option<String> {
    Some(fs::read_to_string(folder.join("cgroup.procs")).ok()?.lines().next()?.to_owned())
}

fn namespace(root: &Path, process: &str) -> Option<u32> {
    u32::try_from(fs::metadata(root.join(format!("proc/{process}/ns/net"))).ok()?.ino()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host with processes, and one file in place of each network namespace.
    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            host.write("sys/fs/cgroup/memory/cgroup.procs", "1\n");
            host.write("namespaces/host", "");
            host.process("1", "host");
            host
        }

        fn write(&self, path: &str, text: &str) -> u32 {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            u32::try_from(fs::metadata(&path).unwrap().ino()).unwrap()
        }

        fn process(&self, process: &str, namespace: &str) {
            let folder = self.0.path().join(format!("proc/{process}/ns"));
            fs::create_dir_all(&folder).unwrap();
            std::os::unix::fs::symlink(self.0.path().join("namespaces").join(namespace), folder.join("net")).unwrap();
        }

        /// Makes a control group with one process, which is in a network namespace.
        fn group(&self, path: &str, process: &str, namespace: &str) {
            self.write(&format!("sys/fs/cgroup/memory/{path}/cgroup.procs"), &format!("{process}\n"));
            self.process(process, namespace);
        }
    }

    #[test]
    fn containers_are_known_by_their_network_namespace() {
        let host = Host::new();
        let [alone, pod, shared] = ["alone", "pod", "shared"].map(|name| host.write(&format!("namespaces/{name}"), ""));
        let id = |digit: &str| digit.repeat(64);
        host.group(&format!("docker/{}", id("a")), "10", "alone");
        host.group(&format!("docker/{}", id("b")), "11", "host");
        let uid = "0b4bd0a4-5f3c-4f6a-9a6b-1c1f2d3e4f50";
        host.group(&format!("kubepods/besteffort/pod{uid}/{}", id("c")), "12", "pod");
        host.group(&format!("kubepods/besteffort/pod{uid}/{}", id("d")), "13", "pod");
        host.group(&format!("docker/{}", id("e")), "14", "shared");
        host.group(&format!("docker/{}", id("f")), "15", "shared");
        host.write(&format!("sys/fs/cgroup/memory/docker/{}/cgroup.procs", id("0")), "");
        let found = containers(host.0.path());
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[&alone], Container { id: id("a"), pod_uid: None });
        assert_eq!(found[&pod].pod_uid.as_deref(), Some(uid));
        assert!(!found.contains_key(&shared));
    }

    #[test]
    fn hosts_without_version_1_have_none() {
        assert_eq!(containers(tempfile::tempdir().unwrap().path()), HashMap::new());
    }
}
