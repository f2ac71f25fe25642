//! The program under test, and labs to try things in.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub fn meshtax() -> Command {
    Command::new(env!("CARGO_BIN_EXE_meshtax"))
}

/// Root tests run or fail; they never pass by not running.
pub fn insist_on_root() {
    assert!(nix::unistd::geteuid().is_root(), "this test makes namespaces: run it as root, as `make test` says");
    TURN.with_borrow_mut(|turn| {
        turn.get_or_insert_with(|| Turn::Shared { _held: WITNESS.read().unwrap_or_else(PoisonError::into_inner) });
    });
}

/// As [`insist_on_root`], and until this test ends no other that insists runs: every witness sees the whole machine, and
/// this test leaves no room in it for others.
pub fn insist_on_being_alone() {
    TURN.set(Some(Turn::Alone { _held: WITNESS.write().unwrap_or_else(PoisonError::into_inner) }));
    insist_on_root();
}

/// Held by every test that insists on something.
static WITNESS: RwLock<()> = RwLock::new(());

thread_local! {
    /// What the test of this thread holds, until its thread ends.
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

enum Turn {
    Shared { _held: RwLockReadGuard<'static, ()> },
    Alone { _held: RwLockWriteGuard<'static, ()> },
}

/// Everything that a program printed, for messages.
pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A finished run.
pub struct Run {
    /// What it printed on standard output.
    pub measurement: Value,
    /// What it said on standard error.
    pub said: String,
    /// Its run folder.
    pub folder: PathBuf,
    _home: TempDir,
}

impl Run {
    /// Performs `meshtax run ARGUMENTS --json --out …`, which must succeed.
    pub fn perform(arguments: &[&str]) -> Run {
        insist_on_root();
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("run");
        let output = meshtax().arg("run").args(arguments).arg("--json").arg("--out").arg(&folder).output().unwrap();
        assert!(output.status.success(), "{:?} ended with {}: {}", arguments, output.status, words(&output));
        let measurement = serde_json::from_slice(&output.stdout).expect("standard output is measurement.json");
        Run { measurement, said: String::from_utf8_lossy(&output.stderr).into_owned(), folder, _home: home }
    }

    /// A file of the run folder.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The arm of that name.
    pub fn arm(&self, name: &str) -> &Value {
        let arms = self.measurement["arms"].as_array().unwrap();
        arms.iter().find(|arm| arm["name"] == name).unwrap_or_else(|| panic!("no arm `{name}`"))
    }

    /// The figure of a metric in an arm.
    pub fn metric(&self, arm: &str, metric: &str) -> f64 {
        let figure = &self.arm(arm)["metrics"][metric];
        figure["value"].as_f64().unwrap_or_else(|| panic!("{arm} has no {metric}: {figure}"))
    }

    /// The effect of the sidecars on a metric.
    pub fn effect(&self, metric: &str) -> &Value {
        let effects = self.measurement["effects"].as_array().unwrap();
        let found = effects.iter().find(|effect| effect["arm"] == "sidecar" && effect["metric"] == metric);
        found.unwrap_or_else(|| panic!("no effect on {metric}"))
    }

    /// Requests that the pods of a service counted in an arm, by pod.
    pub fn requests(&self, arm: &str, service: &str) -> Vec<(String, u64)> {
        let services = self.arm(arm)["services"].as_array().unwrap();
        let of_service = services.iter().filter(|count| count["service"] == service);
        of_service
            .map(|count| (count["pod"].as_str().unwrap().to_owned(), count["requests"].as_u64().unwrap()))
            .collect()
    }
}

/// A lab that was kept standing after a short run; removed when dropped.
pub struct Kept {
    /// The run that made it.
    pub run: Run,
    /// Its id.
    pub id: String,
}

impl Kept {
    /// Stands up `topology` in the arms `none` and `sidecar`, sends a few requests, and keeps it.
    pub fn stand(topology: &Path) -> Kept {
        Kept::after(&["--topology", &topology.to_string_lossy(), "--requests", "6", "--rounds", "1"])
    }

    /// Performs `meshtax run ARGUMENTS`, and keeps its lab.
    pub fn after(arguments: &[&str]) -> Kept {
        let run = Run::perform(&[arguments, &["--keep"]].concat());
        let id = run.said.lines().find_map(|line| line.strip_prefix("remove it with: meshtax clean "));
        let id = id.expect("a kept lab says how to remove it").to_owned();
        Kept { run, id }
    }

    /// A program inside a pod's network namespace (with the host's files and name look-ups), not yet started.
    pub fn command_inside(&self, arm: &str, pod: &str, program: &[&str]) -> Command {
        let name = format!("meshtax-{}-{arm}-{pod}", self.id);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &name]).args(program);
        command
    }

    /// What such a program says once it has ended.
    pub fn inside(&self, arm: &str, pod: &str, program: &[&str]) -> Output {
        self.command_inside(arm, pod, program).output().unwrap()
    }

    /// A program in a pod's network, mount and PID namespaces: it sees the pod's own `/etc/resolv.conf`.
    pub fn enter(&self, arm: &str, pod: &str, program: &[&str]) -> Output {
        let mark = format!("# {arm}/{pod}");
        let line =
            self.run.said.lines().find(|line| line.trim_end().ends_with(&mark)).expect("the hint names every pod");
        let nsenter: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        Command::new(nsenter[0]).args(&nsenter[1..]).args(program).output().unwrap()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let output = meshtax().args(["clean", &self.id]).output().unwrap();
        if !std::thread::panicking() {
            assert!(output.status.success(), "{}", words(&output));
        }
    }
}
