use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use libbpf_rs::query::{LinkInfoIter, MapInfoIter, ProgInfoIter};
use nix::fcntl::OFlag;

/// How long the kernel may take to free what no process holds.
const PATIENCE: Duration = Duration::from_secs(60);

/// BPF programs, maps and links, by kind and number, such as `prog_id 7`.
#[derive(Default)]
pub struct Held(BTreeSet<String>);

impl Held {
    /// Returns what a process holds.
    pub fn by(process: u32) -> Self {
        let files = fs::read_dir(format!("/proc/{process}/fdinfo")).unwrap().flatten();
        let facts = files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect::<Vec<_>>().join("\n");
        let facts = facts.lines().filter_map(|line| line.split_once(":\t"));
        let ours = facts.filter(|(kind, _)| ["prog_id", "map_id", "link_id"].contains(kind));
        Self(ours.map(|(kind, number)| format!("{kind} {number}")).collect())
    }

    /// Returns what this process and another one hold.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Waits until all of it is gone from the kernel.
    pub fn vanishes(&self) {
        assert!(["prog_id", "map_id", "link_id"].iter().all(|kind| self.0.iter().any(|held| held.starts_with(kind))));
        let since = Instant::now();
        while let Some(left) = self.0.intersection(&all()).next() {
            assert!(since.elapsed() < PATIENCE, "{left} is still there");
        }
    }
}

/// Returns all that the kernel has.
fn all() -> BTreeSet<String> {
    let programs = ProgInfoIter::default().map(|program| format!("prog_id {}", program.id));
    let maps = MapInfoIter::default().map(|map| format!("map_id {}", map.id));
    let links = LinkInfoIter::default().map(|link| format!("link_id {}", link.id));
    programs.chain(maps).chain(links).collect()
}

/// Messages of the kernel from now on.
pub struct KernelLog(File);

impl KernelLog {
    pub fn from_now() -> Self {
        let mut options = OpenOptions::new();
        let mut log = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open("/dev/kmsg").unwrap();
        log.seek(SeekFrom::End(0)).unwrap();
        Self(log)
    }

    /// Checks that the kernel has not complained.
    pub fn stays_calm(&mut self) {
        let mut record = [0; 8192];
        while let Ok(length) = self.0.read(&mut record) {
            let said = String::from_utf8_lossy(&record[..length]);
            assert!(!["WARNING:", "BUG:", "Oops", "stall"].iter().any(|word| said.contains(word)), "{said}");
        }
    }
}
