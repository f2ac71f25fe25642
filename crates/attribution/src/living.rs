use std::collections::HashSet;

/// The number that the kernel has given to the root of all control groups.
pub const ROOT_GROUP: u64 = 1;

/// Network namespaces and control groups that exist; none where this process cannot see them all.
#[derive(Clone, Debug, Default)]
pub struct Living {
    /// Network namespaces, by inode.
    pub namespaces: Option<HashSet<u32>>,
    /// Control groups, by inode.
    pub groups: Option<HashSet<u64>>,
}

impl Living {
    /// Whether all network namespaces are seen, and all control groups.
    pub fn sees_all(&self) -> bool {
        self.namespaces.is_some() && self.groups.is_some()
    }

    /// Whether it is known that a network namespace or a control group is no more.
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
