//! What the agent's processes cost, read from /proc.

use attribution::Cost;

/// Returns the CPU time and memory of another process; 0 if it has ended.
pub fn cost_of(process: u32) -> Cost {
    let memory_bytes = resident(&process.to_string()).unwrap_or_default();
    Cost { cpu_s: cpu_s(process).unwrap_or_default(), memory_bytes, ..Cost::default() }
}

/// Returns the CPU time of a process in seconds: fields 14 to 17 of /proc/PID/stat, which are its own user and system
/// time and those of its ended children. Field 2 ends at the last bracket.
fn cpu_s(process: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after) = text.rsplit_once(") ")?;
    let ticks: u64 = after.split(' ').skip(11).take(4).map(|field| field.parse().unwrap_or(0)).sum();
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    Some(ticks as f64 / per_second as f64)
}

/// Returns the CPU time and memory of this process; 0 if they cannot be read.
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
