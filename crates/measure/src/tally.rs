use std::collections::BTreeMap;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Histogram, Samples};

/// Bytes of requests or answers as they are on a connection, without TLS and TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireBytes {
    /// Bytes of first lines and header fields.
    pub head: u64,
    /// Bytes of bodies, sizes of chunks included.
    pub body: u64,
}

impl AddAssign for WireBytes {
    fn add_assign(&mut self, other: Self) {
        self.head += other.head;
        self.body += other.body;
    }
}

/// What became of the requests of one load, in one thread or in all.
#[derive(Clone, Debug, Default)]
pub struct LoadTally {
    /// Counts and the histograms of latency, service time and lateness.
    pub samples: Samples,
    /// Time until the first byte of an answer, from the last byte that was sent, in nanoseconds.
    pub first_byte: Histogram,
    /// Time that connections took to open, in nanoseconds.
    pub connect: Histogram,
    /// Complete answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes of requests that were sent whole.
    pub sent: WireBytes,
    /// Bytes of answers that were read whole.
    pub received: WireBytes,
    /// CPU time of the generator's threads, in seconds.
    pub cpu_s: f64,
}

impl LoadTally {
    /// Adds what another thread saw of the same load.
    pub fn merge(&mut self, other: &LoadTally) {
        self.samples.merge(&other.samples);
        self.first_byte.merge(&other.first_byte);
        self.connect.merge(&other.connect);
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.sent += other.sent;
        self.received += other.received;
        self.cpu_s += other.cpu_s;
    }
}
