//! Memory that is left on the machine, or in the control group that a lab would stand in.

use std::fs;
use std::path::Path;

use lab::Trees;

/// An amount of memory, and what grants it.
pub struct Grant {
    /// What grants it: the machine, or a control group's limit.
    pub of: String,
    /// The amount, in bytes.
    pub bytes: u64,
}

/// The smallest grant, if any is known.
pub fn tightest(trees: Option<&Trees>) -> Option<Grant> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine(&text));
    // A lab's groups are made at the root of the tree mounted here; in a container, that is the container's group.
    let groups = trees.into_iter().flat_map(|trees| &trees.roots).filter_map(|root| group(root));
    machine.into_iter().chain(groups).min_by_key(|grant| grant.bytes)
}

/// Memory that is available without evicting what is in use, plus free swap.
fn machine(meminfo: &str) -> Option<Grant> {
    let of = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    let kib = of("MemAvailable:")? + of("SwapFree:").unwrap_or(0);
    Some(Grant { of: "the machine".to_owned(), bytes: kib << 10 })
}

/// Memory that a limited group can still use, counting its file cache as free.
fn group(folder: &Path) -> Option<Grant> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let (name, most) =
        ["memory.max", "memory.limit_in_bytes"].into_iter().find_map(|name| Some((name, number(name)?)))?;
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let held = |name: &str| stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let held = held("anon ").or_else(|| held("total_rss ")).unwrap_or(0);
    Some(Grant { of: format!("the limit in {}", folder.join(name).display()), bytes: most.saturating_sub(held) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_grants_what_is_available_and_swap() {
        let grant = |text| machine(text).map(|grant| grant.bytes);
        assert_eq!(grant("MemTotal: 9 kB\nMemAvailable:   4 kB\nSwapFree:  2 kB\n"), Some(6 << 10));
        assert_eq!(grant("MemAvailable:   4 kB\n"), Some(4 << 10));
        assert_eq!(grant("MemTotal: 9 kB\n"), None);
    }

    #[test]
    fn a_group_grants_its_limit_less_what_cannot_make_way() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
        assert!(group(home.path()).is_none());
        write("memory.max", "max\n");
        assert!(group(home.path()).is_none());
        write("memory.max", "1000\n");
        write("memory.stat", "anon 300\nfile 600\n");
        assert_eq!(group(home.path()).unwrap().bytes, 700);
        fs::remove_file(home.path().join("memory.max")).unwrap();
        write("memory.limit_in_bytes", "1000\n");
        write("memory.stat", "cache 600\nrss 1\ntotal_rss 400\n");
        let grant = group(home.path()).unwrap();
        assert_eq!(grant.bytes, 600);
        assert!(grant.of.ends_with("/memory.limit_in_bytes"), "{}", grant.of);
    }
}
