use std::time::Duration;

/// What a BPF program has cost since the kernel has timed its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCost {
    /// Name of the program.
    pub program: String,
    /// Total time of the timed runs.
    pub time: Duration,
    /// Number of timed runs.
    pub runs: u64,
    /// Runs that the kernel skipped because the program was already running on that CPU, timed or not.
    pub misses: u64,
}

/// How full a BPF map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapFill {
    /// Name of the map.
    pub map: String,
    /// Number of entries.
    pub entries: u64,
    /// Maximum number of entries.
    pub max_entries: u64,
}
