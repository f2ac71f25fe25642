use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ClientProxyUse, ConnectionUse, FaultTrial, GatewayUse, HeldUse, LeftOut, MemorySource, ProgramUse, Sighting,
    Stands, Truncated,
};

/// Version of the JSON contract.
pub const SCHEMA: &str = "meshtax/measurement/v2";

/// Older versions that can still be read, although some of their figures mean something else.
pub const SCHEMAS_READ: [&str; 1] = ["meshtax/measurement/v1"];

/// The measurement of a run: `measurement.json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// [`SCHEMA`], or the version that the run was recorded in ([`SCHEMAS_READ`]).
    pub schema: String,
    /// The experiment that was run.
    pub experiment: Subject,
    /// The machine and its software.
    pub environment: Environment,
    /// The arms, the baseline first.
    pub arms: Vec<Arm>,
    /// Every other arm compared with the baseline.
    pub effects: Vec<Effect>,
    /// The baseline compared with a copy of itself, which shows this machine's noise. Null if the run had no such copy
    /// beside other arms.
    #[serde(default)]
    pub null: Option<Null>,
    /// Known costs that were added to arms, and the effects that were found.
    #[serde(default)]
    pub calibration: Vec<Recovery>,
    /// Latencies as a client would report them that cuts each to whole milliseconds; null unless asked for.
    #[serde(default)]
    pub truncated: Option<Truncated>,
    /// What each arm let its operators see during the rounds.
    #[serde(default)]
    pub telemetry: Vec<Sighting>,
    /// Faults that were made on purpose after the rounds, and the signs that showed them.
    #[serde(default)]
    pub faults: Vec<FaultTrial>,
    /// Warnings about the validity of these figures.
    pub cautions: Vec<Caution>,
}

/// The experiment that was run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Name of the experiment.
    pub name: String,
    /// Name of the topology.
    pub topology: String,
    /// URL that was requested.
    pub target: String,
    /// Completed rounds; each holds one block of every arm.
    pub rounds: u32,
    /// Rounds that were asked for. The run completed fewer if it was interrupted, and more if it went on until an
    /// interval was narrow. Null in runs that did not record it.
    #[serde(default)]
    pub rounds_asked: Option<u32>,
    /// Blocks because of which whole rounds are left out. Neither `rounds` nor any figure includes those rounds.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Share of the machine's processors, from 0 to 1, above which others' use in a block leaves out its round; null if
    /// not asked for.
    #[serde(default)]
    pub drop_foreign: Option<f64>,
    /// How the rounds are spread over stand-ups, which are then the unit of statistics; null with one stand-up.
    #[serde(default)]
    pub stands: Option<Stands>,
    /// Requests that were asked for, per arm.
    pub requests: u64,
    /// Pause between the end of a request and the next intended start, in milliseconds.
    pub think_ms: f64,
    /// Minimum time between two intended starts, in milliseconds; 0 for none.
    #[serde(default)]
    pub pace_ms: f64,
    /// Users who asked side by side, each waiting for the answer; null where one asked at a time, or requests came at a rate.
    #[serde(default)]
    pub users: Option<u32>,
    /// Requests per second that were to be sent; null where users waited for answers.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// Simulated distance of the client, in milliseconds: waited before each request, and once more before each
    /// connection.
    #[serde(default)]
    pub round_trip_ms: f64,
    /// Timeout of a request, in milliseconds; null in runs that did not record it.
    #[serde(default)]
    pub timeout_ms: Option<f64>,
    /// `new` for a connection per request, or `keep`.
    #[schemars(with = "String")]
    pub connection: ConnectionUse,
    /// Seed of the order of the arms.
    pub seed: u64,
    /// False if the run was interrupted, or ended with an error.
    pub complete: bool,
}

/// The machine and its software.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of meshtax.
    pub meshtax: String,
    /// Version and build of Envoy, if an arm used it.
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
    /// The source of memory figures.
    pub memory_source: MemorySource,
    /// Whether processors were kept from sleeping; false in runs that could not ask for it.
    #[serde(default)]
    pub awake: bool,
    /// Whether the kernel subtracts time in interrupts from the interrupted tasks, and so from all CPU times of arms
    /// (`CONFIG_IRQ_TIME_ACCOUNTING`); null if unknown.
    #[serde(default)]
    pub interrupts_apart: Option<bool>,
    /// Start of the run, RFC 3339 in UTC.
    pub started: String,
}

/// The figures of one arm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// Name of the arm.
    pub name: String,
    /// Every metric by its name.
    pub metrics: BTreeMap<String, Value>,
    /// Number of proxies whose use the metrics include, the gateway among them; null in runs that did not record it.
    #[serde(default)]
    pub proxies: Option<u32>,
    /// Requests that each pod received during the rounds, as the service itself counted them.
    pub services: Vec<ServiceCount>,
    /// Calls between services during the rounds, as the callers saw them.
    pub edges: Vec<Edge>,
    /// What simulated services recorded of their own work; null without simulated services.
    #[serde(default)]
    pub recorded: Option<Recorded>,
    /// What the ingress gateway used, which the metrics include among the proxies; null without a gateway.
    #[serde(default)]
    pub gateway: Option<GatewayUse>,
    /// What the kernel witness's programs used, which the CPU time includes; null if they were not timed.
    #[serde(default)]
    pub programs: Option<ProgramUse>,
    /// What the proxy beside the client used, which no metric of the arm includes; null without such a proxy.
    #[serde(default)]
    pub client_proxy: Option<ClientProxyUse>,
    /// What the sidecars hold and spin only to match Istio's, which the metrics include; null if nothing is set.
    #[serde(default)]
    pub held: Option<HeldUse>,
}

/// What simulated services recorded of their own work during the rounds, per request of the load.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// Wall time spent in waits, all services together, in milliseconds.
    pub wait_ms_per_request: f64,
    /// CPU time that scripts asked to burn, all services together, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// Bytes of response bodies, all services together.
    pub answer_bytes_per_request: f64,
}

/// A known cost that was added to an arm, and the effect that was found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// Name of the arm with the added cost.
    pub arm: String,
    /// Metric in which the cost shows.
    pub metric: String,
    /// The true cost: what the services recorded beyond the baseline's record, in the metric's unit.
    pub truth: f64,
    /// The effect that was found: arm minus baseline.
    pub difference: Option<f64>,
    /// 95 % interval of the difference.
    pub difference_ci95: Option<[f64; 2]>,
    /// Whether the truth lies in the interval; null without an interval.
    pub inside: Option<bool>,
    /// Number of units of statistics behind the effect; null in runs that did not record it.
    #[serde(default)]
    pub units: Option<u32>,
}

/// A figure with its unit and the number of samples behind it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// The figure; null with too few samples.
    pub value: Option<f64>,
    /// Unit of the figure.
    pub unit: String,
    /// Number of samples behind the figure: requests for latencies, blocks or windows for the rest.
    pub count: u64,
    /// Standard deviation over single blocks or windows. Null below two, for totals and maxima, and for quantiles that
    /// a block has too few requests for, because single blocks then show another figure.
    pub stddev: Option<f64>,
}

/// Requests that one pod received.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCount {
    /// Name of the service.
    pub service: String,
    /// Name of the pod.
    pub pod: String,
    /// Number of requests received.
    pub requests: u64,
    /// Number of requests that it answered with an error.
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
    /// Number of further attempts after failed ones.
    pub retries: u64,
    /// Median latency as the caller saw it, in milliseconds; null with too few calls.
    pub latency_ms_p50: Option<f64>,
    /// Mean latency as the caller saw it, in milliseconds; null without calls.
    pub latency_ms_mean: Option<f64>,
}

/// The noise floor of a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Null {
    /// The copy compared with the baseline.
    pub effects: Vec<Effect>,
}

/// The verdict on an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The arm takes more than the baseline.
    Costs,
    /// The arm takes less than the baseline.
    Saves,
    /// The arm is equivalent to the baseline within the margin.
    NoMeasurableCost,
    /// The run can show neither.
    NotResolvable,
    /// A fatal caution is about the arm, the baseline or the whole run, so the figures may mean something else.
    NotToBeBelieved,
}

/// One arm compared with the baseline in one metric.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Name of the arm.
    pub arm: String,
    /// Name of the metric.
    pub metric: String,
    /// Arm over baseline; null if the baseline is zero.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio, `[low, high]`; null if undefined.
    pub ratio_ci95: Option<[f64; 2]>,
    /// Arm minus baseline, in the metric's unit.
    pub difference: Option<f64>,
    /// 95 % interval of the difference, `[low, high]`; null if undefined.
    pub difference_ci95: Option<[f64; 2]>,
    /// Number of units of statistics behind the effect: rounds, or stand-ups if there were several. For two runs, the
    /// smaller number. 1 for what a run shows once, such as memory at rest in one stand-up. Below 10, intervals are
    /// approximate; below 6, there is none. Null if undefined, and in runs that did not record it.
    #[serde(default)]
    pub units: Option<u32>,
    /// The verdict; primary metrics only ([`crate::Metric`]).
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Two-sided p of the log-ratio, by the method of the interval and before Holm's correction; null if undefined.
    #[serde(default)]
    pub p_value: Option<f64>,
    /// The p-value after Holm's correction for the number of primary metrics, on which verdicts rest: at most 0.05 if
    /// the arm differs. Null if undefined, and in runs that did not record it.
    #[serde(default)]
    pub p_holm: Option<f64>,
    /// Whether the effect is no larger than the farther end of the noise floor's interval, and so gets no verdict.
    #[serde(default)]
    pub within_noise: bool,
    /// Relative change within which arms count as equivalent, such as 0.02; primary metrics only.
    #[serde(default)]
    pub margin: Option<f64>,
    /// Smallest relative change that this run would have resolved (Holm's level, 80 % power); null if undefined.
    #[serde(default)]
    pub smallest_resolvable: Option<f64>,
    /// Number of rounds that show equivalence within the margin with a probability of 80 % if nothing differs, by two
    /// one-sided tests at Holm's level, from the observed spread; null if undefined.
    #[serde(default)]
    pub rounds_needed: Option<u32>,
    /// Hodges-Lehmann estimate of the ratio, for information; null if undefined.
    #[serde(default)]
    pub hodges_lehmann: Option<f64>,
    /// Two-sided p of Wilcoxon's signed-rank test on the log-ratios, for information; null if undefined.
    #[serde(default)]
    pub wilcoxon_p: Option<f64>,
}

/// A warning about the validity of figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caution {
    /// Stable name such as `few_rounds`.
    pub kind: String,
    /// What was seen, what it may mean, what to try.
    pub text: String,
    /// Whether the figures are not to be believed because of it.
    #[serde(default)]
    pub fatal: bool,
    /// Arms that it is about; empty if it is about the whole run.
    #[serde(default)]
    pub arms: Vec<String>,
}
