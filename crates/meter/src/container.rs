use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cgroup::CgroupMode;
use measure::MemorySource;

use crate::quota::Quotas;
use crate::text::{Text, find, read_if_there};
use crate::{Cgroups, MeterError, USER_HZ};

/// A container and the files that tell what it uses.
#[derive(Debug)]
pub struct ContainerMeter {
    pod: String,
    container: String,
    cpu: Cpu,
    memory: MemoryFiles,
    quotas: Quotas,
}

/// CPU time of a container since it was made, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuTime {
    /// All of it.
    pub total_s: f64,
    /// In user mode.
    pub user_s: f64,
    /// In the kernel.
    pub system_s: f64,
}

#[derive(Debug)]
enum Cpu {
    /// `cpu.stat`.
    V2(Text),
    /// `cpuacct.usage` in nanoseconds; `cpuacct.stat` tells user from system, in ticks.
    V1 { usage: Text, stat: Text },
}

#[derive(Debug)]
enum MemoryFiles {
    /// A memory controller: use, statistics, and what these call inactive file pages.
    WorkingSet { usage: Text, stat: Text, inactive_file: &'static str },
    /// No controller: processes of the group, and where they are described.
    Pss { processes: Text, proc: PathBuf },
}

impl ContainerMeter {
    /// Opens the files of the group `path`.
    pub(crate) fn open(pod: &str, container: &str, cgroups: &Cgroups, path: &Path) -> Result<Self, MeterError> {
        let (memory, cpu) = (MemoryFiles::open(cgroups, path)?, Cpu::open(cgroups, path)?);
        let quotas = Quotas::open(cgroups, path)?;
        Ok(Self { pod: pod.to_owned(), container: container.to_owned(), cpu, memory, quotas })
    }

    /// Pod it belongs to.
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// `app` or `proxy`.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Where its memory figure comes from.
    pub fn memory_source(&self) -> MemorySource {
        match self.memory {
            MemoryFiles::WorkingSet { .. } => MemorySource::WorkingSet,
            MemoryFiles::Pss { .. } => MemorySource::Pss,
        }
    }

    /// CPU time until now.
    ///
    /// # Errors
    ///
    /// The group is gone.
    pub fn cpu(&self) -> Result<CpuTime, MeterError> {
        match &self.cpu {
            Cpu::V2(stat) => {
                let times_us = stat.fields(["usage_usec", "user_usec", "system_usec"])?;
                let [total_s, user_s, system_s] = times_us.map(|time_us| time_us as f64 / 1e6);
                Ok(CpuTime { total_s, user_s, system_s })
            }
            Cpu::V1 { usage, stat } => {
                let total_ns = usage.number("cpuacct.usage")?;
                let ticks = stat.fields(["user", "system"])?;
                let [user_s, system_s] = ticks.map(|ticks| ticks as f64 / USER_HZ);
                Ok(CpuTime { total_s: total_ns as f64 / 1e9, user_s, system_s })
            }
        }
    }

    /// Periods so far in which a CPU quota stopped it: its own, or that of a group above it.
    ///
    /// # Errors
    ///
    /// The group is gone.
    pub fn throttled(&self) -> Result<u64, MeterError> {
        self.quotas.throttled()
    }

    /// MemoryFiles now, in bytes: the working set as the kubelet computes it (use less inactive file pages), or the sum of
    /// the processes' proportional set sizes; [`memory_source`](Self::memory_source) tells which.
    ///
    /// # Errors
    ///
    /// The group is gone, or a process may not be looked at.
    pub fn memory(&self) -> Result<u64, MeterError> {
        match &self.memory {
            MemoryFiles::WorkingSet { usage, stat, inactive_file } => {
                let usage = usage.number("bytes")?;
                let [inactive] = stat.fields([inactive_file])?;
                // The two files are not read at one instant.
                Ok(usage.saturating_sub(inactive))
            }
            MemoryFiles::Pss { processes, proc } => pss(&processes.read()?, proc),
        }
    }
}

impl Cpu {
    fn open(cgroups: &Cgroups, path: &Path) -> Result<Self, MeterError> {
        let group = cgroups.layout.cpu.join(path);
        match cgroups.layout.mode {
            CgroupMode::V2 | CgroupMode::Hybrid => Ok(Self::V2(Text::open(group.join("cpu.stat"))?)),
            CgroupMode::V1 => Ok(Self::V1 {
                usage: Text::open(group.join("cpuacct.usage"))?,
                stat: Text::open(group.join("cpuacct.stat"))?,
            }),
        }
    }
}

impl MemoryFiles {
    fn open(cgroups: &Cgroups, path: &Path) -> Result<Self, MeterError> {
        if let Some(memory) = &cgroups.layout.memory {
            return Self::working_set(&memory.join(path), "memory.usage_in_bytes", "total_inactive_file");
        }
        let group = cgroups.layout.cpu.join(path);
        // A v2 group has the file only if its parents hand the controller down, which not every host allows.
        if group.join("memory.current").exists() {
            return Self::working_set(&group, "memory.current", "inactive_file");
        }
        Ok(Self::Pss { processes: Text::open(group.join("cgroup.procs"))?, proc: cgroups.root.join("proc") })
    }

    fn working_set(group: &Path, usage: &str, inactive_file: &'static str) -> Result<Self, MeterError> {
        let stat = Text::open(group.join("memory.stat"))?;
        Ok(Self::WorkingSet { usage: Text::open(group.join(usage))?, stat, inactive_file })
    }
}

/// Sum of the proportional set sizes of the listed processes, in bytes. Those that have ended use nothing.
fn pss(processes: &str, proc: &Path) -> Result<u64, MeterError> {
    // v1 may list a process twice.
    let processes: BTreeSet<&str> = processes.split_whitespace().collect();
    let mut total = 0;
    for process in processes {
        let path = proc.join(process).join("smaps_rollup");
        let Some(text) = read_if_there(&path)? else { continue };
        let kib = find(&text, "Pss:").ok_or(MeterError::Format { path, field: "Pss" })?;
        total += kib * 1024;
    }
    Ok(total)
}
