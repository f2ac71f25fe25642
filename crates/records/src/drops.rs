//! What is counted and told of packets that the kernel drops.

mod counters;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub use self::counters::DropLosses;
use crate::CounterKey;
use crate::layout::{COMM_LEN, address, comm, read};
use crate::state::State;

const IPPROTO_TCP: u8 = 6;

/// What there was no room for goes by this name.
const OTHER: &str = "other";

/// Why the kernel drops packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropReason {
    /// In the kernel's words, such as `NO_SOCKET`.
    pub name: String,
    /// Whether nobody misses what is dropped for it.
    pub benign: bool,
}

/// What the running kernel calls its numbers: they differ from kernel to kernel.
pub trait KernelNames {
    /// The reason with this number.
    fn reason(&self, number: u32) -> DropReason;

    /// The function in which an address lies; none where the kernel hides addresses.
    fn function(&self, address: u64) -> Option<String>;
}

/// A packet that the kernel dropped; what it handles as one counts as one.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// When, by CLOCK_MONOTONIC.
    pub at: Duration,
    /// Why, in the kernel's words, such as `NO_SOCKET`.
    pub reason: String,
    /// Whether nobody misses it.
    pub benign: bool,
    /// The kernel's function that dropped it; none where the kernel hides addresses.
    pub location: Option<String>,
    /// What it speaks, such as `tcp`.
    pub protocol: String,
    /// Where it came from; port 0 where it has none. None if it has no address.
    pub source: Option<SocketAddr>,
    /// Where it was to go.
    pub destination: Option<SocketAddr>,
    /// Bytes, with the headers that it had just then.
    pub length: u32,
    /// Flags of TCP.
    pub tcp_flags: u8,
    /// State of its socket; none if it has no TCP socket.
    pub state: Option<State>,
    /// Cookie of its socket; 0 if it has no socket, or nobody has asked for the cookie yet.
    pub id: u64,
    /// Process that made the socket; 0 if it is not known.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// Its name; empty if it is not known.
    pub comm: String,
    /// The socket's control group (v2); 0 if it has none.
    pub cgroup: u64,
    /// The socket's network namespace, else the device's; 0 where there is neither.
    pub netns: u32,
}

impl Dropped {
    /// A drop as the programs write it.
    pub fn read(bytes: &[u8], names: &impl KernelNames) -> Self {
        let record: DropRecord = read(bytes);
        let end = |bytes, port| (record.family != 0).then(|| SocketAddr::new(address(record.family, bytes), port));
        let DropReason { name, benign } = names.reason(record.reason);
        let spoken = (record.ethertype, record.protocol, record.socket_family);
        Self {
            at: Duration::from_nanos(record.at_ns),
            reason: name,
            benign,
            location: names.function(record.location),
            source: end(&record.source, record.source_port),
            destination: end(&record.destination, record.destination_port),
            length: record.length,
            tcp_flags: record.tcp_flags,
            state: (record.state != 0 && is_tcp(spoken)).then(|| State::of(record.state)),
            protocol: protocol(spoken),
            id: record.id,
            pid: record.pid,
            uid: record.uid,
            comm: comm(&record.comm),
            cgroup: record.cgroup,
            netns: record.netns,
        }
    }
}

/// What drops are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DropKey {
    /// Network namespace: its inode; 0 where a packet has none.
    pub netns: u32,
    /// Why, in the kernel's words; `other` for all that there was no room for.
    pub reason: String,
    /// Whether nobody misses what is dropped for this reason.
    pub benign: bool,
    /// What the packets speak.
    pub protocol: String,
}

impl DropKey {
    /// A key as the programs write it.
    pub fn read(bytes: &[u8], names: &impl KernelNames) -> Self {
        let record: DropKeyRecord = read(bytes);
        if record.reason == 0 {
            return Self { netns: 0, reason: OTHER.to_owned(), benign: false, protocol: OTHER.to_owned() };
        }
        let DropReason { name, benign } = names.reason(record.reason);
        let spoken = (record.ethertype, record.protocol, record.socket_family);
        Self { netns: record.netns, reason: name, benign, protocol: protocol(spoken) }
    }
}

impl CounterKey for DropKey {
    fn is_other(&self) -> bool {
        self.reason == OTHER
    }

    fn others() -> Vec<Vec<u8>> {
        vec![DropKeyRecord::default().as_bytes().to_vec()]
    }
}

/// What a packet is marked with: the protocol above Ethernet, the one above IP, and its socket's family.
type Spoken = (u16, u8, u16);

/// What a packet speaks: the protocol above IP, else the one above Ethernet, else what its socket is.
fn protocol(spoken: Spoken) -> String {
    // include/uapi/linux/if_ether.h, include/uapi/linux/in.h, include/linux/socket.h
    let name = match spoken {
        (0, 0, 1) => "unix",
        (0, 0, 16) => "netlink",
        (0, 0, 17) => "packet",
        (0, 0, 0) => "unknown",
        (0, 0, family) => return format!("af-{family}"),
        (0x0800 | 0x86dd | 0, 1, _) => "icmp",
        (0x0800 | 0x86dd | 0, IPPROTO_TCP, _) => "tcp",
        (0x0800 | 0x86dd | 0, 17, _) => "udp",
        (0x0800 | 0x86dd | 0, 58, _) => "icmpv6",
        (0x0800 | 0x86dd | 0, 132, _) => "sctp",
        (0x0800 | 0x86dd | 0, number, _) => return format!("ip-{number}"),
        (0x0806, ..) => "arp",
        (ethertype, ..) => return format!("0x{ethertype:04x}"),
    };
    name.to_owned()
}

/// Whether that is TCP.
fn is_tcp(spoken: Spoken) -> bool {
    matches!(spoken, (0x0800 | 0x86dd | 0, IPPROTO_TCP, _))
}

/// `struct drop` of `bpf/drops.h`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
struct DropRecord {
    at_ns: u64,
    location: u64,
    id: u64,
    cgroup: u64,
    source: [u8; 16],
    destination: [u8; 16],
    netns: u32,
    pid: u32,
    uid: u32,
    reason: u32,
    length: u32,
    source_port: u16,
    destination_port: u16,
    ethertype: u16,
    family: u16,
    socket_family: u16,
    protocol: u8,
    state: u8,
    tcp_flags: u8,
    pad: [u8; 3],
    comm: [u8; COMM_LEN],
}

/// `struct series_key` of `bpf/drops.h`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct DropKeyRecord {
    netns: u32,
    reason: u32,
    ethertype: u16,
    socket_family: u16,
    protocol: u8,
    pad: [u8; 3],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_size_that_the_programs_write() {
        assert_eq!((size_of::<DropRecord>(), size_of::<DropKeyRecord>()), (120, 16));
    }

    #[test]
    fn protocols_have_the_names_that_people_use() {
        let check = |ethertype, above, family, name| {
            let spoken = (ethertype, above, family);
            assert_eq!(protocol(spoken), name);
            assert_eq!(is_tcp(spoken), name == "tcp");
        };
        check(0x0800, 6, 2, "tcp");
        check(0x86dd, 17, 0, "udp");
        check(0, 6, 2, "tcp");
        check(0x0800, 47, 0, "ip-47");
        check(0x0806, 0, 0, "arp");
        check(0x88cc, 0, 0, "0x88cc");
        check(0, 0, 1, "unix");
        check(0, 0, 0, "unknown");
    }
}
