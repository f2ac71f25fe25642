//! A control group with little memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;

/// A control group whose processes share so much memory and no more; removed when dropped, once they have ended.
pub struct Group {
    folder: PathBuf,
    files: Files,
}

/// What a tree of control groups calls things.
#[derive(Clone, Copy)]
struct Files {
    limit: &'static str,
    peak: &'static str,
    /// Has a line with how many processes the kernel has killed for want of memory.
    killed: &'static str,
}

impl Group {
    /// One of its own with a limit in bytes.
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
        // Whatever begins with `meshtax-` and is held by no run is garbage to `meshtax clean`.
        let folder = tree.join(format!("witness-{name}-{}", process::id()));
        fs::create_dir(&folder).unwrap();
        let group = Self { folder, files };
        fs::write(group.folder.join(files.limit), bytes.to_string()).unwrap();
        group
    }

    /// A command that runs in it from its first step.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("sh");
        let enter = format!("echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"", self.folder.display());
        command.args(["-c", &enter, program]);
        command
    }

    /// Most bytes that it ever held, the kernel's for it among them.
    pub fn memory_max(&self) -> u64 {
        self.read(self.files.peak).trim().parse().unwrap()
    }

    /// Processes that the kernel has killed for want of memory.
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
