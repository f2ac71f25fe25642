//! Limits of sidecars: they bind, they are told of, and a host that has none refuses beforehand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testbed::{Kept, insist_on_root, marks, words};

const EXPERIMENT: &str = "\
name: limits
topology: pair
arms:
  none: {plane: none}
  sidecar: {plane: sidecar, limits: {cpu: 100m, memory: 256 MiB}}
load: {sequential: {target: 'http://front:8080/', requests: 600}}
rounds: 6
stands: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn tight_limits_bind_and_are_told_of() {
    let home = tempfile::tempdir().unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(&experiment, EXPERIMENT).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);
    for pod in ["front-v1", "back-v1", "client"] {
        let group = format!("meshtax-{}/sidecar/{pod}/proxy", lab.id);
        let quota = ["cpu.cfs_quota_us", "cpu.max"].iter().find_map(|file| setting(&group, file));
        let quota = quota.unwrap_or_else(|| panic!("no quota for {group}"));
        assert!(["10000", "10000 100000"].contains(&&*quota), "{group}: {quota}");
        let memory = ["memory.limit_in_bytes", "memory.max"].iter().find_map(|file| setting(&group, file));
        assert_eq!(memory.as_deref(), Some("268435456"), "{group}");
    }
    let added = lab.run.file("planes/sidecar.diff");
    assert!(
        added.contains("+++ sidecar/client/limits.yaml\n@@ -0,0 +1,2 @@\n+cpu: 100m\n+memory: 268435456\n"),
        "{added}"
    );
    let cautions = lab.run.measurement["cautions"].as_array().unwrap();
    let throttled = cautions.iter().find(|caution| caution["kind"] == "throttled");
    let text = throttled.unwrap_or_else(|| panic!("no word on throttling: {cautions:?}"))["text"].as_str().unwrap();
    assert!(text.contains("sidecar") && !text.contains("none"), "{text}");

    let id = lab.id.clone();
    drop(lab);
    assert_eq!(marks(&id), Vec::<String>::new());
}

/// Without the `cpu` controller of v1, where this host has one to take away.
#[test]
fn hosts_without_the_controller_refuse_beforehand() {
    insist_on_root();
    let hide = if Path::new("/sys/fs/cgroup/cpu").exists() {
        "umount /sys/fs/cgroup/cpu"
    } else {
        // Nothing in place of the list of controllers.
        "mount --bind /dev/null /sys/fs/cgroup/cgroup.controllers"
    };
    let home = tempfile::tempdir().unwrap();
    let (experiment, folder) = (home.path().join("experiment.yaml"), home.path().join("run"));
    fs::write(&experiment, EXPERIMENT).unwrap();
    let script = format!(
        "mount --make-rprivate /; {hide} && exec {} run {} --out {}",
        testbed::binary(),
        experiment.display(),
        folder.display()
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("arm `sidecar` limits `cpu`") && said.contains("\nhint: "), "{said}");
    assert!(!folder.exists(), "nothing was begun");
}

/// What a shell says that becomes `meshtax run` of the pair, in a folder of its own.
fn run_after(preparation: &str, folder: &Path) -> Output {
    let script =
        format!("{preparation} && exec {} run experiments/pair.yaml --requests 12 --rounds 2", testbed::binary());
    Command::new("sh").args(["-c", &script]).current_dir(folder).output().unwrap()
}

#[test]
fn few_open_files_are_enough_where_more_are_granted() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let output = run_after("ulimit -Sn 48", home.path());
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}

/// A control group for processes, which goes with it.
struct Crowd(PathBuf);

impl Crowd {
    fn of(most: u32) -> Crowd {
        let root =
            ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new).into_iter().find(|root| root.exists()).unwrap();
        let folder = root.join(format!("crowd-of-{most}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("pids.max"), most.to_string()).unwrap();
        Crowd(folder)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).ok();
    }
}

/// `meshtax run` of the pair where so many processes are granted; whether it began.
fn run_among(most: u32) -> (String, bool) {
    let (crowd, home) = (Crowd::of(most), tempfile::tempdir().unwrap());
    let limit = format!("the limit of {most} in {}/pids.max", crowd.0.display());
    let output = run_after(&format!("echo $$ > {}/cgroup.procs", crowd.0.display()), home.path());
    let said = words(&output);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
    assert!(said.contains(&limit) && !said.contains("panicked"), "{said}");
    (said, home.path().join("runs").exists())
}

/// What the pair's run takes is told by the limit that does not grant it, before anything stands. A limit that grants that and
/// few threads more is reached later, and named then.
#[test]
fn too_few_processes_are_named_by_their_limit() {
    insist_on_root();
    for most in [5, 45] {
        let (said, has_begun) = run_among(most);
        assert!(said.starts_with("error: ") && said.contains(" processes and threads, but the limit of "), "{said}");
        assert!(!has_begun, "{said}");
    }
    let (said, _) = run_among(5);
    let takes = said.split_once("takes at least ").unwrap().1.split_once(' ').unwrap().0.parse::<u32>().unwrap();
    for more in [4, 8] {
        let (said, has_begun) = run_among(takes + more);
        assert!(has_begun && said.contains("\nhint: the limit of "), "{said}");
    }
}

/// A setting of a group in whichever tree has it.
fn setting(group: &str, file: &str) -> Option<String> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let trees = ["", "cpu", "memory", "unified"].map(|tree| root.join(tree).join(group).join(file));
    trees.iter().find_map(|path| fs::read_to_string(path).ok()).map(|text| text.trim().to_owned())
}
