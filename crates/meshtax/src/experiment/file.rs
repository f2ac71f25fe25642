//! An experiment file as written, with the places of what is checked later.

use std::time::Duration;

use load::Connection;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use topology::{Bytes, Named, Share, Span};

use super::form::Form;
use super::proxy::ProxyFile;

/// An experiment file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub name: String,
    pub topology: Spanned<String>,
    pub arms: Spanned<Named<ArmFile>>,
    pub load: Load,
    #[serde(default = "default_warmup")]
    pub warmup: u64,
    #[serde(default = "default_rounds")]
    pub rounds: Spanned<u32>,
    /// How often the lab stands up anew, the rounds spread evenly over it.
    #[serde(default = "default_stands")]
    pub stands: Spanned<u32>,
    #[serde(default)]
    pub idle: Idle,
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Adds a copy of the baseline: the noise floor.
    #[serde(default)]
    pub null: bool,
    /// Relative change within which arms count as equivalent.
    #[serde(default = "default_margin")]
    pub margin: Spanned<Share>,
    /// Goes on beyond `rounds` until this holds, or `max_rounds`.
    pub until: Option<Spanned<String>>,
    #[serde(default = "default_max_rounds")]
    pub max_rounds: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmFile {
    pub plane: Spanned<Form<Box<ProxyFile>>>,
    pub telemetry: Option<Spanned<Switch>>,
    pub concurrency: Option<Spanned<u32>>,
    /// Whether the kernel witness is attached during its blocks.
    pub watch: Option<Switch>,
    /// A known cost, for calibration.
    pub add: Option<Add>,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    #[serde(alias = "true")]
    On,
    #[serde(alias = "false")]
    Off,
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
    pub connection: Connection,
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

fn default_warmup() -> u64 {
    50
}

fn default_rounds() -> Spanned<u32> {
    unwritten(15)
}

fn default_stands() -> Spanned<u32> {
    unwritten(1)
}

fn default_seed() -> u64 {
    1
}

fn default_margin() -> Spanned<Share> {
    unwritten(Share(0.02))
}

fn default_max_rounds() -> Spanned<u32> {
    unwritten(200)
}

fn default_connection() -> Connection {
    Connection::Keep
}

fn default_timeout() -> Spanned<Span> {
    unwritten(Span(Duration::from_secs(10)))
}

/// A value that stands nowhere in the file.
fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN)
}
