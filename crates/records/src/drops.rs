//! Records of packets that the kernel dropped: keys, counters and single drops.

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

/// Reason and protocol of the overflow key.
const OTHER: &str = "other";

/// A reason why the kernel drops packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropReason {
    /// The kernel's name of the reason, such as `NO_SOCKET`.
    pub name: String,
    /// Whether the reason is harmless, so that nothing is lost.
    pub benign: bool,
}

/// The running kernel's names of reasons and functions, which differ from kernel to kernel.
pub trait KernelNames {
    /// Returns the reason with this number.
    fn reason(&self, number: u32) -> DropReason;

    /// Returns the function at this address; `None` if the kernel hides addresses.
    fn function(&self, address: u64) -> Option<String>;
}

/// A packet that the kernel dropped. Segments that the kernel handles as one packet count once.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// Time of the drop, in CLOCK_MONOTONIC.
    pub at: Duration,
    /// Reason in the kernel's words, such as `NO_SOCKET`.
    pub reason: String,
    /// Whether the drop is harmless.
    pub benign: bool,
    /// The kernel function that dropped the packet; `None` if the kernel hides addresses.
    pub location: Option<String>,
    /// Protocol of the packet, such as `tcp`.
    pub protocol: String,
    /// Source address and port. The port is 0 if the protocol has none; `None` if the packet has no address.
    pub source: Option<SocketAddr>,
    /// Destination address and port. The port is 0 if the protocol has none; `None` if the packet has no address.
    pub destination: Option<SocketAddr>,
    /// Length in bytes, with the headers that the packet had when it was dropped.
    pub length: u32,
    /// TCP flags, as in the header.
    pub tcp_flags: u8,
    /// State of the packet's TCP socket; `None` if it has none.
    pub state: Option<State>,
    /// Cookie of the packet's socket; 0 if it has no socket, or the socket has no cookie yet.
    pub id: u64,
    /// Process that made the socket; 0 if it is not known.
    pub pid: u32,
    /// User id of the process.
    pub uid: u32,
    /// Name of the process; empty if it is not known.
    pub comm: String,
    /// Id of the socket's control group (v2); 0 if it has none.
    pub cgroup: u64,
    /// Network namespace of the socket, or else of the device, by its inode; 0 if there is neither.
    pub netns: u32,
}

impl Dropped {
    /// Reads a drop from the programs' record.
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

/// Key of drop counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DropKey {
    /// Network namespace, by its inode; 0 if the packet has none.
    pub netns: u32,
    /// Reason in the kernel's words; `other` for the overflow key.
    pub reason: String,
    /// Whether the reason is harmless.
    pub benign: bool,
    /// Protocol of the packets.
    pub protocol: String,
}

impl DropKey {
    /// Reads a key from the programs' record.
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

/// What identifies a packet's protocol: the EtherType, the protocol above IP, and the family of its socket.
type Spoken = (u16, u8, u16);

/// Returns the name of a packet's protocol: the one above IP, or else the one above Ethernet, or else the socket's
/// family.
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

/// Returns whether the protocol is TCP.
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
