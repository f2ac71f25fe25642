use std::path::Path;

use crate::text::Text;
use crate::{MeterError, USER_HZ};

/// The machine's processors.
#[derive(Debug)]
pub struct Machine {
    stat: Text,
}

/// What the processors did since the machine started, in CPU-seconds over all cores, to 10 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MachineTime {
    /// Not idle, not waiting for I/O, not stolen.
    pub busy_s: f64,
    /// The part of it in software interrupts.
    pub softirq_s: f64,
    /// Stolen by the hypervisor.
    pub steal_s: f64,
    /// All of it: cores times wall time.
    pub capacity_s: f64,
}

impl Machine {
    /// Opens `/proc/stat`; `root` is `/` except in tests.
    ///
    /// # Errors
    ///
    /// No `proc` under the root.
    pub fn open(root: &Path) -> Result<Self, MeterError> {
        Ok(Self { stat: Text::open(root.join("proc/stat"))? })
    }

    /// CPU time until now.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn time(&self) -> Result<MachineTime, MeterError> {
        parse(&self.stat.read()?).ok_or_else(|| self.stat.lacks("cpu"))
    }
}

/// Reads the line `cpu user nice system idle iowait irq softirq steal guest guest_nice` (proc_stat(5)); guests' time is
/// part of user and nice already.
fn parse(stat: &str) -> Option<MachineTime> {
    let ticks = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = ticks.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, idle, iowait, irq, softirq, steal] = *ticks.first_chunk()?;
    let busy = user + nice + system + irq + softirq;
    let seconds = |ticks: u64| ticks as f64 / USER_HZ;
    Some(MachineTime {
        busy_s: seconds(busy),
        softirq_s: seconds(softirq),
        steal_s: seconds(steal),
        capacity_s: seconds(busy + idle + iowait + steal),
    })
}

#[cfg(test)]
mod tests;
