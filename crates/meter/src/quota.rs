use std::path::Path;

use crate::text::{Text, find};
use crate::{Cgroups, MeterError};

/// Field of `cpu.stat` that counts, in v1 and v2 alike, periods in which a group had used up its quota
/// (Documentation/scheduler/sched-bwc.rst in the kernel's source).
const THROTTLED: &str = "nr_throttled";

/// CPU quotas that a container stands under: its own and those of all groups above it. The count of a group does not
/// tell of the quota of its parent, yet that one stops it just as well.
#[derive(Debug)]
pub(crate) struct Quotas(Vec<Text>);

impl Quotas {
    /// Opens what counts throttling for the group `path`, up to the root of the tree as far as this host shows it.
    pub(crate) fn open(cgroups: &Cgroups, path: &Path) -> Result<Self, MeterError> {
        let v2 = cgroups.layout.v2.iter().filter(|_| cgroups.layout.quota.is_none());
        let groups =
            cgroups.layout.quota.iter().chain(v2).flat_map(|root| path.ancestors().map(|group| root.join(group)));
        let files = groups.map(|group| group.join("cpu.stat")).filter(|file| file.exists());
        let mut quotas = Vec::new();
        for file in files {
            let stat = Text::open(file)?;
            // Only groups with the controller count it; the others would be read at every snapshot for nothing.
            if find(&stat.read()?, THROTTLED).is_some() {
                quotas.push(stat);
            }
        }
        Ok(Self(quotas))
    }

    /// Periods so far, all groups together.
    pub(crate) fn throttled(&self) -> Result<u64, MeterError> {
        let counts = self.0.iter().map(|stat| stat.fields([THROTTLED]));
        counts.map(|count| count.map(|[count]| count)).sum()
    }
}

#[cfg(test)]
mod tests;
