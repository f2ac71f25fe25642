use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use libbpf_rs::{MapCore, MapType, Object};

use crate::connection::Connection;
use crate::dns::Dns;
use crate::drops::Drops;
use crate::error::ProbeError;
use crate::probe::{Gap, Probe, SCOPE, STORIES, entries, map};
use crate::statistics;
use crate::udp::Udp;

/// Maps whose entries are not counted.
const UNREAD: [&str; 2] = [SCOPE, STORIES];

/// What a program has cost since its runs are timed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCost {
    /// Its name.
    pub program: String,
    /// Time that it ran.
    pub time: Duration,
    /// How often.
    pub runs: u64,
    /// How often it was passed by, timed or not, since it ran already on that processor.
    pub misses: u64,
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

/// What a witness costs in the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Costs<'a>(&'a Object);

impl Costs<'_> {
    /// What each program has cost, while runs are timed.
    pub fn programs(self) -> Vec<ProgramCost> {
        let cost = |program: libbpf_rs::Program| {
            // A program that this kernel has no use for has no descriptor.
            let info = fdinfo(program.as_fd())?;
            Some(ProgramCost {
                program: program.name().to_string_lossy().into_owned(),
                time: Duration::from_nanos(field(&info, "run_time_ns:")?),
                runs: field(&info, "run_cnt:")?,
                // Since Linux 5.12.
                misses: field(&info, "recursion_misses:").unwrap_or_default(),
            })
        };
        self.0.progs().filter_map(cost).collect()
    }

    /// How full each map is that can be full, except that of sockets, which is too large to be read for this: see
    /// [`Probe::room`].
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn maps(self) -> Result<Vec<MapFill>, ProbeError> {
        let is_filled = |map: &libbpf_rs::Map| {
            matches!(map.map_type(), MapType::Hash | MapType::LruHash) && !UNREAD.iter().any(|name| map.name() == *name)
        };
        let fill = |map: libbpf_rs::Map| {
            let held = entries(&map)?.len() as u64;
            let map_name = map.name().to_string_lossy().into_owned();
            Ok(MapFill { map: map_name, entries: held, max_entries: map.max_entries().into() })
        };
        self.0.maps().filter(is_filled).map(fill).collect()
    }
}

impl<S> Probe<S> {
    /// What it costs in the kernel.
    pub fn costs(&self) -> Costs<'_> {
        Costs(&self.object)
    }

    /// Whether the kernel times programs for it.
    pub fn times_programs(&self) -> bool {
        self.statistics.is_some()
    }
}

impl Dns {
    /// What it costs in the kernel.
    pub fn costs(&self) -> Costs<'_> {
        Costs(&self.object)
    }
}

impl Udp {
    /// What it costs in the kernel.
    pub fn costs(&self) -> Costs<'_> {
        Costs(&self.object)
    }
}

impl Drops {
    /// What it costs in the kernel.
    pub fn costs(&self) -> Costs<'_> {
        Costs(&self.object)
    }
}

impl Probe {
    /// How much of the room for sockets `connections`, a snapshot, take.
    pub fn room(&self, connections: &[Connection]) -> MapFill {
        let max_entries = map(&self.object, STORIES).max_entries().into();
        MapFill { map: STORIES.to_owned(), entries: connections.len() as u64, max_entries }
    }

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
}

impl Probe {
    /// Has the kernel time no program for this probe any more. What was timed stays.
    pub fn end_timing(&mut self) {
        self.statistics = None;
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
