use std::fs;
use std::path::Path;

use lab::Trees;
use measure::{Environment, MemorySource};

use crate::needs::Envoy;

/// Reads facts about this machine.
pub fn environment(envoy: &Envoy, trees: &Trees, memory_source: MemorySource, awake: bool) -> Environment {
    Environment {
        meshtax: env!("CARGO_PKG_VERSION").to_owned(),
        envoy: envoy.version.clone(),
        kernel: first_line("/proc/sys/kernel/osrelease"),
        system: value_of("/etc/os-release", "PRETTY_NAME=").trim_matches('"').to_owned(),
        processor: value_of("/proc/cpuinfo", "model name").trim_start_matches([' ', '\t', ':']).to_owned(),
        cores: cores(),
        memory_mib: value_of("/proc/meminfo", "MemTotal:").trim_end_matches(" kB").trim().parse().unwrap_or(0) / 1024,
        cgroups: trees.mode.to_string(),
        memory_source,
        awake,
        interrupts_apart: meter::interrupts_apart(Path::new("/")).ok().flatten(),
        started: jiff::Timestamp::now().to_string(),
    }
}

/// Cores that this process may use.
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

/// The rest of the first line that starts with `key`, or an empty text if there is none.
fn value_of(path: &str, key: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned()
}
