//! Capabilities of this process.

use std::fs;

/// The number of CAP_NET_ADMIN, as in capabilities(7).
pub const NET_ADMIN: u32 = 12;
/// The capabilities that a lab needs, with their numbers from capabilities(7). They are for links and rules, namespaces
/// and mounts, the files and processes of the proxies' user, the port of its DNS, and entering a pod's root. Without
/// CAP_KILL a lab could not be removed.
const FOR_A_LAB: [(u32, &str); 9] = [
    (NET_ADMIN, "CAP_NET_ADMIN"),
    (21, "CAP_SYS_ADMIN"),
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (5, "CAP_KILL"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
    (10, "CAP_NET_BIND_SERVICE"),
    (18, "CAP_SYS_CHROOT"),
];

/// Names the capabilities that a lab needs and this process lacks.
pub fn lacking() -> Vec<&'static str> {
    FOR_A_LAB.into_iter().filter(|(bit, _)| !has(*bit)).map(|(_, name)| name).collect()
}

/// Whether this process has the capability with this number.
pub fn has(capability: u32) -> bool {
    effective_capabilities() >> capability & 1 == 1
}

fn effective_capabilities() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default();
    u64::from_str_radix(line.trim(), 16).unwrap_or(0)
}
