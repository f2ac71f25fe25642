//! Hosts arrange control groups in three ways. Each is made here in a mount namespace, whatever this host's own is; only
//! a host without v1 controllers cannot show the other two.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testbed::{insist_on_root, words};

const EXPERIMENT: &str = "\
name: brief
topology: pair
arms: {none: {plane: none}}
load: {sequential: {target: 'http://front:8080/', requests: 6}}
rounds: 6
stands: 1
idle: {windows: 8, window: 50ms}
";
const V2: &str = "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup";
const V1: &str = "umount /sys/fs/cgroup/unified 2>/dev/null || true";
const HYBRID: &str = "mountpoint -q /sys/fs/cgroup/unified || \
    { mkdir -p /sys/fs/cgroup/unified; mount -t cgroup2 none /sys/fs/cgroup/unified; }";

#[test]
fn every_arrangement_of_control_groups_accounts_for_cpu_and_memory() {
    insist_on_root();
    check("v2", V2);
    if Path::new("/sys/fs/cgroup/memory").exists() {
        check("v1", V1);
        check("hybrid", HYBRID);
    }
}

fn check(mode: &str, arrange: &str) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("run");
    let experiment = home.path().join("experiment.yaml");
    std::fs::write(&experiment, EXPERIMENT).unwrap();
    let script = format!(
        "mount --make-rprivate /; {arrange} && exec {} run {} --json --out {}",
        testbed::binary(),
        experiment.display(),
        folder.display()
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{mode}: {}", words(&output));
    let measurement: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(measurement["environment"]["cgroups"], mode);
    let metrics = &measurement["arms"][0]["metrics"];
    for metric in ["cpu_app_ms_per_request", "memory_idle_mib", "memory_loaded_mib"] {
        assert!(metrics[metric]["value"].as_f64().unwrap() > 0.0, "{mode}: {metric} is {}", metrics[metric]);
    }
}
