//! An experiment file as written, with the places of values that are checked later.

mod arm;

use std::time::Duration;

use ground::Network;
use measure::{ConnectionUse, FaultKind};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use topology::{Bytes, Named, Share, Span};

pub use self::arm::{ArmFile, OptionFile, OptionValue};

/// An experiment file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentFile {
    pub name: Spanned<String>,
    pub topology: Spanned<String>,
    /// How the pods of each arm are connected.
    #[serde(default)]
    pub network: Network,
    pub arms: Spanned<Named<ArmFile>>,
    /// Arms that stand at the same time. Each group has the baseline and a run of its own; without groups, all arms
    /// stand together.
    pub groups: Option<Spanned<Named<Vec<Spanned<String>>>>>,
    pub load: LoadFile,
    #[serde(default = "default_warmup")]
    pub warmup: Spanned<u64>,
    #[serde(default = "default_rounds")]
    pub rounds: Spanned<u32>,
    /// How long a program may take to become ready, while the lab stands up.
    #[serde(default = "default_ready_timeout")]
    pub ready_timeout: Spanned<Span>,
    /// Number of stand-ups, over which rounds are spread evenly. The default is ten, or the number of rounds if that is
    /// smaller.
    pub stands: Option<Spanned<u32>>,
    #[serde(default)]
    pub idle: Idle,
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Keeps processors from sleeping between requests, because the time they take to wake varies.
    #[serde(default)]
    pub awake: bool,
    /// Adds a copy of the baseline: the noise floor.
    #[serde(default)]
    pub null: bool,
    /// Relative change within which arms count as equivalent.
    #[serde(default = "default_margin")]
    pub margin: Spanned<Share>,
    /// Leaves out rounds with a block in which others used more than this share of the machine's processors.
    pub drop_foreign: Option<Spanned<Share>>,
    /// Continues beyond `rounds` until this condition holds, or until `max_rounds`.
    pub until: Option<Spanned<String>>,
    pub max_rounds: Option<Spanned<u32>>,
    /// Faults that are made on purpose after the rounds, one after the other in every arm.
    #[serde(default)]
    pub faults: Vec<FaultFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultFile {
    pub kind: Spanned<FaultKind>,
    /// Service that calls.
    pub from: Spanned<String>,
    /// Service that is called.
    pub to: Spanned<String>,
    /// Share of packets or messages that are hit. Other kinds have no share.
    pub share: Option<Spanned<Share>>,
    /// Time under load before the fault.
    #[serde(default = "default_at")]
    pub at: Spanned<Span>,
    /// Duration of the fault.
    #[serde(default = "default_for", rename = "for")]
    pub lasting: Spanned<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// The endpoint as `SERVICE/PATH`, as in a call.
    pub to: Spanned<String>,
    #[serde(default)]
    pub wait: Span,
    #[serde(default)]
    pub compute: Span,
    #[serde(default)]
    pub response: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneName {
    None,
    Sidecar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayName {
    #[default]
    None,
    Ingress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchFile {
    /// The TCP witness, whose programs do not run per packet.
    #[serde(alias = "true")]
    On,
    #[serde(alias = "false")]
    Off,
    /// The TCP witness, and also those of drops, UDP and DNS.
    All,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum LoadFile {
    Sequential(SequentialFile),
    Users(UsersFile),
    Rate(RateFile),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsersFile {
    pub target: Spanned<String>,
    pub requests: Spanned<u64>,
    pub users: Spanned<u32>,
    pub think: Option<Spanned<String>>,
    #[serde(default = "default_connection")]
    pub connection: ConnectionUse,
    #[serde(default = "default_timeout")]
    pub timeout: Spanned<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateFile {
    pub target: Spanned<String>,
    pub requests: Spanned<u64>,
    /// Requests per second.
    pub rate: Spanned<f64>,
    #[serde(default)]
    pub poisson: bool,
    #[serde(default = "default_connections")]
    pub connections: Spanned<u32>,
    #[serde(default = "default_connection")]
    pub connection: ConnectionUse,
    #[serde(default = "default_timeout")]
    pub timeout: Spanned<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequentialFile {
    pub target: Spanned<String>,
    pub requests: Spanned<u64>,
    #[serde(default)]
    pub think: Span,
    #[serde(default)]
    pub pace: Span,
    #[serde(default = "default_connection")]
    pub connection: ConnectionUse,
    /// Simulated distance of the client.
    #[serde(default = "default_round_trip")]
    pub round_trip: Spanned<Span>,
    #[serde(default = "default_timeout")]
    pub timeout: Spanned<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    pub windows: Spanned<u32>,
    pub window: Spanned<Span>,
}

impl Default for Idle {
    fn default() -> Idle {
        Idle { windows: unwritten(8), window: unwritten(Span(Duration::from_secs(1))) }
    }
}

fn default_warmup() -> Spanned<u64> {
    unwritten(50)
}

fn default_rounds() -> Spanned<u32> {
    unwritten(15)
}

fn default_seed() -> u64 {
    1
}

fn default_margin() -> Spanned<Share> {
    unwritten(Share(0.02))
}

fn default_at() -> Spanned<Span> {
    unwritten(Span(Duration::from_secs(2)))
}

fn default_for() -> Spanned<Span> {
    unwritten(Span(Duration::from_secs(4)))
}

fn default_connection() -> ConnectionUse {
    ConnectionUse::Keep
}

fn default_round_trip() -> Spanned<Span> {
    unwritten(Span::default())
}

fn default_ready_timeout() -> Spanned<Span> {
    unwritten(Span(Duration::from_secs(60)))
}

fn default_connections() -> Spanned<u32> {
    unwritten(100)
}

fn default_timeout() -> Spanned<Span> {
    unwritten(Span(Duration::from_secs(10)))
}

/// A default value, which has no place in the file.
fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN)
}
