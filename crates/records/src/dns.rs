//! What is counted and told of DNS.

mod counters;
mod query;
mod question;
mod rcode;

use std::time::Duration;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use self::counters::LATENCY_BUCKETS;
pub use self::counters::{DnsLosses, DnsSeries};
pub use self::query::Query;
pub use self::question::type_name;
pub use self::rcode::Rcode;
use crate::CounterKey;
use crate::layout::{COMM_LEN, comm, read};
use crate::transport::Transport;

/// Upper ends of the buckets of `latency` in [`DnsSeries`] but the last, exclusive.
pub const LATENCY_BOUNDS: [Duration; LATENCY_BUCKETS - 1] = {
    let mut bounds = [Duration::from_micros(64); LATENCY_BUCKETS - 1];
    let mut i = 1;
    while i < bounds.len() {
        bounds[i] = Duration::from_micros(64 << i);
        i += 1;
    }
    bounds
};

/// What queries are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DnsKey {
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

impl DnsKey {
    /// A key as the programs write it.
    pub fn read(bytes: &[u8]) -> Self {
        let record: KeyRecord = read(bytes);
        Self {
            cgroup: record.cgroup,
            netns: record.netns,
            comm: comm(&record.comm),
            kind: record.kind,
            rcode: Rcode::of(record.rcode),
            transport: Transport::of(record.transport),
        }
    }
}

impl CounterKey for DnsKey {
    fn is_other(&self) -> bool {
        self.netns == 0
    }

    fn others() -> Vec<Vec<u8>> {
        vec![KeyRecord::default().as_bytes().to_vec()]
    }
}

impl DnsSeries {
    /// Time from query to answer, summed over answers.
    pub fn latency(&self) -> Duration {
        Duration::from_nanos(self.latency_ns)
    }
}

/// `struct series_key` of `bpf/dns.bpf.c`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct KeyRecord {
    cgroup: u64,
    comm: [u8; COMM_LEN],
    netns: u32,
    kind: u16,
    rcode: u16,
    transport: u8,
    pad: [u8; 7],
}
