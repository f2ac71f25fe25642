use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ClientProxyUse, ConnectionUse, FaultTrial, GatewayUse, HeldUse, LeftOut, MemorySource, ProgramUse, Sighting,
    Stands, Truncated,
};

/// Version of the JSON contract.
pub const SCHEMA: &str = "meshtax/measurement/v2";

/// Versions that are read beside it, though some figures of theirs mean something else.
pub const SCHEMAS_READ: [&str; 1] = ["meshtax/measurement/v1"];

/// What a run measured: `measurement.json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// [`SCHEMA`], or the version that it was recorded in ([`SCHEMAS_READ`]).
    pub schema: String,
    /// What was run.
    pub experiment: Subject,
    /// Where it was run.
    pub environment: Environment,
    /// The arms, the baseline first.
    pub arms: Vec<Arm>,
    /// Every other arm against the baseline.
    pub effects: Vec<Effect>,
    /// The baseline against a copy of itself: what this machine shows where there is nothing to see. Null where the run
    /// had no such copy beside other arms.
    #[serde(default)]
    pub null: Option<Null>,
    /// Known costs that arms were given, and what the effects make of them.
    #[serde(default)]
    pub calibration: Vec<Recovery>,
    /// What a client would have told that cuts latencies to whole milliseconds; null unless somebody asked for it.
    #[serde(default)]
    pub truncated: Option<Truncated>,
    /// What each arm let its operators see during the rounds.
    #[serde(default)]
    pub telemetry: Vec<Sighting>,
    /// Faults that were made on purpose after the rounds, and what told of them.
    #[serde(default)]
    pub faults: Vec<FaultTrial>,
    /// Warnings about the validity of these numbers.
    pub cautions: Vec<Caution>,
}

/// What was run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Name of the experiment.
    pub name: String,
    /// Name of the topology.
    pub topology: String,
    /// URL that was asked for.
    pub target: String,
    /// Rounds completed; each holds one block of every arm.
    pub rounds: u32,
    /// Rounds asked for: more where the run was interrupted, fewer where it went on until an interval was narrow; null in runs
    /// that did not record it.
    #[serde(default)]
    pub rounds_asked: Option<u32>,
    /// Blocks because of which rounds are left out whole: neither `rounds` nor any figure has those.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Share of the machine's processors, from 0 to 1, above which others' use in a block leaves out its round; null where
    /// nobody asked for it.
    #[serde(default)]
    pub drop_foreign: Option<f64>,
    /// How they are spread over stand-ups of the lab, which are the unit of statistics then; null if it stood up once.
    #[serde(default)]
    pub stands: Option<Stands>,
    /// Requests asked for, per arm.
    pub requests: u64,
    /// Pause between the end of a request and the next intended start, in milliseconds.
    pub think_ms: f64,
    /// Least time between two intended starts, in milliseconds; 0 for none.
    #[serde(default)]
    pub pace_ms: f64,
    /// How far away the client was: waited before each request, and once more before each connection, in milliseconds.
    #[serde(default)]
    pub round_trip_ms: f64,
    /// Time after which a request was given up, in milliseconds; null in runs that did not record it.
    #[serde(default)]
    pub timeout_ms: Option<f64>,
    /// `new` connection for each request, or `keep`.
    #[schemars(with = "String")]
    pub connection: ConnectionUse,
    /// Seed of the order of the arms.
    pub seed: u64,
    /// False if the run was interrupted, or ended with an error.
    pub complete: bool,
}

/// Where it was run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of meshtax.
    pub meshtax: String,
    /// Version of Envoy and the build that it is, if an arm used it.
    pub envoy: Option<String>,
    /// Kernel release.
    pub kernel: String,
    /// Distribution, as /etc/os-release names it.
    pub system: String,
    /// Processor model.
    pub processor: String,
    /// Cores online.
    pub cores: u32,
    /// Memory of the machine, in MiB.
    pub memory_mib: u64,
    /// `v2`, `hybrid` or `v1`.
    pub cgroups: String,
    /// Where memory figures come from.
    pub memory_source: MemorySource,
    /// Whether processors were kept from sleeping; false in runs that could not ask for it.
    #[serde(default)]
    pub awake: bool,
    /// Whether the kernel takes time in interrupts off the tasks that they interrupt, and so off all CPU times of arms
    /// (`CONFIG_IRQ_TIME_ACCOUNTING`); null where it is not known.
    #[serde(default)]
    pub interrupts_apart: Option<bool>,
    /// Start of the run, RFC 3339 in UTC.
    pub started: String,
}

/// What one arm showed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// Name of the arm.
    pub name: String,
    /// Every metric by its name.
    pub metrics: BTreeMap<String, Value>,
    /// Proxies whose use its metrics hold, the gateway's among them; null in runs that did not record it.
    #[serde(default)]
    pub proxies: Option<u32>,
    /// Requests that each pod received during the rounds, as the service itself counted them.
    pub services: Vec<ServiceCount>,
    /// Calls between services during the rounds, as the callers saw them.
    pub edges: Vec<Edge>,
    /// What simulated services recorded of their own work; null where none is simulated.
    #[serde(default)]
    pub recorded: Option<Recorded>,
    /// What its ingress gateway used, which its metrics hold among the proxies'; null where it has none.
    #[serde(default)]
    pub gateway: Option<GatewayUse>,
    /// What the kernel witness's programs took, which its CPU time holds; null where nobody timed them.
    #[serde(default)]
    pub programs: Option<ProgramUse>,
    /// What the proxy beside its client used, which none of its metrics holds; null where there is none.
    #[serde(default)]
    pub client_proxy: Option<ClientProxyUse>,
    /// What its sidecars hold and spin only to take what Istio's take, which its metrics hold; null where nothing is set.
    #[serde(default)]
    pub held: Option<HeldUse>,
}

/// What simulated services recorded of their own work during the rounds, per request of the load.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// Wall time that passed in waits, all services together, in milliseconds.
    pub wait_ms_per_request: f64,
    /// CPU time that was burned because a script asked for it, all services together, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// Bytes of answers' bodies, all services together.
    pub answer_bytes_per_request: f64,
}

/// A known cost and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// Name of the arm that was given the cost.
    pub arm: String,
    /// Metric in which it shows.
    pub metric: String,
    /// What the services recorded beyond the baseline's record, in the metric's unit.
    pub truth: f64,
    /// The effect: arm minus baseline.
    pub difference: Option<f64>,
    /// 95 % interval of the difference.
    pub difference_ci95: Option<[f64; 2]>,
    /// Whether the truth lies in the interval; null without one.
    pub inside: Option<bool>,
    /// Units of statistics behind the effect; null in runs that did not record it.
    #[serde(default)]
    pub units: Option<u32>,
}

/// A figure with its unit and the number of samples behind it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// The figure; null where there are too few samples for it.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// Samples behind it: requests for latencies, blocks or windows for the rest.
    pub count: u64,
    /// Standard deviation of such figures of single blocks or windows; null below two, for totals and maxima, and for quantiles
    /// that a block has too few requests for: what single blocks show of these is another figure.
    pub stddev: Option<f64>,
}

/// Requests that one pod received.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCount {
    /// Service.
    pub service: String,
    /// Pod.
    pub pod: String,
    /// Requests received.
    pub requests: u64,
    /// Requests that it answered with an error.
    pub errors: u64,
}

/// Calls from one pod to one endpoint of another service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// Calling pod.
    pub from: String,
    /// Called service.
    pub to: String,
    /// Called path.
    pub path: String,
    /// Calls made.
    pub calls: u64,
    /// Calls that failed after all retries.
    pub failures: u64,
    /// Further attempts after failed ones.
    pub retries: u64,
    /// Median latency as the caller saw it, in milliseconds; null where too few calls were made.
    pub latency_ms_p50: Option<f64>,
    /// Mean latency as the caller saw it, in milliseconds; null without calls.
    pub latency_ms_mean: Option<f64>,
}

/// The noise floor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Null {
    /// The copy against the baseline.
    pub effects: Vec<Effect>,
}

/// What an effect comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The arm takes more than the baseline.
    Costs,
    /// The arm takes less than the baseline.
    Saves,
    /// The arm is equivalent to the baseline within the margin.
    NoMeasurableCost,
    /// This run can tell neither.
    NotResolvable,
    /// A fatal caution is about the arm, the baseline or the whole run: whatever the figures say may be something else.
    NotToBeBelieved,
}

/// One arm against the baseline in one metric.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Name of the arm.
    pub arm: String,
    /// Name of the metric.
    pub metric: String,
    /// Arm over baseline; null where the baseline is zero.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio, `[low, high]`; null where undefined.
    pub ratio_ci95: Option<[f64; 2]>,
    /// Arm minus baseline, in the metric's unit.
    pub difference: Option<f64>,
    /// 95 % interval of the difference, `[low, high]`; null where undefined.
    pub difference_ci95: Option<[f64; 2]>,
    /// Units of statistics behind it: rounds, or stand-ups of the lab where there were several; of two runs, those of the
    /// run with fewer; 1 for what a run shows once, such as memory at rest in one stand-up. Below 10 intervals are
    /// approximate, below 6 there is none. Null where undefined, and in runs that did not record it.
    #[serde(default)]
    pub units: Option<u32>,
    /// What it comes to; primary metrics only ([`crate::Metric`]).
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Two-sided p of the log-ratio, by the method of the interval and before Holm's correction; null where undefined.
    #[serde(default)]
    pub p_value: Option<f64>,
    /// The same by Holm's correction for the number of primary metrics, which verdicts go by: at most 0.05 where the arm differs;
    /// null where undefined, and in runs that did not record it.
    #[serde(default)]
    pub p_holm: Option<f64>,
    /// Whether the effect is no larger than the further end of the noise floor's interval, and gets no verdict therefore.
    #[serde(default)]
    pub within_noise: bool,
    /// Relative change within which arms count as equivalent, such as 0.02; primary metrics only.
    #[serde(default)]
    pub margin: Option<f64>,
    /// Smallest relative change that this run would have resolved (Holm's level, 80 % power); null where undefined.
    #[serde(default)]
    pub smallest_resolvable: Option<f64>,
    /// Rounds after which equivalence within the margin is shown with a chance of 80 % where nothing differs, by two one-sided
    /// tests at Holm's level, from the spread that was seen; null where undefined.
    #[serde(default)]
    pub rounds_needed: Option<u32>,
    /// Hodges-Lehmann estimate of the ratio, for information; null where undefined.
    #[serde(default)]
    pub hodges_lehmann: Option<f64>,
    /// Two-sided p of Wilcoxon's signed-rank test on the log-ratios, for information; null where undefined.
    #[serde(default)]
    pub wilcoxon_p: Option<f64>,
}

/// A warning about the validity of a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caution {
    /// Stable name such as `few_rounds`.
    pub kind: String,
    /// What was seen, what it may mean, what to try.
    pub text: String,
    /// Whether the numbers are not to be believed because of it.
    #[serde(default)]
    pub fatal: bool,
    /// Arms whose numbers it is about; empty where it is about the whole run.
    #[serde(default)]
    pub arms: Vec<String>,
}
