use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Histogram;

/// The most latencies of a block that are kept in their order: enough to test for trend and correlation, small enough
/// to store.
pub const SEQUENCE_MAX: usize = 4096;

/// What the load generator saw of the requests of one block, as counts and histograms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Wall time from the first intended start to the last end, in seconds.
    pub wall_s: f64,
    /// Number of requests started: successes and errors.
    pub requests: u64,
    /// Number of failed requests by kind (`status_503`, `connect`, `timeout` …); never part of `latency`.
    pub errors: BTreeMap<String, u64>,
    /// Kept connections that the peer closed between two requests, or since the previous block, and that were reopened.
    /// They are not errors.
    #[serde(default)]
    pub reconnects: u64,
    /// Connections that these requests opened; zero if an open connection is kept, and in runs that did not record it.
    #[serde(default)]
    pub connections: u64,
    /// Latency of successes from the intended start to the last byte, in nanoseconds.
    pub latency: Histogram,
    /// Service time of successes: from the last byte that was sent to the last byte of the answer, in nanoseconds. Empty in
    /// runs that did not record it.
    #[serde(default)]
    pub service: Histogram,
    /// Requests that were due and never sent: too many were under way or waiting, or the block ended first.
    #[serde(default)]
    pub dropped: u64,
    /// The generator's own lateness over all requests, from the intended start until it began to work, in nanoseconds.
    pub lag: Histogram,
    /// Time for which the generator did not run although it was due, in seconds: it, or the machine, was stopped. Zero
    /// in runs that did not check.
    #[serde(default)]
    pub stopped_s: f64,
    /// The first of these latencies in the order of their ends, at most [`SEQUENCE_MAX`].
    #[serde(default)]
    pub sequence: Vec<u64>,
}

impl Samples {
    /// Counts an answered request, `latency_ns` after its intended start. The generator began to work `lag_ns` after
    /// it.
    pub fn succeeded(&mut self, latency_ns: u64, lag_ns: u64) {
        self.requests += 1;
        self.lag.record(lag_ns);
        self.latency.record(latency_ns);
        if self.sequence.len() < SEQUENCE_MAX {
            self.sequence.push(latency_ns);
        }
    }

    /// Adds what another part of the same block saw. The block lasted as long as its longest part.
    pub fn merge(&mut self, other: &Samples) {
        self.wall_s = self.wall_s.max(other.wall_s);
        self.requests += other.requests;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        self.reconnects += other.reconnects;
        self.connections += other.connections;
        self.dropped += other.dropped;
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
        self.stopped_s = self.stopped_s.max(other.stopped_s);
        let room = SEQUENCE_MAX.saturating_sub(self.sequence.len());
        self.sequence.extend(other.sequence.iter().take(room));
    }

    /// Counts a request that failed in this way. The generator began to work `lag_ns` after its intended start.
    pub fn failed(&mut self, kind: String, lag_ns: u64) {
        self.requests += 1;
        self.lag.record(lag_ns);
        *self.errors.entry(kind).or_default() += 1;
    }
}
