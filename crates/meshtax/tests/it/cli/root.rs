//! Refusals that only root, or root as somebody else, can meet.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::refuses;
use crate::tool::{insist_on_root, meshtax};

const NOBODY: u32 = 65534;

/// `meshtax run experiments/pair.yaml ARGUMENTS`.
fn check(home: &Path, arguments: &[&str], error: &str, hint: &str) {
    insist_on_root();
    refuses(meshtax().args(["run", "experiments/pair.yaml"]).args(arguments), home, error, hint);
}

#[test]
fn without_envoy() {
    let home = tempfile::tempdir().unwrap();
    check(
        home.path(),
        &["--envoy", "/nonexistent"],
        "no Envoy at `/nonexistent`: No such file or directory (os error 2)",
        "run `make setup`, or name Envoy's binary with `--envoy PATH`",
    );
}

#[test]
fn with_a_run_folder_that_cannot_be_written() {
    let home = tempfile::tempdir().unwrap();
    check(
        home.path(),
        &["--out", "/proc/x"],
        "cannot write to the run folder `/proc/x`: No such file or directory (os error 2)",
        "name a folder that this user may write with `--out`",
    );
}

#[test]
fn with_a_run_folder_that_holds_something() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("diary.txt"), "mine").unwrap();
    check(
        home.path(),
        &["--out", "."],
        "the run folder `.` is not empty",
        "name another one with `--out`; a run never writes over another",
    );
}

#[test]
fn as_nobody() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o777)).unwrap();
    // The build folder may be closed to others.
    let program = home.path().join("meshtax");
    fs::copy(env!("CARGO_BIN_EXE_meshtax"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    for arguments in ["run experiments/pair.yaml", "demo", "clean"] {
        refuses(
            Command::new(&program).arg0("meshtax").args(arguments.split(' ')).uid(NOBODY).gid(NOBODY),
            home.path(),
            "only root can make namespaces, links and control groups",
            &format!("run it as root: `sudo meshtax {arguments}`"),
        );
    }
}
