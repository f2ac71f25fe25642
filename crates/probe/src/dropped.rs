use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::connection::{State, address};
use crate::reason::Reasons;
use crate::record::{COMM_LEN, comm};
use crate::symbols::Symbols;

/// What there was no room for goes by this name.
const OTHER: &str = "other";

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
    pub(crate) fn of(record: &DropRecord, reasons: &Reasons, symbols: &Symbols) -> Self {
        let end = |bytes, port| (record.family != 0).then(|| SocketAddr::new(address(record.family, bytes), port));
        let reason = reasons.name(record.reason);
        let protocol = protocol(record.ethertype, record.protocol, record.socket_family);
        Self {
            at: Duration::from_nanos(record.at_ns),
            benign: reasons.is_benign(&reason),
            reason,
            location: symbols.name(record.location).map(ToOwned::to_owned),
            source: end(&record.source, record.source_port),
            destination: end(&record.destination, record.destination_port),
            length: record.length,
            tcp_flags: record.tcp_flags,
            state: (record.state != 0 && protocol == "tcp").then_some(State(record.state)),
            protocol,
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
    pub(crate) fn of(record: &DropKeyRecord, reasons: &Reasons) -> Self {
        if record.reason == 0 {
            return Self { netns: 0, reason: OTHER.to_owned(), benign: false, protocol: OTHER.to_owned() };
        }
        let reason = reasons.name(record.reason);
        Self {
            netns: record.netns,
            benign: reasons.is_benign(&reason),
            reason,
            protocol: protocol(record.ethertype, record.protocol, record.socket_family),
        }
    }

    /// Whether it stands for all that there was no room for.
    pub fn is_other(&self) -> bool {
        self.reason == OTHER
    }
}

/// What a packet speaks: the protocol above IP, else the one above Ethernet, else what its socket is.
fn protocol(ethertype: u16, protocol: u8, socket_family: u16) -> String {
    // include/uapi/linux/if_ether.h, include/uapi/linux/in.h, include/linux/socket.h
    let name = match (ethertype, protocol, socket_family) {
        (0, 0, 1) => "unix",
        (0, 0, 16) => "netlink",
        (0, 0, 17) => "packet",
        (0, 0, 0) => "unknown",
        (0, 0, family) => return format!("af-{family}"),
        (0x0800 | 0x86dd | 0, 1, _) => "icmp",
        (0x0800 | 0x86dd | 0, 6, _) => "tcp",
        (0x0800 | 0x86dd | 0, 17, _) => "udp",
        (0x0800 | 0x86dd | 0, 58, _) => "icmpv6",
        (0x0800 | 0x86dd | 0, 132, _) => "sctp",
        (0x0800 | 0x86dd | 0, number, _) => return format!("ip-{number}"),
        (0x0806, ..) => "arp",
        (ethertype, ..) => return format!("0x{ethertype:04x}"),
    };
    name.to_owned()
}

/// `struct drop`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
pub(crate) struct DropRecord {
    pub at_ns: u64,
    pub location: u64,
    pub id: u64,
    pub cgroup: u64,
    pub source: [u8; 16],
    pub destination: [u8; 16],
    pub netns: u32,
    pub pid: u32,
    pub uid: u32,
    pub reason: u32,
    pub length: u32,
    pub source_port: u16,
    pub destination_port: u16,
    pub ethertype: u16,
    pub family: u16,
    pub socket_family: u16,
    pub protocol: u8,
    pub state: u8,
    pub tcp_flags: u8,
    pub pad: [u8; 3],
    pub comm: [u8; COMM_LEN],
}

/// `struct drop_key`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct DropKeyRecord {
    pub netns: u32,
    pub reason: u32,
    pub ethertype: u16,
    pub socket_family: u16,
    pub protocol: u8,
    pub pad: [u8; 3],
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
        let check = |ethertype, above, family, name| assert_eq!(protocol(ethertype, above, family), name);
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
