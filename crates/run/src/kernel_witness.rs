use std::collections::BTreeMap;
use std::time::Duration;

use measure::Sign;

use super::sight::Watched;

/// What watches arms from the kernel, each only in its own blocks. Arms that are not to be watched are passed over.
///
/// A call fails where the kernel refuses something.
pub trait KernelWitness {
    /// What counts signs of faults.
    type Signs: KernelSigns;

    /// Attaches the programs if this arm is watched; what they see counts from here on.
    fn begin(&mut self, arm: &str) -> anyhow::Result<()>;

    /// Detaches them; what they saw since the block began.
    fn end(&mut self, arm: &str) -> anyhow::Result<Option<Watched>>;

    /// Attaches the programs if this arm is watched, and has the kernel time them; whether it does.
    fn begin_timed(&mut self, arm: &str) -> anyhow::Result<bool>;

    /// What each program has taken since programs are timed, always in the same order.
    fn times(&self) -> Vec<ProgramTime>;

    /// Detaches them, and has nothing timed any more.
    fn end_timed(&mut self);

    /// Begins to count signs of faults in this arm, if it is watched.
    fn signs(&self, arm: &str) -> anyhow::Result<Option<Self::Signs>>;
}

/// Signs of faults that the kernel shows in one arm.
pub trait KernelSigns {
    /// How often each was seen until now.
    fn look(&mut self) -> anyhow::Result<BTreeMap<Sign, u64>>;
}

/// What a program in the kernel has taken since programs are timed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramTime {
    /// Name of the program.
    pub program: String,
    /// Time that it ran.
    pub time: Duration,
    /// How often.
    pub runs: u64,
}
