//! What the agent itself costs.

use records::{MapFill, ProgramCost};

/// What the agent itself costs.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// CPU time that the agent's processes have used so far, in seconds.
    pub cpu_s: f64,
    /// Resident memory of the agent's processes, in bytes. Shared pages count once for each process.
    pub memory_bytes: u64,
    /// Duration of this reading, in seconds.
    pub reading_s: f64,
    /// What the agent's BPF programs cost, with the name of their witness.
    pub programs: Vec<(&'static str, ProgramCost)>,
    /// Whether the kernel times BPF programs now.
    pub is_timed: bool,
    /// How full the agent's BPF maps are, with the name of their witness.
    pub maps: Vec<(&'static str, MapFill)>,
}

impl Cost {
    /// Adds the cost of another process that works for the agent.
    pub fn add(&mut self, more: Cost) {
        self.cpu_s += more.cpu_s;
        self.memory_bytes += more.memory_bytes;
    }
}
