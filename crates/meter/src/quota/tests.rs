use std::fs;

use super::*;

/// Groups from the top down and what their `cpu.stat` say; the sum that a container in the last one sees.
fn check(mountinfo: &str, tree: &str, groups: &[(&str, &str)], throttled: u64) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("proc/self")).unwrap();
    fs::write(root.path().join("proc/self/mountinfo"), mountinfo).unwrap();
    for (group, stat) in groups {
        let folder = root.path().join("sys/fs/cgroup").join(tree).join(group);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cpu.stat"), stat).unwrap();
    }
    let cgroups = Cgroups::discover(root.path()).unwrap();
    let quotas = Quotas::open(&cgroups, Path::new("run/none/web-v1/app")).unwrap();
    assert_eq!(quotas.throttled().unwrap(), throttled);
}

const UNIFIED: &str = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const LEGACY: &str = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

#[test]
fn quotas_above_count() {
    let own = ("run/none/web-v1/app", "usage_usec 5\nnr_periods 9\nnr_throttled 2\nthrottled_usec 70\n");
    check(UNIFIED, "", &[own], 2);
    check(UNIFIED, "", &[("run", "nr_periods 9\nnr_throttled 40\n"), own], 42);
    let v1 = "nr_periods 9\nnr_throttled 3\nthrottled_time 7\n";
    check(LEGACY, "cpu,cpuacct", &[("", v1), ("run/none", "nr_periods 0\nnr_throttled 0\n")], 3);
}

#[test]
fn groups_without_the_controller_count_nothing() {
    check(UNIFIED, "", &[("run/none/web-v1/app", "usage_usec 5\nuser_usec 4\nsystem_usec 1\n")], 0);
    check(UNIFIED, "", &[], 0);
}
