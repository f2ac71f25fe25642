//! A control group that measures a program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use lab::Trees;
use meter::{Cgroups, ContainerMeter};

const PATIENCE: Duration = Duration::from_secs(5);

/// A control group in each tree; removed when dropped, after the program in it has ended.
pub struct Group {
    folders: Vec<PathBuf>,
    meter: ContainerMeter,
}

impl Group {
    /// Creates an empty group.
    pub fn create(name: &str) -> Self {
        let path = PathBuf::from(format!("meshtax-bench-{}-{name}", std::process::id()));
        let trees = Trees::discover().expect("this host has control groups");
        let folders: Vec<PathBuf> = trees.roots.iter().map(|root| root.join(&path)).collect();
        folders.iter().for_each(|folder| fs::create_dir(folder).expect("root may make groups"));
        let meter = Cgroups::discover(Path::new("/")).and_then(|cgroups| cgroups.container(name, "app", &path));
        Self { folders, meter: meter.expect("it has just been made") }
    }

    /// The meter of the group.
    pub fn meter(&self) -> &ContainerMeter {
        &self.meter
    }

    /// The processes in it.
    pub fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.folders[0].join("cgroup.procs")).expect("it stays until it is dropped");
        text.lines().map(|line| line.parse().expect("the kernel writes numbers")).collect()
    }

    /// Starts a program in the group. It ends when this thread does.
    pub fn spawn(&self, command: &Command) -> Child {
        let join = r#"while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec setpriv --pdeathsig TERM "$@""#;
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", join, "sh"]).args(self.folders.iter().map(|folder| folder.join("cgroup.procs")));
        shell.arg("--").arg(command.get_program()).args(command.get_args());
        shell.spawn().expect("every system has a shell")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        for folder in &self.folders {
            // The kernel releases a group a moment after its last process ends.
            while fs::remove_dir(folder).is_err() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
