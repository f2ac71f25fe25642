use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::counters::{Losses, RTT_BUCKETS, Series};
use crate::connection::{Kind, Role, address};
use crate::record::{KeyRecord, comm};

/// Upper ends of the buckets of [`Series::rtt`] but the last, in microseconds, exclusive.
pub const RTT_BOUNDS_US: [u32; RTT_BUCKETS - 1] = {
    let mut bounds = [32; RTT_BUCKETS - 1];
    let mut i = 1;
    while i < bounds.len() {
        bounds[i] = bounds[i - 1] * 2;
        i += 1;
    }
    bounds
};

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Key {
    /// Which end.
    pub role: Role,
    /// Id of the control group (v2); 0 if the kernel does not say.
    pub cgroup: u64,
    /// Network namespace: its inode.
    pub netns: u32,
    /// Name of the process.
    pub comm: String,
    /// Address of the other end.
    pub remote: IpAddr,
    /// Port of the service: the remote one of a client, the local one of a server.
    pub port: u16,
}

impl Key {
    pub(crate) fn of(record: &KeyRecord) -> Self {
        Self {
            role: Role::of(record.role),
            cgroup: record.cgroup,
            netns: record.netns,
            comm: comm(&record.comm),
            remote: address(record.family.into(), &record.remote),
            port: record.port,
        }
    }

    /// Whether it stands for all that there was no room for.
    pub fn is_other(&self) -> bool {
        self.netns == 0
    }
}

impl Series {
    /// Time that handshakes took, summed over `opened` without `untimed`.
    pub fn handshake(&self) -> Duration {
        Duration::from_nanos(self.handshake_ns)
    }
}

impl Losses {
    /// Events that found the ring full, by kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL.into_iter().zip(self.events)
    }
}
