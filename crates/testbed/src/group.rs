//! A control group with a memory limit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;

/// A control group with a memory limit. On drop it waits for its processes to end, and is removed.
pub struct Group {
    folder: PathBuf,
    files: Files,
}

/// Names of files in a cgroup tree, which differ between versions 1 and 2.
#[derive(Clone, Copy)]
struct Files {
    limit: &'static str,
    peak: &'static str,
    /// File with a line that counts the processes killed for lack of memory.
    killed: &'static str,
}

impl Group {
    /// Makes a group with a limit in bytes.
    pub fn with_memory(name: &str, bytes: u64) -> Self {
        let first = Path::new("/sys/fs/cgroup/memory");
        let (tree, files) = if first.is_dir() {
            let [limit, peak, killed] = ["memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"];
            (first, Files { limit, peak, killed })
        } else {
            let tree = Path::new("/sys/fs/cgroup");
            fs::write(tree.join("cgroup.subtree_control"), "+memory").unwrap();
            (tree, Files { limit: "memory.max", peak: "memory.peak", killed: "memory.events" })
        };
        // `meshtax clean` removes everything called `meshtax-…` that belongs to no run, so use another prefix.
        let folder = tree.join(format!("witness-{name}-{}", process::id()));
        fs::create_dir(&folder).unwrap();
        let group = Self { folder, files };
        fs::write(group.folder.join(files.limit), bytes.to_string()).unwrap();
        group
    }

    /// Returns a command whose process is in the group from the start.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("sh");
        let enter = format!("echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"", self.folder.display());
        command.args(["-c", &enter, program]);
        command
    }

    /// Returns the peak of the group's memory in bytes, including the kernel's memory for it.
    pub fn memory_max(&self) -> u64 {
        self.read(self.files.peak).trim().parse().unwrap()
    }

    /// Returns how many processes the kernel has killed for lack of memory.
    pub fn killed(&self) -> u64 {
        let text = self.read(self.files.killed);
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")).unwrap().parse().unwrap()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        while !self.read("cgroup.procs").is_empty() {
            thread::yield_now();
        }
        let removed = fs::remove_dir(&self.folder);
        assert!(removed.is_ok() || thread::panicking(), "{removed:?}");
    }
}
