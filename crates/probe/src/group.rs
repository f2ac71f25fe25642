use std::fs::{self, File};

use crate::error::ProbeError;

/// Opens the root of cgroup v2, wherever it is mounted.
pub(crate) fn root_group() -> Result<File, ProbeError> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(ProbeError::Groups)?;
    let root = mounts.lines().find_map(root_in).ok_or(ProbeError::NoGroups)?;
    File::open(root).map_err(ProbeError::Groups)
}

/// Returns the mount point in a line of mountinfo (proc_pid_mountinfo(5)), if the line mounts the root of cgroup v2. In
/// a cgroup namespace that root has the path `/../..`.
fn root_in(line: &str) -> Option<&str> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let is_root =
        filesystem.starts_with("cgroup2 ") && mount.next()?.split('/').all(|part| part.is_empty() || part == "..");
    is_root.then(|| mount.next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_where_all_of_version_2_is_mounted() {
        let check = |line, place| assert_eq!(root_in(line), place);
        check("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw", Some("/sys/fs/cgroup/unified"));
        check("41 31 0:38 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup rw", Some("/sys/fs/cgroup"));
        check("41 31 0:38 /../../.. /sys/fs/cgroup rw - cgroup2 cgroup rw", Some("/sys/fs/cgroup"));
        check("41 31 0:38 /../a /sys/fs/cgroup rw - cgroup2 cgroup rw", None);
        check("41 31 0:38 /a/pod /sys/fs/cgroup rw - cgroup2 cgroup rw", None);
        check("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", None);
    }
}
