use std::time::Duration;

use serde::Serialize;

use crate::record::comm;

use super::counters::{LATENCY_BUCKETS, Series};
use super::query::{Rcode, Transport};
use super::record::KeyRecord;

/// Upper ends of the buckets of `latency` in [`Series`] but the last, exclusive.
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

impl Series {
    /// Time from query to answer, summed over answers.
    pub fn latency(&self) -> Duration {
        Duration::from_nanos(self.latency_ns)
    }
}
