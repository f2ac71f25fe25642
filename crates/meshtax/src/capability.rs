//! Capabilities of this process.

use std::fs;

/// CAP_NET_ADMIN, by its bit in capabilities(7).
pub const NET_ADMIN: u32 = 12;
/// Capabilities that a lab takes, by their bits in capabilities(7): for its links and rules, for namespaces and mounts, for files
/// and processes of its proxies, who are another user, for the port of its DNS, and to enter a pod's root. Without CAP_KILL a lab
/// would stand for ever.
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

/// Capabilities that a lab takes and this process lacks.
pub fn lacking() -> Vec<&'static str> {
    FOR_A_LAB.into_iter().filter(|(bit, _)| !has(*bit)).map(|(_, name)| name).collect()
}

/// Whether this process has the capability of that bit.
pub fn has(capability: u32) -> bool {
    effective_capabilities() >> capability & 1 == 1
}

fn effective_capabilities() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default();
    u64::from_str_radix(line.trim(), 16).unwrap_or(0)
}
