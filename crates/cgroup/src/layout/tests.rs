use super::*;

/// The layout of a host with these mounts, in one line.
fn check(mountinfo: &str, expect: &str) {
    let told = |path: &Option<PathBuf>| path.as_ref().map_or("-".to_owned(), |path| path.display().to_string());
    let text = match Layout::parse(mountinfo) {
        Ok(layout) => format!(
            "{} cpu={} memory={} quota={} v2={}",
            layout.mode,
            layout.cpu.display(),
            told(&layout.memory),
            told(&layout.quota),
            told(&layout.v2)
        ),
        Err(error) => error.to_string(),
    };
    assert_eq!(text, expect, "\n{mountinfo}");
}

#[test]
fn every_arrangement_is_known() {
    check(
        "30 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        "v2 cpu=/sys/fs/cgroup memory=- quota=- v2=/sys/fs/cgroup",
    );
    check(
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
99 31 0:38 / /run/elsewhere/cgroupv2 rw,relatime - cgroup2 cgroup2 rw\n",
        "hybrid cpu=/sys/fs/cgroup/unified memory=/sys/fs/cgroup/memory quota=/sys/fs/cgroup/cpu v2=/sys/fs/cgroup/unified",
    );
    check(
        "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
        "v1 cpu=/sys/fs/cgroup/cpu,cpuacct memory=- quota=/sys/fs/cgroup/cpu,cpuacct v2=-",
    );
    check(
        "22 1 0:20 / /proc rw - proc proc rw\n",
        "no cgroup v2 tree and no v1 `cpuacct` controller below `/sys/fs/cgroup`",
    );
}
