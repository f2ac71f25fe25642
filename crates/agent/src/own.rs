use probe::{MapFill, ProgramCost};

use crate::export::Reading;
use crate::metric::{Family, Kind};

/// What the agent itself costs.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// CPU time of its processes so far, in seconds.
    pub cpu_s: f64,
    /// Their resident memory, in bytes; pages that they share count for each.
    pub memory_bytes: u64,
    /// How long this reading took, in seconds.
    pub reading_s: f64,
    /// What its programs in the kernel cost, by witness.
    pub programs: Vec<(&'static str, ProgramCost)>,
    /// Whether their runs are timed.
    pub is_timed: bool,
    /// How full its maps in the kernel are, by witness.
    pub maps: Vec<(&'static str, MapFill)>,
}

impl Cost {
    /// Adds what a process costs that works for the agent.
    pub fn add(&mut self, more: Cost) {
        self.cpu_s += more.cpu_s;
        self.memory_bytes += more.memory_bytes;
    }
}

/// CPU time and memory of another process; 0 where /proc does not tell.
pub fn cost_of(process: u32) -> Cost {
    let memory_bytes = resident(&process.to_string()).unwrap_or_default();
    Cost { cpu_s: cpu_s(process).unwrap_or_default(), memory_bytes, ..Cost::default() }
}

/// User and system time are the fourteenth and fifteenth field of /proc/PID/stat, and those of processes that it has outlived
/// follow; the second ends with the last bracket.
fn cpu_s(process: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after) = text.rsplit_once(") ")?;
    let ticks: u64 = after.split(' ').skip(11).take(4).map(|field| field.parse().unwrap_or(0)).sum();
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    Some(ticks as f64 / per_second as f64)
}

/// CPU time and memory of this process; 0 where /proc does not tell.
pub fn own_cost() -> Cost {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok();
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu_s = usage.map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()));
    let memory_bytes = resident("self").unwrap_or_default();
    Cost { cpu_s, memory_bytes, ..Cost::default() }
}

fn resident(process: &str) -> Option<u64> {
    let pages: u64 = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?.split(' ').nth(1)?.parse().ok()?;
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(size).ok()?)
}

/// What the agent costs and what it missed; `overflows` is how often it counted something as `other` itself.
pub fn own(reading: &Reading, overflows: u64) -> Vec<Family> {
    let Reading { losses, cost, series, connections, .. } = reading;
    let mut events =
        Family::new("meshtax_agent_events_lost_total", Kind::Counter, "Events that nobody read in time; no metric is.");
    for (kind, lost) in &losses.events {
        events.add(vec![("event", format!("{kind:?}").to_lowercase().into())], *lost as f64);
    }
    let mut overflow = Family::new(
        "meshtax_agent_series_overflow_total",
        Kind::Counter,
        "Times that something was counted as `other` for want of room in the kernel's map or in the exposition.",
    );
    for (place, times) in [("kernel", losses.series), ("exposition", overflows)] {
        overflow.add(vec![("place", place.into())], times as f64);
    }
    let one = |name, kind, help, value: f64| {
        let mut family = Family::new(name, kind, help);
        family.add(Vec::new(), value);
        family
    };
    let process = [
        one(
            "meshtax_agent_sockets_untracked_total",
            Kind::Counter,
            "Sockets that there was no room to follow.",
            losses.sockets as f64,
        ),
        one(
            "meshtax_agent_sockets_late_total",
            Kind::Counter,
            "Sockets that were met only after they had moved bytes, which are in no counter.",
            losses.late as f64,
        ),
        one("meshtax_agent_series", Kind::Gauge, "Series in the kernel's map.", series.len() as f64),
        one("meshtax_agent_sockets", Kind::Gauge, "Sockets that are followed now.", connections.len() as f64),
        one("meshtax_agent_cpu_seconds_total", Kind::Counter, "CPU time of the agent's processes.", cost.cpu_s),
        one(
            "meshtax_agent_resident_memory_bytes",
            Kind::Gauge,
            "Resident memory of the agent's processes.",
            cost.memory_bytes as f64,
        ),
        one("meshtax_agent_reading_seconds", Kind::Gauge, "Time that this reading took.", cost.reading_s),
    ];
    [events, overflow].into_iter().chain(process).chain(in_kernel(cost)).collect()
}

/// What the programs cost, and how full their maps are.
fn in_kernel(cost: &Cost) -> [Family; 5] {
    let seconds = "Time that the agent's programs ran in the kernel, where it is timed (--bpf-stats).";
    let mut time = Family::new("meshtax_agent_bpf_run_seconds_total", Kind::Counter, seconds);
    let mut runs = Family::new(
        "meshtax_agent_bpf_runs_total",
        Kind::Counter,
        "Runs of the agent's programs, where they are timed.",
    );
    let mut misses = Family::new(
        "meshtax_agent_bpf_misses_total",
        Kind::Counter,
        "Runs of the agent's programs that the kernel left out, as the program ran already on that processor.",
    );
    for (witness, program) in &cost.programs {
        let labels = vec![("witness", (*witness).into()), ("program", program.program.as_str().into())];
        misses.add(labels.clone(), program.misses as f64);
        if cost.is_timed {
            time.add(labels.clone(), program.time.as_secs_f64());
            runs.add(labels, program.runs as f64);
        }
    }
    let mut entries =
        Family::new("meshtax_agent_map_entries", Kind::Gauge, "Entries of the agent's maps in the kernel.");
    let mut most = Family::new("meshtax_agent_map_max_entries", Kind::Gauge, "Entries that those maps have room for.");
    for (witness, fill) in &cost.maps {
        let labels = vec![("witness", (*witness).into()), ("map", fill.map.as_str().into())];
        entries.add(labels.clone(), fill.entries as f64);
        most.add(labels, fill.max_entries as f64);
    }
    [time, runs, misses, entries, most]
}
