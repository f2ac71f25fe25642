use serde::{Deserialize, Serialize};

/// What a pod counted since it started.
///
/// Histograms are HdrHistograms of nanoseconds with three significant digits from 1 ns to 1 h, in the V2 encoding with
/// deflate, as base64 with padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Name of the pod.
    pub pod: String,
    /// What arrived at each endpoint, in the order of the topology.
    pub endpoints: Vec<EndpointCount>,
    /// Calls to other services, one entry per service and path, in the order in which the scripts name them.
    pub calls: Vec<CallCount>,
    /// Histogram of how much longer than asked each wait was.
    pub wait_excess: String,
    /// Wall time that passed in waits, in nanoseconds.
    pub waited_ns: u64,
    /// CPU time that scripts asked for, in nanoseconds.
    pub cpu_asked_ns: u64,
    /// CPU time that was burned for it, in nanoseconds by the clocks of the burning threads.
    pub cpu_burned_ns: u64,
    /// Requests for the readiness path; part of no endpoint.
    pub ready_probes: u64,
    /// Requests for paths that the pod does not have, answered with 404; part of no endpoint.
    pub unknown_paths: u64,
    /// Connections that could not be accepted, for want of file descriptors for instance.
    pub accept_failures: u64,
    /// Requests whose script, answer or background work is not finished.
    pub in_flight: u64,
}

/// What arrived at one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCount {
    /// Path; empty for `tcp`.
    pub path: String,
    /// Requests received.
    pub requests: u64,
    /// Requests answered with 500, or for `tcp` by closing the connection.
    pub errors: u64,
    /// Bytes received: bodies for `http`, lines for `tcp`.
    pub received_bytes: u64,
    /// Bytes answered: bodies for `http`, lines for `tcp`.
    pub sent_bytes: u64,
}

/// Calls to one path of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCount {
    /// Service called.
    pub service: String,
    /// Path called; empty for `tcp`.
    pub path: String,
    /// Calls made; a call with its retries is one.
    pub calls: u64,
    /// Calls that failed after all retries.
    pub failures: u64,
    /// Attempts after first ones that failed.
    pub retries: u64,
    /// Bytes sent by all attempts: bodies for `http`, lines for `tcp`.
    pub sent_bytes: u64,
    /// Bytes received by all attempts: bodies for `http`, lines for `tcp`.
    pub received_bytes: u64,
    /// Histogram of the latency of calls that succeeded, from the first attempt to the last byte; failures have none.
    pub latency: String,
    /// Why the latest failed attempt failed.
    pub last_failure: Option<String>,
}
