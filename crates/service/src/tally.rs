//! What the running pod counts: atomics, and one lock per histogram.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::counts::{CallCount, EndpointCount};

/// Longest duration that is recorded as it was; longer ones are recorded as this.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct AtomicCounter(AtomicU64);

impl AtomicCounter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Adds one and returns how many there were before.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Durations, as a histogram of nanoseconds.
#[derive(Debug)]
pub(crate) struct Durations(Mutex<Histogram<u64>>);

impl Durations {
    pub(crate) fn record(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(LONGEST_NS);
        self.0.lock().expect("no thread panics while it records").saturating_record(ns);
    }

    /// The histogram in V2 encoding with deflate, as base64.
    pub(crate) fn encode(&self) -> String {
        // The copy keeps the lock short: those that record must not wait for the compression.
        let copy = self.0.lock().expect("no thread panics while it records").clone();
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&copy, &mut bytes).expect("a vector takes what is written to it");
        STANDARD.encode(bytes)
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self(Mutex::new(Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are valid")))
    }
}

/// What belongs to the whole pod.
#[derive(Debug, Default)]
pub(crate) struct PodTally {
    pub(crate) wait_excess: Durations,
    pub(crate) waited_ns: AtomicCounter,
    pub(crate) cpu_asked_ns: AtomicCounter,
    pub(crate) cpu_burned_ns: AtomicCounter,
    pub(crate) ready_probes: AtomicCounter,
    pub(crate) unknown_paths: AtomicCounter,
    pub(crate) accept_failures: AtomicCounter,
}

impl PodTally {
    /// Notes a wait that a script asked for and how long it really was.
    pub(crate) fn record_wait(&self, asked: Duration, waited: Duration) {
        self.waited_ns.add(waited.as_nanos() as u64);
        self.wait_excess.record(waited.saturating_sub(asked));
    }

    /// Notes CPU time that a script asked for and that was burned for it.
    pub(crate) fn record_cpu(&self, asked: Duration, burned: Duration) {
        self.cpu_asked_ns.add(asked.as_nanos() as u64);
        self.cpu_burned_ns.add(burned.as_nanos() as u64);
    }
}

/// What belongs to one endpoint.
#[derive(Debug, Default)]
pub(crate) struct EndpointTally {
    pub(crate) requests: AtomicCounter,
    pub(crate) errors: AtomicCounter,
    pub(crate) received_bytes: AtomicCounter,
    pub(crate) sent_bytes: AtomicCounter,
}

impl EndpointTally {
    pub(crate) fn count(&self, path: &str) -> EndpointCount {
        EndpointCount {
            path: path.to_owned(),
            requests: self.requests.read(),
            errors: self.errors.read(),
            received_bytes: self.received_bytes.read(),
            sent_bytes: self.sent_bytes.read(),
        }
    }
}

/// What belongs to the calls to one path of one service.
#[derive(Debug, Default)]
pub(crate) struct CallTally {
    pub(crate) calls: AtomicCounter,
    pub(crate) failures: AtomicCounter,
    pub(crate) retries: AtomicCounter,
    pub(crate) sent_bytes: AtomicCounter,
    pub(crate) received_bytes: AtomicCounter,
    pub(crate) latency: Durations,
    pub(crate) last_failure: Mutex<Option<String>>,
}

impl CallTally {
    pub(crate) fn count(&self, service: &str, path: &str) -> CallCount {
        CallCount {
            service: service.to_owned(),
            path: path.to_owned(),
            calls: self.calls.read(),
            failures: self.failures.read(),
            retries: self.retries.read(),
            sent_bytes: self.sent_bytes.read(),
            received_bytes: self.received_bytes.read(),
            latency: self.latency.encode(),
            last_failure: self.last_failure.lock().expect("no thread panics while it holds this").clone(),
        }
    }
}
