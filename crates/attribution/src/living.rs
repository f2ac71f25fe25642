use std::collections::HashSet;

/// Inode of the root control group.
pub const ROOT_GROUP: u64 = 1;

/// Network namespaces and control groups that exist now.
#[derive(Clone, Debug, Default)]
pub struct Living {
    /// Inodes of all network namespaces; `None` if this process cannot see them all.
    pub namespaces: Option<HashSet<u32>>,
    /// Inodes of all control groups; `None` if this process cannot see them all.
    pub groups: Option<HashSet<u64>>,
}

impl Living {
    /// Returns whether this process sees all network namespaces and all control groups.
    pub fn sees_all(&self) -> bool {
        self.namespaces.is_some() && self.groups.is_some()
    }

    /// Returns whether the network namespace or the control group is known to have ended.
    pub fn misses(&self, netns: u32, cgroup: u64) -> bool {
        let no_namespace = self.namespaces.as_ref().is_some_and(|living| !living.contains(&netns));
        let no_group = self.groups.as_ref().is_some_and(|living| !living.contains(&cgroup));
        no_namespace || (no_group && cgroup > ROOT_GROUP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_not_missed() {
        let living = Living::default();
        assert!(!living.sees_all() && !living.misses(7, 8));
    }
}
