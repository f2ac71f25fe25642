use std::time::Duration;

use serde::Serialize;

use crate::record::comm;

use super::query::{Rcode, Transport};
use super::record::{KeyRecord, LATENCY_BUCKETS, LossRecord, SeriesRecord};

/// Upper ends of the buckets of [`Series::latency`] but the last, exclusive.
pub const LATENCY_BOUNDS: [Duration; LATENCY_BUCKETS - 1] = {
    let mut bounds = [Duration::from_micros(64); LATENCY_BUCKETS - 1];
    let mut i = 1;
    while i < bounds.len() {
        bounds[i] = Duration::from_micros(64 << i);
        i += 1;
    }
    bounds
};

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Key {
    /// Id of the control group (v2); 0 if the kernel does not say.
    pub cgroup: u64,
    /// Network namespace: its inode.
    pub netns: u32,
    /// Name of the process.
    pub comm: String,
    /// Number of the type that was asked for.
    pub kind: u16,
    /// How it ended.
    pub rcode: Rcode,
    /// What carried it.
    pub transport: Transport,
}

impl Key {
    pub(super) fn of(record: &KeyRecord) -> Self {
        Self {
            cgroup: record.cgroup,
            netns: record.netns,
            comm: comm(&record.comm),
            kind: record.kind,
            rcode: Rcode::of(record.rcode),
            transport: Transport::of(record.transport),
        }
    }

    /// Whether it stands for all that there was no room for.
    pub fn is_other(&self) -> bool {
        self.netns == 0
    }
}

/// Counters that only grow, since the programs were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Queries that have ended.
    pub queries: u64,
    /// Of those, how many had an answer that says that it is truncated.
    pub truncated: u64,
    /// Time from query to answer, summed over answers.
    pub latency: Duration,
    /// How many of those times lay below each of [`LATENCY_BOUNDS`], and above the last.
    pub latencies: [u64; LATENCY_BUCKETS],
}

impl Series {
    pub(super) fn of(record: &SeriesRecord) -> Self {
        Self {
            queries: record.queries,
            truncated: record.truncated,
            latency: Duration::from_nanos(record.latency_ns),
            latencies: record.latency,
        }
    }
}

/// What the witness itself has missed; each number would be 0 in a better world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Queries that ended when the ring was full; no counter misses them.
    pub events: u64,
    /// Times that something was counted as `other` because there was no room for a series more.
    pub series: u64,
    /// Queries that there was no room to follow: neither their answer nor their timeout is counted.
    pub queries: u64,
    /// Connections that the kernel had no memory to follow.
    pub sockets: u64,
    /// Messages, or segments of TCP, that were not understood.
    pub unparsed: u64,
    /// Packets with further headers of IPv6, of whatever port: they are not looked into.
    pub extended: u64,
    /// Answers without a query that still waits: late ones, and those to queries from before the witness.
    pub unmatched: u64,
}

impl Losses {
    pub(super) fn of(record: &LossRecord) -> Self {
        let LossRecord { events, series, queries, sockets, unparsed, extended, unmatched } = *record;
        Self { events, series, queries, sockets, unparsed, extended, unmatched }
    }
}
