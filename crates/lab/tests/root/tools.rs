//! The tools of the host that a lab is made with.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use testbed::{insist_on_root, meshtax, words};

const RUN: [&str; 7] = ["run", "--topology", "topologies/pair.yaml", "--arms", "none", "--requests", "6"];

/// As on the `PATH` of those who are no administrators.
#[test]
fn nft_is_found_where_it_is() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let run = meshtax().args(RUN).current_dir(home.path()).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", words(&run));
}

/// It reads nothing, so that nobody is left to take the commands that it is given.
#[test]
fn nft_that_ends_early_is_told() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let failing = home.path().join("nft");
    fs::write(&failing, "#!/bin/sh\nexit 3\n").unwrap();
    fs::set_permissions(&failing, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", home.path().display());
    // It was one time in twelve that it ended before it was given its commands.
    for _ in 0..12 {
        let run = meshtax().args(RUN).current_dir(home.path()).env("PATH", &path).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{}", words(&run));
        let refusal = "error: `nft` refused: it ended (exit status: 3)";
        assert!(words(&run).lines().any(|line| line == refusal), "{}", words(&run));
    }
}
