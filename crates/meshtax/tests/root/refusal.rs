//! Refusals that only root, or root as another user, can meet.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use testbed::{insist_on_root, meshtax, refuses, words};

const NOBODY: u32 = 65534;

/// Checks `meshtax run experiments/pair.yaml ARGUMENTS`.
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
fn with_a_run_folder_whose_name_is_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    refuses(
        meshtax().args(["run", "experiments/pair.yaml", "--out"]).arg(OsStr::from_bytes(b"x\xff")),
        home.path(),
        "the name of the run folder `x\u{fffd}` is no text",
        "name another one with `--out`: the lab's programs get it as an argument",
    );
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was made");
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
    // Other users may be unable to enter the build folder.
    let program = home.path().join("meshtax");
    fs::copy(testbed::binary(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    // Arguments that needed quotes are quoted in the hint.
    let quoted = ["run", "experiments/pair.yaml", "--fail-if", "latency_ms_p50>+5%", "--out", "my runs/a"];
    for (arguments, pasted) in [
        (&["demo"][..], "demo"),
        (&["clean"], "clean"),
        (&quoted, "run experiments/pair.yaml --fail-if 'latency_ms_p50>+5%' --out 'my runs/a'"),
    ] {
        refuses(
            Command::new(&program).arg0("meshtax").args(arguments).uid(NOBODY).gid(NOBODY),
            home.path(),
            "only root can make namespaces, links and control groups",
            &format!("run it as root: `sudo meshtax {pasted}`"),
        );
    }
}

#[test]
fn without_capabilities_it_says_how_to_give_them() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    let program = home.path().join("meshtax");
    fs::copy(testbed::binary(), &program).unwrap();
    for verb in ["agent", "life"] {
        let mut command = Command::new(&program);
        command.arg(verb).uid(NOBODY).gid(NOBODY);
        if verb == "agent" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let output = command.current_dir(Path::new("/")).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error: this user may not load BPF programs"), "{said}");
        let hint = "hint: this process lacks CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN: run it as root, or once: `setcap cap_bpf,cap_perfmon,cap_net_admin=ep $(command -v meshtax)`";
        assert!(said.contains(hint), "{said}");
    }
}
