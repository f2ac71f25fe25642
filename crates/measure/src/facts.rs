use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Histogram, Signal};

/// What is known of a run besides its blocks and readings, so that its numbers can be doubted: `facts.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// How each client was told to share connections between requests; none if it is not known.
    #[serde(default)]
    pub connection: Option<ConnectionUse>,
    /// What each sidecar says of itself, after the rounds.
    #[serde(default)]
    pub sidecars: Vec<SidecarFacts>,
    /// Latency of the calls between services during the rounds, as the callers saw it.
    #[serde(default)]
    pub calls: Vec<CallLatency>,
    /// What the kernel witness's programs took in each watched arm, after the rounds and outside all figures.
    #[serde(default)]
    pub programs: Vec<ProgramFacts>,
    /// Failures that the application is made to have; none in runs that did not record it.
    #[serde(default)]
    pub declared: DeclaredFailures,
    /// The machine's clocks at instants of the run, the first and the last among them.
    #[serde(default)]
    pub clocks: Vec<ClockFacts>,
    /// Whether the kernel takes time in interrupts off the tasks that they interrupt (`CONFIG_IRQ_TIME_ACCOUNTING`); none if it
    /// is not known.
    #[serde(default)]
    pub interrupts_apart: Option<bool>,
    /// Containers that ended by themselves and were started again, in the order of their ends.
    #[serde(default)]
    pub restarts: Vec<RestartFacts>,
    /// What each arm's sidecars hold and spin to take what Istio's take; empty in runs that set nothing.
    #[serde(default)]
    pub held: Vec<HeldFacts>,
    /// Arms whose proxies lack a limit that Istio's have, as this host has no such controller.
    #[serde(default)]
    pub unlimited: Vec<UnlimitedFacts>,
}

/// What an arm's sidecars take only because it is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldFacts {
    /// Name of the arm.
    pub arm: String,
    /// Memory that each proxy's agent holds.
    pub memory_bytes: u64,
    /// CPU time that all agents together spun for probes within the blocks, in seconds.
    pub cpu_s: f64,
}

/// A limit that was not to be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlimitedFacts {
    /// Name of the arm.
    pub arm: String,
    /// Name of the controller that this host's control groups lack.
    pub controller: String,
}

/// The end of a container that was started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartFacts {
    /// Name of the arm.
    pub arm: String,
    /// Its pod.
    pub pod: String,
    /// Its name, `app` or `proxy`.
    pub container: String,
    /// How it ended, as `exit status: 3`.
    pub status: String,
}

impl fmt::Display for RestartFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}/{}/{}` ended ({})", self.arm, self.pod, self.container, self.status)
    }
}

/// Failures that a topology declares (`errors:`): what is meant to fail is no fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeclaredFailures {
    /// Share of the client's requests.
    pub of_requests: f64,
    /// Calls between services that fail so.
    pub of_calls: Vec<FailingCalls>,
}

/// Calls to an endpoint of which a share is declared to fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailingCalls {
    /// Called service.
    pub to: String,
    /// Called path; empty for `tcp`.
    pub path: String,
    /// Share of the calls.
    pub share: f64,
}

impl DeclaredFailures {
    /// The share of calls to an endpoint that is declared to fail.
    pub fn of_call(&self, to: &str, path: &str) -> f64 {
        self.of_calls.iter().find(|calls| calls.to == to && calls.path == path).map_or(0.0, |calls| calls.share)
    }
}

/// How requests share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionUse {
    /// One for each request.
    New,
    /// One for all.
    Keep,
}

/// What a sidecar says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidecarFacts {
    /// Name of the arm.
    pub arm: String,
    /// Pod that it stands in.
    pub pod: String,
    /// Worker threads that the experiment asks for.
    pub concurrency_asked: u64,
    /// Worker threads that it runs (`server.concurrency`); none if it does not say.
    pub concurrency: Option<u64>,
    /// Whether the experiment asks for plaintext between pods.
    #[serde(default)]
    pub plaintext_asked: bool,
    /// Whether the experiment asks for Istio's metrics.
    #[serde(default)]
    pub telemetry_asked: bool,
    /// Requests that it received, by the `connection_security_policy` of Istio's metrics; empty without telemetry.
    pub security_policies: BTreeMap<String, u64>,
    /// Requests that it sent again by itself since it stands (`upstream_rq_retry`); zero in runs that did not record it.
    #[serde(default)]
    pub retries: u64,
    /// What its metrics tell of.
    #[serde(default)]
    pub signals: BTreeSet<Signal>,
    /// Requests and TCP connections that ended badly, by Envoy's response flag; empty in runs that did not record it.
    #[serde(default)]
    pub response_flags: BTreeMap<String, u64>,
}

/// How long the calls from one pod to one endpoint of another service took.
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
    /// Successes, from the first attempt to the last byte, in nanoseconds.
    pub latency: Histogram,
}

/// What a program in the kernel took while an arm was asked, on the whole machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFacts {
    /// Name of the arm.
    pub arm: String,
    /// Requests meanwhile.
    pub requests: u64,
    /// Name of the program.
    pub program: String,
    /// Time that it ran, in nanoseconds.
    pub run_ns: u64,
    /// How often it ran.
    pub runs: u64,
}

/// What the kernel's clock and the processors' frequencies follow; each empty where the machine does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// Clock source, such as `tsc`.
    pub source: Option<String>,
    /// Frequency governors of all cores, such as `performance`.
    pub governors: BTreeSet<String>,
}
