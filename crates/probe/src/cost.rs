use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use libbpf_rs::{MapCore, MapType};

use crate::error::ProbeError;
use crate::probe::{Gap, Probe, SCOPE, entries};
use crate::statistics;

/// What a program has cost since its runs are timed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCost {
    /// Its name.
    pub program: String,
    /// Time that it ran.
    pub time: Duration,
    /// How often.
    pub runs: u64,
}

/// How full a map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapFill {
    /// Its name.
    pub map: String,
    /// Entries in it.
    pub entries: u64,
    /// Entries that it has room for.
    pub max_entries: u64,
}

impl Probe {
    /// Has the kernel time every run of every program, of others, too, for as long as this probe lives, which costs each
    /// run two looks at the clock. Where the user lacks CAP_SYS_ADMIN this is a gap.
    pub fn time_programs(&mut self) {
        match statistics::enable() {
            Ok(held) => self.statistics = Some(held),
            Err(error) => {
                self.gaps.push(Gap { what: "what the programs cost in the kernel", why: error.to_string() });
            }
        }
    }

    /// What each program has cost; nothing where runs are not timed.
    pub fn program_costs(&self) -> Vec<ProgramCost> {
        if self.statistics.is_none() {
            return Vec::new();
        }
        let cost = |program: libbpf_rs::Program| {
            let info = fdinfo(program.as_fd())?;
            Some(ProgramCost {
                program: program.name().to_string_lossy().into_owned(),
                time: Duration::from_nanos(field(&info, "run_time_ns:")?),
                runs: field(&info, "run_cnt:")?,
            })
        };
        self.object.progs().filter_map(cost).collect()
    }

    /// How full each map is that can be full.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn map_fills(&self) -> Result<Vec<MapFill>, ProbeError> {
        let is_filled =
            |map: &libbpf_rs::Map| matches!(map.map_type(), MapType::Hash | MapType::LruHash) && map.name() != SCOPE;
        let hashes = self.object.maps().filter(is_filled);
        let fill = |map: libbpf_rs::Map| {
            let held = entries(&map)?.len() as u64;
            let map_name = map.name().to_string_lossy().into_owned();
            Ok(MapFill { map: map_name, entries: held, max_entries: map.max_entries().into() })
        };
        hashes.map(fill).collect()
    }
}

/// What the kernel tells of an open descriptor.
fn fdinfo(descriptor: BorrowedFd) -> Option<String> {
    fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()
}

/// The number behind `name` in lines of names and values.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "pos:\t0\nprog_type:\t26\nrun_time_ns:\t1234\nrun_cnt:\t5\nrecursion_misses:\t0\n";
        assert_eq!(field(text, "run_time_ns:"), Some(1234));
        assert_eq!(field(text, "run_cnt:"), Some(5));
        assert_eq!(field(text, "cnt:"), None);
    }
}
