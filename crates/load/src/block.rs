use std::collections::BTreeMap;

use measure::Histogram;
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// Latencies of a block that are kept in their order: enough to test for trend and correlation, small enough to store.
pub const SEQUENCE_MAX: usize = 4096;

/// What one block of load showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockLoad {
    /// Requests started: successes and errors.
    pub requests: u64,
    /// Requests that failed, by kind (`status_503`, `connect`, `timeout` …).
    pub errors: BTreeMap<String, u64>,
    /// Kept connections that the peer had closed between two requests and that were opened again; no errors.
    pub reconnects: u64,
    /// Connections opened.
    #[serde(default)]
    pub connections: u64,
    /// Successes, from the intended start to the last byte, in nanoseconds.
    pub latency: Histogram,
    /// All requests, from the intended start to the instant when the generator set to work, in nanoseconds.
    pub lag: Histogram,
    /// Time from the first intended start to the last end, in seconds.
    pub wall_s: f64,
    /// Time for which the generator did not run although it was its turn, in seconds.
    #[serde(default)]
    pub stopped_s: f64,
    /// The first latencies in the order in which they ended, at most [`SEQUENCE_MAX`].
    #[serde(default)]
    pub sequence: Vec<u64>,
}

impl BlockLoad {
    /// Counts one request that is over.
    pub(crate) fn record(&mut self, outcome: Outcome, latency_ns: u64, lag_ns: u64) {
        self.requests += 1;
        self.lag.record(lag_ns);
        if outcome.is_success() {
            self.latency.record(latency_ns);
            if self.sequence.len() < SEQUENCE_MAX {
                self.sequence.push(latency_ns);
            }
        } else {
            *self.errors.entry(outcome.to_string()).or_default() += 1;
        }
    }
}
