//! Records of UDP datagrams: keys and counters.

mod counters;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub use self::counters::{UdpLosses, UdpSeries};
use crate::CounterKey;
use crate::layout::{COMM_LEN, address, comm, read};

/// Role of a UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UdpRole {
    /// The role is not known.
    Unknown,
    /// The socket sent first. If its beginning was not seen, the kernel chose its port.
    Client,
    /// The socket received first. If its beginning was not seen, the program chose its port.
    Server,
}

/// Key of UDP counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct UdpKey {
    /// Role of this end.
    pub role: UdpRole,
    /// Id of the control group (v2) in which the socket was made; 0 if it is not known.
    pub cgroup: u64,
    /// Network namespace, by its inode.
    pub netns: u32,
    /// Process that made the socket; 0 if it is not known, or if series are per service.
    pub pid: u32,
    /// Name of the process; empty if it is not known, as for the kernel's own sockets.
    pub comm: String,
    /// Local port; 0 for a client if series are per service.
    pub local_port: u16,
    /// Address and port of the other end. The port is 0 for a server if series are per service.
    pub remote: SocketAddr,
}

impl UdpKey {
    /// Reads a key from the programs' record.
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
    /// Returns the number of datagrams that sockets dropped, for any reason.
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
