//! What `make install` puts in place, and what `make uninstall` leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::{binary, root, words};

const CONFIGURATION: &str = "etc/meshtax/agent.yaml";

/// Runs `make TARGET` below `destination`, with the program under test instead of a release.
fn make(target: &str, destination: &Path) {
    let output = Command::new("make")
        .args(["--old-file=build", target, "PREFIX=/opt/mesh", &format!("BINARY={}", binary())])
        .arg(format!("DESTDIR={}", destination.display()))
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
}

/// Files below a folder, by their paths from there.
fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    let mut names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn uninstall_removes_what_install_put_there() {
    let home = tempfile::tempdir().unwrap();
    make("install", home.path());
    let installed = files(home.path());
    for name in [
        CONFIGURATION,
        "opt/mesh/bin/meshtax",
        "opt/mesh/lib/systemd/system/meshtax-agent.service",
        "opt/mesh/share/bash-completion/completions/meshtax",
        "opt/mesh/share/fish/vendor_completions.d/meshtax.fish",
        "opt/mesh/share/man/man1/meshtax-run.1",
        "opt/mesh/share/man/man1/meshtax.1",
        "opt/mesh/share/zsh/site-functions/_meshtax",
    ] {
        assert!(installed.iter().any(|found| found == name), "no {name} in {installed:?}");
    }
    let unit = fs::read_to_string(home.path().join("opt/mesh/lib/systemd/system/meshtax-agent.service")).unwrap();
    assert!(unit.contains("ExecStart=/opt/mesh/bin/meshtax agent") && !unit.contains("/usr/local"), "{unit}");
    make("uninstall", home.path());
    assert_eq!(files(home.path()), Vec::<String>::new());
}

#[test]
fn a_configuration_that_was_changed_is_kept() {
    let home = tempfile::tempdir().unwrap();
    make("install", home.path());
    fs::write(home.path().join(CONFIGURATION), "serve: {address: 127.0.0.1:9999}\n").unwrap();
    make("install", home.path());
    make("uninstall", home.path());
    assert_eq!(files(home.path()), [CONFIGURATION]);
    assert!(fs::read_to_string(home.path().join(CONFIGURATION)).unwrap().contains("9999"));
}
