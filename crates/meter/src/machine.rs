use std::path::Path;

use crate::text::{Text, find};
use crate::{MeterError, USER_HZ};

/// The machine's processors.
#[derive(Debug)]
pub struct Machine {
    stat: Text,
    /// Absent where the kernel is built or started without pressure stall information.
    pressure: Option<Text>,
}

/// What the processors did since the machine started, in CPU-seconds over all cores, to 10 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MachineTime {
    /// Not idle, not waiting for I/O, not stolen.
    pub busy_s: f64,
    /// The part of it in interrupts of devices; 0 where the kernel does not account them apart.
    pub irq_s: f64,
    /// The part of it in software interrupts.
    pub softirq_s: f64,
    /// Stolen by the hypervisor.
    pub steal_s: f64,
    /// All of it: cores times wall time.
    pub capacity_s: f64,
    /// Wall time during which some task waited for a processor, to 1 µs; none where the kernel does not tell.
    pub pressure_s: Option<f64>,
    /// Tasks that run or want to at this instant, the meter itself among them.
    pub runnable: u64,
}

impl Machine {
    /// Opens `/proc/stat`; `root` is `/` except in tests.
    ///
    /// # Errors
    ///
    /// No `proc` under the root.
    pub fn open(root: &Path) -> Result<Self, MeterError> {
        // With `psi=0` the file is there and cannot be read.
        let pressure = Text::open(root.join("proc/pressure/cpu")).ok().filter(|pressure| pressure.read().is_ok());
        Ok(Self { stat: Text::open(root.join("proc/stat"))?, pressure })
    }

    /// What they did until now.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn time(&self) -> Result<MachineTime, MeterError> {
        let time = parse(&self.stat.read()?).ok_or_else(|| self.stat.lacks("cpu"))?;
        let pressure_s = self.pressure.as_ref().map(|pressure| {
            let stalled_us = stalled_us(&pressure.read()?).ok_or_else(|| pressure.lacks("total"))?;
            Ok(stalled_us as f64 / 1e6)
        });
        Ok(MachineTime { pressure_s: pressure_s.transpose()?, ..time })
    }
}

/// Reads the line `cpu user nice system idle iowait irq softirq steal guest guest_nice` (proc_stat(5)); guests' time is
/// part of user and nice already; and the line `procs_running`, which kernels of every configuration have.
fn parse(stat: &str) -> Option<MachineTime> {
    let ticks = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = ticks.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, idle, iowait, irq, softirq, steal] = *ticks.first_chunk()?;
    let busy = user + nice + system + irq + softirq;
    let seconds = |ticks: u64| ticks as f64 / USER_HZ;
    Some(MachineTime {
        busy_s: seconds(busy),
        irq_s: seconds(irq),
        softirq_s: seconds(softirq),
        steal_s: seconds(steal),
        capacity_s: seconds(busy + idle + iowait + steal),
        pressure_s: None,
        runnable: find(stat, "procs_running").unwrap_or(0),
    })
}

/// Reads `total` of the line `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` (Documentation/accounting/psi.rst).
fn stalled_us(pressure: &str) -> Option<u64> {
    pressure.lines().find(|line| line.starts_with("some "))?.split_once("total=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests;
