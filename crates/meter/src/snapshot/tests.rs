use std::fs;
use std::path::Path;

use super::*;
use crate::Cgroups;

/// A host whose only container has used that much: CPU time in microseconds, machine time in ticks.
fn write(root: &Path, usage_us: u64, memory: u64, busy: u64) {
    let group = root.join("sys/fs/cgroup/meshtax-x/none/web-v1/app");
    fs::create_dir_all(&group).unwrap();
    fs::create_dir_all(root.join("proc/self")).unwrap();
    fs::write(root.join("proc/self/mountinfo"), "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").unwrap();
    fs::write(root.join("proc/stat"), format!("cpu  {busy} 0 0 1000 0 0 0 0 0 0\n")).unwrap();
    let stat = format!("usage_usec {usage_us}\nuser_usec {usage_us}\nsystem_usec 0\n");
    fs::write(group.join("cpu.stat"), stat).unwrap();
    fs::write(group.join("memory.current"), memory.to_string()).unwrap();
    fs::write(group.join("memory.stat"), "inactive_file 0\n").unwrap();
}

#[test]
fn use_is_the_later_less_the_earlier() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 1_000_000, 100, 50);
    let path = Path::new("meshtax-x/none/web-v1/app");
    let containers = [Cgroups::discover(root.path()).unwrap().container("web-v1", "app", path).unwrap()];
    let machine = Machine::open(root.path()).unwrap();
    let earlier = Snapshot::take(&containers, &[], &machine).unwrap();
    write(root.path(), 1_250_000, 300, 90);
    let later = Snapshot::take(&containers, &[], &machine).unwrap();

    let used = earlier.until(&later);
    let [container] = used.containers.as_slice() else { panic!("one container") };
    assert_eq!((container.pod.as_str(), container.container.as_str()), ("web-v1", "app"));
    assert_eq!((container.cpu_s, container.cpu_user_s, container.memory_bytes), (0.25, 0.25, 300));
    assert!((used.machine.busy_s - 0.4).abs() < 1e-9 && (used.machine.capacity_s - 0.4).abs() < 1e-9);
    assert!(used.wall_s > 0.0);
    assert_eq!(later.until(&earlier).containers[0].cpu_s, 0.0);
}
