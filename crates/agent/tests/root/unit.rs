//! The agent's systemd unit, as it ships, under a real systemd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use testbed::insist_on_root;

const PATIENCE: Duration = Duration::from_secs(10);

/// A control group that a systemd can run in. It is removed on drop with everything below.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let hybrid = Path::new("/sys/fs/cgroup/unified");
        let root = if hybrid.exists() { hybrid } else { Path::new("/sys/fs/cgroup") };
        let group = root.join(format!("meshtax-unit-{}", std::process::id()));
        fs::create_dir(&group).unwrap();
        Self(group)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // The kernel removes a group only a moment after its last process has ended.
        while self.0.exists() {
            Command::new("find").arg(&self.0).args(["-depth", "-type", "d", "-delete"]).output().unwrap();
            if Instant::now() > deadline {
                assert!(std::thread::panicking(), "{} stays", self.0.display());
                return;
            }
        }
    }
}

#[test]
fn the_unit_starts_without_root_serves_reloads_and_stops() {
    insist_on_root();
    let (home, found) = (Home::new(), tempfile::tempdir().unwrap());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ended = Command::new("sh")
        .args([&here.join("tests/root/unit/boot.sh"), &home.0])
        .arg(testbed::binary())
        .args([&here.join("../../packaging"), found.path()])
        .output()
        .unwrap();
    let read = |name: &str| fs::read_to_string(found.path().join(name)).unwrap_or_default();
    let answer = read("answer");
    let told = format!("{answer}\n{}\n{}", read("console"), String::from_utf8_lossy(&ended.stderr));
    for wanted in [
        "ActiveState=active",
        "istio_tcp_connections_opened_total{",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "reloaded certificates and token",
        "Result=success",
        "ExecMainStatus=0",
    ] {
        assert!(answer.contains(wanted), "{wanted} is not in: {told}");
    }
}
