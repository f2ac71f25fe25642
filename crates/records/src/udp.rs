//! What is counted of datagrams.

mod counters;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub use self::counters::{UdpLosses, UdpSeries};
use crate::CounterKey;
use crate::layout::{COMM_LEN, address, comm, read};

/// Which end a UDP socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UdpRole {
    /// Not known.
    Unknown,
    /// It sent first; of a socket whose beginning was not seen, it left its port to the kernel.
    Client,
    /// It was asked first; of a socket whose beginning was not seen, its program has chosen the port.
    Server,
}

/// What datagrams are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct UdpKey {
    /// Which end.
    pub role: UdpRole,
    /// Id of the control group (v2) in which the socket was made; 0 if the kernel does not say.
    pub cgroup: u64,
    /// Network namespace: its inode.
    pub netns: u32,
    /// Process that made the socket; 0 where only services are told apart, and if it is not known.
    pub pid: u32,
    /// Its name; empty if it is not known, as that of the kernel's own sockets.
    pub comm: String,
    /// Port of this end; where only services are told apart 0 for a client.
    pub local_port: u16,
    /// The other end; where only services are told apart its port is 0 for a server.
    pub remote: SocketAddr,
}

impl UdpKey {
    /// A key as the programs write it.
    pub fn read(bytes: &[u8]) -> Self {
        let record: UdpKeyRecord = read(bytes);
        let remote: IpAddr = address(record.family.into(), &record.remote);
        Self {
            role: match record.role {
                1 => UdpRole::Client,
                2 => UdpRole::Server,
                _ => UdpRole::Unknown,
            },
            cgroup: record.cgroup,
            netns: record.netns,
            pid: record.pid,
            comm: comm(&record.comm),
            local_port: record.local_port,
            remote: SocketAddr::new(remote, record.remote_port),
        }
    }
}

impl CounterKey for UdpKey {
    fn is_other(&self) -> bool {
        self.netns == 0
    }

    fn others() -> Vec<Vec<u8>> {
        vec![UdpKeyRecord::default().as_bytes().to_vec()]
    }
}

impl UdpSeries {
    /// Datagrams that sockets dropped, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.overflowed + self.starved + self.failed
    }
}

/// `struct udp_key` of `bpf/udp.h`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct UdpKeyRecord {
    cgroup: u64,
    remote: [u8; 16],
    comm: [u8; COMM_LEN],
    netns: u32,
    pid: u32,
    local_port: u16,
    remote_port: u16,
    family: u8,
    role: u8,
    pad: [u8; 2],
}
