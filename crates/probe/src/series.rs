use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::connection::{Kind, Role, address};
use crate::record::{KeyRecord, LossRecord, RTT_BUCKETS, SeriesRecord, comm};

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

/// Counters that only grow, since the probe began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Connections established.
    pub opened: u64,
    /// Of those, connections that are gone.
    pub closed: u64,
    /// Active opens that failed.
    pub failed: u64,
    /// Connections that were cut off: by a reset of either side, or an error.
    pub reset: u64,
    /// Resets sent.
    pub resets_sent: u64,
    /// Resets received: those that refuse an open, too.
    pub resets_received: u64,
    /// Payload bytes sent.
    pub sent: u64,
    /// Payload bytes received.
    pub received: u64,
    /// Bytes sent again.
    pub retransmitted: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// Segments that arrived out of order.
    pub out_of_order: u64,
    /// Connections of which a sockmap may have carried bytes past TCP, so that `sent` and `received` lack them.
    pub bypassed: u64,
    /// Time that handshakes took, summed over `opened` without `untimed`.
    pub handshake: Duration,
    /// Of `opened`, connections of which nobody knows how long the handshake took.
    pub untimed: u64,
    /// Smoothed round-trip times at snapshots and ends, summed, in microseconds.
    pub rtt_sum_us: u64,
    /// How many of those lay below each of [`RTT_BOUNDS_US`], and above the last.
    pub rtt: [u64; RTT_BUCKETS],
}

impl Series {
    pub(crate) fn of(record: &SeriesRecord) -> Self {
        Self {
            opened: record.opened,
            closed: record.closed,
            failed: record.failed,
            reset: record.reset,
            resets_sent: record.resets_sent,
            resets_received: record.resets_received,
            sent: record.sent,
            received: record.received,
            retransmitted: record.retransmitted,
            retransmits: record.retransmits,
            out_of_order: record.out_of_order,
            bypassed: record.bypassed,
            handshake: Duration::from_nanos(record.handshake_ns),
            untimed: record.untimed,
            rtt_sum_us: record.rtt_sum_us,
            rtt: record.rtt,
        }
    }
}

/// What the probe itself has missed; each number would be 0 in a better world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Events that found the ring full, by kind; no counter misses them.
    pub events: Vec<(Kind, u64)>,
    /// Times that something was counted as `other` because there was no room for a series more.
    pub series: u64,
    /// Sockets that there was no room to follow.
    pub sockets: u64,
    /// Sockets that were met only after they had moved bytes, of which no counter knows.
    pub late: u64,
}

impl Losses {
    pub(crate) fn of(record: &LossRecord) -> Self {
        Self {
            events: Kind::ALL.into_iter().zip(record.events).collect(),
            series: record.series,
            sockets: record.stories,
            late: record.late,
        }
    }
}
