use std::time::Duration;

/// What a program in the kernel has cost since its runs are timed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCost {
    /// Its name.
    pub program: String,
    /// Time that it ran.
    pub time: Duration,
    /// How often.
    pub runs: u64,
    /// How often it was passed by, timed or not, since it ran already on that processor.
    pub misses: u64,
}

/// How full a map in the kernel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapFill {
    /// Its name.
    pub map: String,
    /// Entries in it.
    pub entries: u64,
    /// Entries that it has room for.
    pub max_entries: u64,
}
