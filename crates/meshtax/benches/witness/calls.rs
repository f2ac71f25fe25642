//! The time that each program of a monitor takes per run, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;

use libbpf_rs::query::ProgInfoIter;

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Makes the kernel time programs while this lives.
pub struct Counting {
    before: String,
}

impl Counting {
    pub fn begin() -> Self {
        let before = fs::read_to_string(SWITCH).expect("Linux 5.1 and later have it");
        fs::write(SWITCH, "1").expect("root may write it");
        Self { before }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        fs::write(SWITCH, &self.before).expect("it was written before");
    }
}

/// The runs of a program, and their time.
pub struct Call {
    pub program: String,
    pub runs: u64,
    /// Time per run, in nanoseconds.
    pub ns: f64,
}

/// The runs of all programs that this process holds, by id, because some have the same name.
pub fn calls() -> BTreeMap<u64, Call> {
    let names: BTreeMap<u64, String> = ProgInfoIter::default()
        .map(|program| (u64::from(program.id), program.name.to_string_lossy().into_owned()))
        .collect();
    let files = fs::read_dir("/proc/self/fdinfo").expect("every process has it").flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    let programs = texts.filter_map(|text| {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
        let (runs, time_ns) = (field("run_cnt:")?, field("run_time_ns:")?);
        let id = field("prog_id:")?;
        Some((id, Call { program: names.get(&id)?.clone(), runs, ns: time_ns as f64 / runs as f64 }))
    });
    programs.filter(|(_, call)| call.runs > 0).collect()
}
