//! What the agent itself costs.

use records::{MapFill, ProgramCost};

/// What the agent itself costs.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// CPU time of its processes so far, in seconds.
    pub cpu_s: f64,
    /// Their resident memory, in bytes; pages that they share count for each.
    pub memory_bytes: u64,
    /// How long this reading took, in seconds.
    pub reading_s: f64,
    /// What its programs in the kernel cost, by witness.
    pub programs: Vec<(&'static str, ProgramCost)>,
    /// Whether their runs are timed.
    pub is_timed: bool,
    /// How full its maps in the kernel are, by witness.
    pub maps: Vec<(&'static str, MapFill)>,
}

impl Cost {
    /// Adds what a process costs that works for the agent.
    pub fn add(&mut self, more: Cost) {
        self.cpu_s += more.cpu_s;
        self.memory_bytes += more.memory_bytes;
    }
}
