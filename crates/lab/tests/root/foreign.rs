//! What is not a lab's stays, whatever its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use testbed::{Kept, insist_on_root, meshtax, words};

/// As a lab of long ago might have been called.
const NAME: &str = "meshtax-19990101t000000zz";

/// The tree of control groups (v2) in which a canary is made.
fn tree() -> PathBuf {
    let unified = Path::new("/sys/fs/cgroup/unified");
    (if unified.exists() { unified } else { Path::new("/sys/fs/cgroup") }).to_owned()
}

/// A control group with a process in it, and a network namespace, all of which bear a lab's name; gone when dropped.
struct Canary {
    group: PathBuf,
    process: Child,
}

impl Canary {
    fn set() -> Self {
        let group = tree().join(NAME);
        fs::create_dir(&group).unwrap();
        let process = Command::new("sleep").arg("600").spawn().unwrap();
        fs::write(group.join("cgroup.procs"), process.id().to_string()).unwrap();
        assert!(Command::new("ip").args(["netns", "add", NAME]).status().unwrap().success());
        Self { group, process }
    }

    fn is_whole(&mut self) -> bool {
        let lives = self.process.try_wait().unwrap().is_none();
        lives && self.group.exists() && Path::new("/run/netns").join(NAME).exists()
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().unwrap();
        Command::new("ip").args(["netns", "del", NAME]).status().unwrap();
        while fs::remove_dir(&self.group).is_err() && self.group.exists() {
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_merely_bears_a_labs_name_is_left_alone() {
    insist_on_root();
    let mut canary = Canary::set();
    let output = meshtax().args(["clean", NAME.trim_start_matches("meshtax-")]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(words(&output).contains("was left behind"), "{}", words(&output));
    assert!(canary.is_whole());
    // In a PID namespace the process reads as 0, which to signal is to signal oneself; and what runs there knows nothing of
    // the labs of others.
    let clean = format!("mount -t tmpfs none /run && {} clean", testbed::binary());
    let mut inside = Command::new("setsid");
    inside.args(["--wait", "unshare", "--pid", "--fork", "--mount", "--mount-proc", "sh", "-c", &clean]);
    let output = inside.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(canary.is_whole());
}

/// Mounts of a network namespace of the host's, by its name.
fn mounts(name: &str) -> usize {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().filter(|line| line.contains(name)).count()
}

#[test]
fn a_lab_mounts_nothing_of_the_hosts_once_more() {
    insist_on_root();
    let namespace = testbed::Namespace::new("host");
    let before = mounts(namespace.name());
    let lab = Kept::stand(Path::new("topologies/pair.yaml"));
    assert_eq!(mounts(namespace.name()), before);
    drop(lab);
    assert_eq!(mounts(namespace.name()), before);
}
