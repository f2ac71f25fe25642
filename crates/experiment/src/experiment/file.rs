//! An experiment file as written, with the places of what is checked later.

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
    /// How the pods of each arm are joined.
    #[serde(default)]
    pub network: Network,
    pub arms: Spanned<Named<ArmFile>>,
    /// Arms that stand together, each group with the baseline and in a run of its own; without groups all do.
    pub groups: Option<Spanned<Named<Vec<Spanned<String>>>>>,
    pub load: Load,
    #[serde(default = "default_warmup")]
    pub warmup: Spanned<u64>,
    #[serde(default = "default_rounds")]
    pub rounds: Spanned<u32>,
    /// How long a program may take to become ready, as the lab stands up.
    #[serde(default = "default_ready_timeout")]
    pub ready_timeout: Spanned<Span>,
    /// How often the lab stands up anew, the rounds spread evenly over it; ten times, or for each round, if nothing is said.
    pub stands: Option<Spanned<u32>>,
    #[serde(default)]
    pub idle: Idle,
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Keeps processors from sleeping between requests: how long they take to wake differs from moment to moment.
    #[serde(default)]
    pub awake: bool,
    /// Adds a copy of the baseline: the noise floor.
    #[serde(default)]
    pub null: bool,
    /// Relative change within which arms count as equivalent.
    #[serde(default = "default_margin")]
    pub margin: Spanned<Share>,
    /// Leaves out rounds with a block in which others used more of the machine's processors.
    pub drop_foreign: Option<Spanned<Share>>,
    /// Goes on beyond `rounds` until this holds, or `max_rounds`.
    pub until: Option<Spanned<String>>,
    pub max_rounds: Option<Spanned<u32>>,
    /// Made on purpose after the rounds, one after the other in every arm.
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
    /// Of packets or messages that are hit; of other kinds none.
    pub share: Option<Spanned<Share>>,
    /// Time under load before it.
    #[serde(default = "default_at")]
    pub at: Spanned<Span>,
    /// How long it lasts.
    #[serde(default = "default_for", rename = "for")]
    pub lasting: Spanned<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// `SERVICE/PATH`, as in a call.
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
    /// The witness of TCP, which is on the way of no packet.
    #[serde(alias = "true")]
    On,
    #[serde(alias = "false")]
    Off,
    /// Those of drops, UDP and DNS as well.
    All,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Load {
    Sequential(SequentialFile),
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
    /// How far away the client is.
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

fn default_timeout() -> Spanned<Span> {
    unwritten(Span(Duration::from_secs(10)))
}

/// A value that stands nowhere in the file.
fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN)
}
