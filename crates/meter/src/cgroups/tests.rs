use std::fs;

use measure::MemorySource;

use super::*;
use crate::CpuTime;

const GROUP: &str = "meshtax-x/none/web-v1/app";

const UNIFIED: &str = "30 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
99 31 0:38 / /run/elsewhere/cgroupv2 rw,relatime - cgroup2 cgroup2 rw
";
const LEGACY: &str = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

const CPU_STAT: &str = "usage_usec 5000000\nuser_usec 4000000\nsystem_usec 1000000\nnice_usec 0\n";
const CPUACCT: [(&str, &str); 2] = [("cpuacct.usage", "5000000000\n"), ("cpuacct.stat", "user 400\nsystem 100\n")];

/// Writes files below `folder` of a root that is made for the purpose.
fn write(root: &Path, folder: &str, files: &[(&str, &str)]) {
    fs::create_dir_all(root.join(folder)).unwrap();
    files.iter().for_each(|(name, text)| fs::write(root.join(folder).join(name), text).unwrap());
}

/// Each arrangement tells the same: 5 CPU-seconds, and that memory from that source.
fn check(mountinfo: &str, groups: &[(&str, &[(&str, &str)])], mode: &str, memory: (u64, MemorySource)) {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "proc/self", &[("mountinfo", mountinfo)]);
    write(root.path(), "proc/17", &[("smaps_rollup", "00-ff ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss: 300 kB\n")]);
    write(root.path(), "proc/18", &[("smaps_rollup", "00-ff ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss: 40 kB\n")]);
    for (tree, files) in groups {
        write(root.path(), &format!("sys/fs/cgroup/{tree}/{GROUP}"), files);
    }
    let cgroups = Cgroups::discover(root.path()).unwrap();
    let container = cgroups.container("web-v1", "app", Path::new(GROUP)).unwrap();
    assert_eq!(cgroups.mode().to_string(), mode);
    assert_eq!(container.cpu().unwrap(), CpuTime { total_s: 5.0, user_s: 4.0, system_s: 1.0 });
    assert_eq!((container.memory().unwrap(), container.memory_source()), memory);
}

#[test]
fn v2_tells_cpu_and_working_set() {
    let stat = "anon 500\ninactive_file 200\nactive_file 300\n";
    let files = [("cpu.stat", CPU_STAT), ("memory.current", "1000\n"), ("memory.stat", stat)];
    check(UNIFIED, &[("", &files)], "v2", (800, MemorySource::WorkingSet));
}

#[test]
fn hybrid_tells_memory_by_v1() {
    let stat = "inactive_file 1\ntotal_inactive_file 400\n";
    let memory = [("memory.usage_in_bytes", "1000\n"), ("memory.stat", stat)];
    let groups: [(&str, &[_]); 2] = [("unified", &[("cpu.stat", CPU_STAT)]), ("memory", &memory)];
    check(HYBRID, &groups, "hybrid", (600, MemorySource::WorkingSet));
}

#[test]
fn without_a_memory_controller_processes_are_summed() {
    // Process 19 has ended, 17 is listed twice.
    let files = [&CPUACCT[..], &[("cgroup.procs", "17\n18\n17\n19\n")]].concat();
    check(LEGACY, &[("cpu,cpuacct", &files)], "v1", (340 * 1024, MemorySource::Pss));
    let files = [("cpu.stat", CPU_STAT), ("cgroup.procs", "17\n18\n17\n19\n")];
    check(UNIFIED, &[("", &files)], "v2", (340 * 1024, MemorySource::Pss));
}

#[test]
fn more_inactive_than_used_is_nothing() {
    let files = [("cpu.stat", CPU_STAT), ("memory.current", "100\n"), ("memory.stat", "inactive_file 200\n")];
    check(UNIFIED, &[("", &files)], "v2", (0, MemorySource::WorkingSet));
}

#[test]
fn what_is_missing_is_named() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "proc/self", &[("mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n")]);
    assert!(matches!(Cgroups::discover(root.path()), Err(MeterError::NoCgroups(_))));

    write(root.path(), "proc/self", &[("mountinfo", UNIFIED)]);
    let cgroups = Cgroups::discover(root.path()).unwrap();
    let container = |group: &str| cgroups.container("web-v1", "app", Path::new(group));
    assert!(matches!(container("gone"), Err(MeterError::Read { path, .. }) if path.ends_with("gone/cgroup.procs")));
    write(root.path(), "sys/fs/cgroup/odd", &[("cpu.stat", "usage_usec x\n"), ("cgroup.procs", "")]);
    assert_eq!(
        container("odd").unwrap().cpu().unwrap_err().to_string(),
        format!("`{}` has no valid `usage_usec`", root.path().join("sys/fs/cgroup/odd/cpu.stat").display())
    );
}

#[test]
fn this_machine_has_control_groups() {
    let cgroups = Cgroups::discover(Path::new("/")).unwrap();
    assert!(["v2", "hybrid", "v1"].contains(&cgroups.mode().to_string().as_str()));
}
