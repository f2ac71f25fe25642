//! Records of DNS queries: keys, counters and single queries.

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

/// Exclusive upper bounds of the buckets of `latency` in [`DnsSeries`], except the last.
pub const LATENCY_BOUNDS: [Duration; LATENCY_BUCKETS - 1] = {
    let mut bounds = [Duration::from_micros(64); LATENCY_BUCKETS - 1];
    let mut i = 1;
    while i < bounds.len() {
        bounds[i] = Duration::from_micros(64 << i);
        i += 1;
    }
    bounds
};

/// Key of DNS counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DnsKey {
    /// Id of the control group (v2); 0 if it is not known.
    pub cgroup: u64,
    /// Network namespace, by its inode.
    pub netns: u32,
    /// Name of the process.
    pub comm: String,
    /// Number of the query's type.
    pub kind: u16,
    /// How the query ended.
    pub rcode: Rcode,
    /// Transport protocol of the query.
    pub transport: Transport,
}

impl DnsKey {
    /// Reads a key from the programs' record.
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
    /// Returns the total time from query to answer, over all answers.
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
