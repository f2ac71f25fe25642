//! Addresses of a process's network namespace, read from /proc without privileges.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Scope of a global address in `if_inet6`: neither link-local nor the host's own.
const GLOBAL: &str = "00";

/// Returns the addresses of a process's network namespace, without loopback ones. `process` is its folder in `/proc`.
/// The list is empty if the process has ended.
pub(crate) fn addresses(process: &Path) -> Vec<IpAddr> {
    let read = |name: &str| fs::read_to_string(process.join("net").join(name)).unwrap_or_default();
    let mut found: Vec<IpAddr> = in_trie(&read("fib_trie")).filter(|v4| !v4.is_loopback()).map(IpAddr::V4).collect();
    found.extend(read("if_inet6").lines().filter_map(in_line).map(IpAddr::V6));
    // Each routing table lists the address again.
    found.sort();
    found.dedup();
    found
}

/// Parses `fib_trie`. A local address is a line `|-- 10.88.0.2` with a line `/32 host LOCAL` below it.
fn in_trie(trie: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut address = None;
    trie.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(node) = line.strip_prefix("|-- ") {
            address = node.parse().ok();
        }
        if line == "/32 host LOCAL" { address } else { None }
    })
}

/// Parses a line of `if_inet6`: address, interface, prefix length, scope, flags and name, such as
/// `fd000000000000000000000000000002 02 40 00 80 eth0`.
fn in_line(line: &str) -> Option<Ipv6Addr> {
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    (words.nth(2)? == GLOBAL).then(|| address.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_answers_to_its_own_addresses_and_not_to_those_of_its_net() {
        let process = tempfile::tempdir().unwrap();
        assert_eq!(addresses(process.path()), [] as [IpAddr; 0]);
        fs::create_dir(process.path().join("net")).unwrap();
        let trie = "Main:\n  +-- 0.0.0.0/1 2 0 2\n        |-- 0.0.0.0\n           /0 universe UNICAST\n              \
                    |-- 10.88.0.0\n                 /24 link UNICAST\n              |-- 10.88.0.2\n                 \
                    /32 host LOCAL\n           |-- 10.88.0.255\n              /32 link BROADCAST\n        \
                    |-- 127.0.0.1\n              /32 host LOCAL\n";
        fs::write(process.path().join("net/fib_trie"), format!("{trie}{}", trie.replace("Main", "Local"))).unwrap();
        let of_links = "fe8000000000000000000000000000ab 02 40 20 80     eth0\n\
                        00000000000000000000000000000001 01 80 10 80       lo\n\
                        fd000000000000000000000000000002 02 40 00 80     eth0\n";
        fs::write(process.path().join("net/if_inet6"), of_links).unwrap();
        let told: [IpAddr; 2] = ["10.88.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        assert_eq!(addresses(process.path()), told);
    }
}
