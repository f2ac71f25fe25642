//! Records of TCP connections: keys and counters.

mod counters;

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use self::counters::RTT_BUCKETS;
pub use self::counters::{TcpLosses, TcpSeries};
use crate::CounterKey;
use crate::connection::{ConnectionRole, EventKind};
use crate::layout::{COMM_LEN, address, comm, read};

/// Exclusive upper bounds of the buckets of [`TcpSeries::rtt`], except the last, in microseconds.
pub const RTT_BOUNDS_US: [u32; RTT_BUCKETS - 1] = {
    let mut bounds = [32; RTT_BUCKETS - 1];
    let mut i = 1;
    while i < bounds.len() {
        bounds[i] = bounds[i - 1] * 2;
        i += 1;
    }
    bounds
};

/// Key of TCP counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct TcpKey {
    /// Role of this end.
    pub role: ConnectionRole,
    /// Id of the control group (v2); 0 if it is not known.
    pub cgroup: u64,
    /// Network namespace, by its inode.
    pub netns: u32,
    /// Name of the process.
    pub comm: String,
    /// Address of the other end.
    pub remote: IpAddr,
    /// Port of the service: the remote port of a client, or the local port of a server.
    pub port: u16,
}

impl TcpKey {
    /// Reads a key from the programs' record.
    pub fn read(bytes: &[u8]) -> Self {
        let record: KeyRecord = read(bytes);
        Self {
            role: ConnectionRole::of(record.role),
            cgroup: record.cgroup,
            netns: record.netns,
            comm: comm(&record.comm),
            remote: address(record.family.into(), &record.remote),
            port: record.port,
        }
    }
}

impl CounterKey for TcpKey {
    fn is_other(&self) -> bool {
        self.netns == 0
    }

    fn others() -> Vec<Vec<u8>> {
        let other = |role: ConnectionRole| KeyRecord { role: role as u8, ..KeyRecord::default() }.as_bytes().to_vec();
        [ConnectionRole::Unknown, ConnectionRole::Client, ConnectionRole::Server].map(other).into()
    }
}

impl TcpSeries {
    /// Returns the total duration of handshakes, over `opened` without `untimed` connections.
    pub fn handshake(&self) -> Duration {
        Duration::from_nanos(self.handshake_ns)
    }
}

impl TcpLosses {
    /// Returns the numbers of events lost because the ring was full, by kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (EventKind, u64)> {
        EventKind::ALL.into_iter().zip(self.events)
    }
}

/// `struct series_key` of `bpf/event.h`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct KeyRecord {
    cgroup: u64,
    remote: [u8; 16],
    comm: [u8; COMM_LEN],
    netns: u32,
    port: u16,
    family: u8,
    role: u8,
}
