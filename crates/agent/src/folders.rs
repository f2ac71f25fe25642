//! Where names and control groups lie, below the root of the file system.

/// Where `ip netns` and labs leave names of network namespaces.
pub(crate) const NAMED: [&str; 2] = ["run/netns", "run/meshtax/netns"];

/// Where control groups of version 2 lie: alone, or beside those of version 1.
pub(crate) const GROUPS: [&str; 2] = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
