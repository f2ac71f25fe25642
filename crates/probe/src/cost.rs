use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use libbpf_rs::{MapCore, MapType, Object};
use records::{MapFill, ProgramCost};

use crate::error::ProbeError;
use crate::object::entries;

/// What the programs and maps of a witness cost.
#[derive(Clone, Copy, Debug)]
pub struct Costs<'a> {
    object: &'a Object,
    uncounted: &'static [&'static str],
}

impl<'a> Costs<'a> {
    /// Returns the costs of an object. The entries of maps named in `uncounted` are not counted.
    pub(crate) fn of(object: &'a Object, uncounted: &'static [&'static str]) -> Self {
        Self { object, uncounted }
    }

    /// Returns what each program has cost while the kernel timed it.
    pub fn programs(self) -> Vec<ProgramCost> {
        let cost = |program: libbpf_rs::Program| {
            // A program that was left out has no descriptor.
            let info = fdinfo(program.as_fd())?;
            Some(ProgramCost {
                program: program.name().to_string_lossy().into_owned(),
                time: Duration::from_nanos(field(&info, "run_time_ns:")?),
                runs: field(&info, "run_cnt:")?,
                // The kernel has this field since Linux 5.12.
                misses: field(&info, "recursion_misses:").unwrap_or_default(),
            })
        };
        self.object.progs().filter_map(cost).collect()
    }

    /// Returns how full each map is that can be full. The map of sockets is left out, because it is too large to be
    /// read for this: see [`crate::Tcp::room`].
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    pub fn maps(self) -> Result<Vec<MapFill>, ProbeError> {
        let is_filled = |map: &libbpf_rs::Map| {
            matches!(map.map_type(), MapType::Hash | MapType::LruHash)
                && !self.uncounted.iter().any(|name| map.name() == *name)
        };
        let fill = |map: libbpf_rs::Map| {
            let held = entries(&map)?.len() as u64;
            let map_name = map.name().to_string_lossy().into_owned();
            Ok(MapFill { map: map_name, entries: held, max_entries: map.max_entries().into() })
        };
        self.object.maps().filter(is_filled).map(fill).collect()
    }
}

/// Reads the kernel's information about an open descriptor.
fn fdinfo(descriptor: BorrowedFd) -> Option<String> {
    fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()
}

/// Returns the number that follows `name` in lines of names and values.
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
