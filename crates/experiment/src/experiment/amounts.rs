use std::time::Duration;

use measure::Until;

/// Amounts from the command line, which override the experiment's file.
#[derive(Clone, Debug, Default)]
pub struct Amounts {
    /// Rounds; each has one block of every arm.
    pub rounds: Option<u32>,
    /// Stand-ups of the lab.
    pub stands: Option<u32>,
    /// How long a program may take to become ready.
    pub ready_timeout: Option<Duration>,
    /// Requests per arm, over all rounds.
    pub requests: Option<u64>,
    /// Seed of the order of the arms.
    pub seed: Option<u64>,
    /// Relative change within which arms count as equivalent.
    pub margin: Option<f64>,
    /// Share of the machine's processors above which others' use leaves out a round.
    pub drop_foreign: Option<f64>,
    /// The condition that ends a run which goes on beyond `rounds`.
    pub until: Option<Until>,
    /// Rounds after which `until` gives up.
    pub max_rounds: Option<u32>,
}
