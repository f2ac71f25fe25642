use measure::{ClockFacts, MemorySource, Phase, Reading};

/// A stretch of one arm over which its meters are read: a block or an idle window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window<'a> {
    /// Under load or not.
    pub phase: Phase,
    /// Name of the arm.
    pub arm: &'a str,
    /// Number of the round or of the idle window, from 0.
    pub round: u32,
}

/// What measures the use of CPU, memory and links of each arm.
///
/// A call fails where the system no longer tells what it told before.
pub trait Meters {
    /// Every meter of an arm at one instant.
    type Snapshot;

    /// Where memory figures come from.
    fn memory_source(&self) -> MemorySource;

    /// What the machine's clocks follow now.
    fn clock(&self) -> anyhow::Result<ClockFacts>;

    /// Whether the kernel takes time in interrupts off the tasks that they interrupt.
    fn interrupts_apart(&self) -> anyhow::Result<Option<bool>>;

    /// Reads the meters of an arm.
    fn snapshot(&self, arm: &str) -> anyhow::Result<Self::Snapshot>;

    /// What was used between two snapshots.
    fn reading(&self, window: Window<'_>, from: &Self::Snapshot, to: &Self::Snapshot) -> Reading;
}
