//! The kernel's tables of TCP sockets, as `ss` lists them.

use std::io;
use std::net::IpAddr;

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, SockDiagMessage, TCP_LISTEN};
use rustix::net::netlink::SOCK_DIAG;
use zerocopy::{Immutable, IntoBytes};

use crate::netlink;

/// One socket of a table.
pub struct TableSocket {
    pub is_listening: bool,
    /// Number of the interface that the socket is bound to; 0 if it is bound to none.
    pub interface: u32,
    pub entry: Entry,
}

/// `struct entry` of `seed.h`. Ports and addresses are in network order.
#[derive(Debug, PartialEq, Eq, IntoBytes, Immutable)]
#[repr(C)]
pub struct Entry {
    id: u64,
    family: u32,
    /// Remote and local addresses, then remote and local ports, without a gap: 12 bytes for IPv4, 36 for IPv6.
    tuple: [u8; 36],
}

/// Lists the sockets of this thread's network namespace that listen or are connected.
pub fn sockets() -> io::Result<Vec<TableSocket>> {
    let socket = netlink::open(SOCK_DIAG)?;
    let mut sockets = Vec::new();
    for question in [question(AF_INET, SocketId::new_v4()), question(AF_INET6, SocketId::new_v6())] {
        netlink::list(&socket, SockDiagMessage::InetRequest(question), |message| {
            if let SockDiagMessage::InetResponse(found) = message {
                sockets.push(TableSocket::of(&found.header));
            }
        })?;
    }
    Ok(sockets)
}

fn question(family: u8, socket_id: SocketId) -> InetRequest {
    // Sockets without a handshake, and those that have ended, are left out.
    let left_out = StateFlags::SYN_SENT | StateFlags::SYN_RECV | StateFlags::TIME_WAIT | StateFlags::CLOSE;
    let states = StateFlags::all() - left_out;
    InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::empty(), states, socket_id }
}

impl TableSocket {
    fn of(header: &InetResponseHeader) -> Self {
        let socket = &header.socket_id;
        Self { is_listening: header.state == TCP_LISTEN, interface: socket.interface_id, entry: Entry::of(socket) }
    }
}

impl Entry {
    fn of(socket: &SocketId) -> Self {
        // The kernel finds an IPv6 socket that carries IPv4 under its IPv4 addresses. A listener has no remote address.
        let (family, addresses) =
            match (socket.destination_address.to_canonical(), socket.source_address.to_canonical()) {
                (IpAddr::V4(remote), IpAddr::V4(local)) => (AF_INET, [remote, local].map(|end| end.octets()).concat()),
                (IpAddr::V6(_), IpAddr::V4(local)) => (AF_INET, [[0; 4], local.octets()].concat()),
                (IpAddr::V6(remote), IpAddr::V6(local)) => (AF_INET6, [remote, local].map(|end| end.octets()).concat()),
                (IpAddr::V4(_), IpAddr::V6(local)) => (AF_INET6, [[0; 16], local.octets()].concat()),
            };
        let ports = [socket.destination_port, socket.source_port].map(u16::to_be_bytes).concat();
        let whole = [addresses, ports].concat();
        let mut tuple = [0; 36];
        tuple[..whole.len()].copy_from_slice(&whole);
        Self { id: u64::from_ne_bytes(socket.cookie), family: family.into(), tuple }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(local: &str, remote: &str) -> Entry {
        let [source_address, destination_address] = [local, remote].map(|address| address.parse().unwrap());
        let of_port = SocketId { source_port: 0x0102, destination_port: 0x0304, ..SocketId::new_v4() };
        Entry::of(&SocketId { source_address, destination_address, cookie: 7u64.to_ne_bytes(), ..of_port })
    }

    #[test]
    fn an_entry_is_what_a_segment_to_it_would_say() {
        let mut expected = Entry { id: 7, family: 2, tuple: [0; 36] };
        expected.tuple[..12].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1, 3, 4, 1, 2]);
        assert_eq!(entry("10.0.0.1", "10.0.0.2"), expected);
        assert_eq!(entry("::ffff:10.0.0.1", "::ffff:10.0.0.2"), expected);
        expected.tuple[..4].fill(0);
        assert_eq!(entry("::ffff:10.0.0.1", "::"), expected);
        let mut expected = Entry { id: 7, family: 10, tuple: [0; 36] };
        for (at, byte) in [(15, 2), (31, 1), (32, 3), (33, 4), (34, 1), (35, 2)] {
            expected.tuple[at] = byte;
        }
        assert_eq!(entry("::1", "::2"), expected);
    }
}
