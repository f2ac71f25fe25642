use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Histogram, Signal};

/// What is known of a run besides its blocks and readings, for the guards: `facts.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// How each client was told to use connections; `None` if unknown.
    #[serde(default)]
    pub connection: Option<ConnectionUse>,
    /// What each sidecar reports about itself, after the rounds.
    #[serde(default)]
    pub sidecars: Vec<SidecarFacts>,
    /// Latency of calls between services during the rounds, as the callers saw it.
    #[serde(default)]
    pub calls: Vec<CallLatency>,
    /// What the kernel witness's programs used in each watched arm, measured after the rounds and outside all figures.
    #[serde(default)]
    pub programs: Vec<ProgramFacts>,
    /// Failures that the topology declares; none in runs that did not record them.
    #[serde(default)]
    pub declared: DeclaredFailures,
    /// The machine's clocks at several instants of the run, including the first and the last.
    #[serde(default)]
    pub clocks: Vec<ClockFacts>,
    /// Whether the kernel subtracts time in interrupts from the interrupted tasks (`CONFIG_IRQ_TIME_ACCOUNTING`);
    /// `None` if unknown.
    #[serde(default)]
    pub interrupts_apart: Option<bool>,
    /// Containers that ended by themselves and were restarted, in the order of their ends.
    #[serde(default)]
    pub restarts: Vec<RestartFacts>,
    /// What each arm's sidecars hold and spin in order to match Istio's; empty in runs that set nothing.
    #[serde(default)]
    pub held: Vec<HeldFacts>,
    /// Limits of Istio's proxies that arms lack, because this host has no such controller.
    #[serde(default)]
    pub unlimited: Vec<UnlimitedFacts>,
}

/// What an arm's sidecars use only because the arm's keys set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldFacts {
    /// Name of the arm.
    pub arm: String,
    /// Memory that each proxy's agent holds, in bytes.
    pub memory_bytes: u64,
    /// CPU time that all agents together spun for probes within the blocks, in seconds.
    pub cpu_s: f64,
}

/// A limit that this host cannot set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlimitedFacts {
    /// Name of the arm.
    pub arm: String,
    /// The controller that this host's control groups lack.
    pub controller: String,
}

/// The end of a container that was restarted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartFacts {
    /// Name of the arm.
    pub arm: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container, `app` or `proxy`.
    pub container: String,
    /// How it ended, such as `exit status: 3`.
    pub status: String,
}

impl fmt::Display for RestartFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}/{}/{}` ended ({})", self.arm, self.pod, self.container, self.status)
    }
}

/// Failures that a topology declares (`errors:`) and that are therefore expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeclaredFailures {
    /// Declared share of the client's requests.
    pub of_requests: f64,
    /// Declared shares of calls between services.
    pub of_calls: Vec<FailingCalls>,
}

/// Calls to an endpoint of which a declared share fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailingCalls {
    /// Called service.
    pub to: String,
    /// Called path; empty for `tcp`.
    pub path: String,
    /// Declared share of the calls.
    pub share: f64,
}

impl DeclaredFailures {
    /// The declared share of failing calls to an endpoint.
    pub fn of_call(&self, to: &str, path: &str) -> f64 {
        self.of_calls.iter().find(|calls| calls.to == to && calls.path == path).map_or(0.0, |calls| calls.share)
    }
}

/// How requests use connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionUse {
    /// One connection for each request.
    New,
    /// One connection for all requests.
    Keep,
}

/// What a sidecar reports about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidecarFacts {
    /// Name of the arm.
    pub arm: String,
    /// Name of its pod.
    pub pod: String,
    /// Worker threads that the experiment asks for.
    pub concurrency_asked: u64,
    /// Worker threads that it runs (`server.concurrency`); `None` if it does not report them.
    pub concurrency: Option<u64>,
    /// Whether the experiment asks for plaintext between pods.
    #[serde(default)]
    pub plaintext_asked: bool,
    /// Whether the experiment asks for Istio's metrics.
    #[serde(default)]
    pub telemetry_asked: bool,
    /// Requests that it received, by the `connection_security_policy` of Istio's metrics; empty without telemetry.
    pub security_policies: BTreeMap<String, u64>,
    /// Requests that it has retried by itself so far (`upstream_rq_retry`); zero in runs that did not record it.
    #[serde(default)]
    pub retries: u64,
    /// Signals that its metrics provide.
    #[serde(default)]
    pub signals: BTreeSet<Signal>,
    /// Requests and TCP connections that ended badly, by Envoy's response flag; empty in runs that did not record it.
    #[serde(default)]
    pub response_flags: BTreeMap<String, u64>,
}

/// Latency of the calls from one pod to one endpoint of another service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallLatency {
    /// Name of the arm.
    pub arm: String,
    /// Calling pod.
    pub from: String,
    /// Called service.
    pub to: String,
    /// Called path; empty for `tcp`.
    pub path: String,
    /// Latency of successful calls, from the first attempt to the last byte, in nanoseconds.
    pub latency: Histogram,
}

/// What a program in the kernel used while an arm was under load, on the whole machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFacts {
    /// Name of the arm.
    pub arm: String,
    /// Number of requests in this time.
    pub requests: u64,
    /// Name of the program.
    pub program: String,
    /// Time that the program ran, in nanoseconds.
    pub run_ns: u64,
    /// Number of times that it ran.
    pub runs: u64,
}

/// The kernel's clock source and the processors' frequency governors; each is empty if the machine does not report it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// Clock source, such as `tsc`.
    pub source: Option<String>,
    /// Frequency governors of all cores, such as `performance`.
    pub governors: BTreeSet<String>,
}
