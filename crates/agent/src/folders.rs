//! Folders with names of network namespaces and with control groups, below the root of the file system.

/// Folders in which `ip netns` and labs name network namespaces.
pub(crate) const NAMED: [&str; 2] = ["run/netns", "run/meshtax/netns"];

/// Folders of cgroup v2: alone, or beside cgroup v1.
pub(crate) const GROUPS: [&str; 2] = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
