use std::collections::BTreeSet;
use std::path::Path;

use measure::ClockFacts;

use crate::MeterError;
use crate::text::read_if_there;

const SOURCE: &str = "sys/devices/system/clocksource/clocksource0/current_clocksource";
const CORES: &str = "sys/devices/system/cpu";
const GOVERNOR: &str = "cpufreq/scaling_governor";

/// What the kernel's clock and the processors' frequencies follow now; virtual machines often tell of no frequency.
/// `root` is `/` except in tests.
///
/// # Errors
///
/// A file that is there cannot be read.
pub fn clock(root: &Path) -> Result<ClockFacts, MeterError> {
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let source = trimmed(read_if_there(&root.join(SOURCE))?);
    let mut governors = BTreeSet::new();
    // The folder also holds what belongs to no core (`cpufreq`, `cpuidle`, the file `uevent` …).
    let entries = std::fs::read_dir(root.join(CORES)).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        governors.extend(trimmed(read_if_there(&entry.path().join(GOVERNOR))?));
    }
    Ok(ClockFacts { source, governors })
}

#[cfg(test)]
mod tests;
