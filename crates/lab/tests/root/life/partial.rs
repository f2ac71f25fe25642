//! What ends a run early, or keeps a file from being written, takes no figure that there is.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use testbed::Host;

use super::under_way::{Ended, UnderWay};
use super::{LONG, MEASURED, assert_gone, completed_rounds, short};

/// Checks that what was measured is printed and kept, as a part of what was asked for.
fn check_partial(ended: &Ended) {
    let measurement: Value = serde_json::from_str(&ended.printed).unwrap_or_else(|_| panic!("{}", ended.said));
    assert_eq!(measurement["experiment"]["complete"], false);
    let rounds = completed_rounds(&ended.folder);
    assert!(rounds > 0, "{}", ended.said);
    assert_eq!(measurement["experiment"]["rounds"], rounds);
    assert_eq!(ended.printed, fs::read_to_string(ended.folder.join("measurement.json")).unwrap());
    let report = fs::read_to_string(ended.folder.join("report.txt")).unwrap();
    assert!(report.contains("Cut short after "), "{report}");
}

#[test]
fn a_sidecar_that_dies_is_named_and_the_rounds_before_are_told() {
    let before = Host::look();
    let mut run = UnderWay::start(LONG, &[]);
    run.hear(MEASURED);
    kill(envoy(&run.id(), "sidecar/back-v1/proxy"), Signal::SIGKILL).unwrap();
    let ended = run.end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.said);
    let named = "error: `sidecar/back-v1/proxy` ended (signal: 9 (SIGKILL)); ";
    assert!(ended.said.lines().any(|line| line.starts_with(named)), "{}", ended.said);
    check_partial(&ended);
    assert_gone(&ended.id, &before);
}

#[test]
fn a_program_that_dies_ends_its_block_at_once() {
    let before = Host::look();
    // A block takes ten minutes if nothing ends it.
    let slow = LONG.replace("requests: 6000", "requests: 6").replace("rounds: 600", "rounds: 2");
    let mut run = UnderWay::start(&slow.replace("think: 5ms", "think: 300s"), &[]);
    run.hear("idle: ");
    sleep(Duration::from_secs(1));
    kill(envoy(&run.id(), "sidecar/back-v1/proxy"), Signal::SIGKILL).unwrap();
    // Only the arm under load is looked after, and arms take turns.
    kill(named(&run.id(), "none/back-v1/app", "meshtax"), Signal::SIGKILL).unwrap();
    let ended = run.end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.said);
    assert!(ended.said.contains("/back-v1/"), "{}", ended.said);
    assert!(ended.said.contains(" ended (signal: 9 (SIGKILL)); "), "{}", ended.said);
    assert_gone(&ended.id, &before);
}

/// The Envoy in a control group of a run.
fn envoy(id: &str, group: &str) -> Pid {
    named(id, group, "envoy")
}

/// The process whose name begins so in a control group of a run.
fn named(id: &str, group: &str, name: &str) -> Pid {
    let root = Path::new("/sys/fs/cgroup");
    let trees = fs::read_dir(root).unwrap().map(|tree| tree.unwrap().path()).chain([root.to_owned()]);
    let processes = |tree: PathBuf| fs::read_to_string(tree.join(format!("meshtax-{id}/{group}/cgroup.procs"))).ok();
    let processes = trees.filter_map(processes).flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>());
    let is_it =
        |process: &String| fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|comm| comm.starts_with(name));
    let process = processes.into_iter().find(is_it).expect("the group holds it");
    Pid::from_raw(process.parse().unwrap())
}

#[test]
fn interrupted_as_the_lab_stands_up_anew_the_rounds_before_are_told() {
    let before = Host::look();
    let experiment = LONG.replace("stands: 1\n", "stands: 10\n");
    assert_ne!(experiment, LONG);
    let mut run = UnderWay::start(&experiment, &[]);
    run.hear(" stands after ");
    let second = run.folder().join("stands/2");
    let patience = Instant::now() + Duration::from_secs(60);
    while !second.exists() {
        assert!(Instant::now() < patience, "the lab stands up once only");
        sleep(Duration::from_millis(1));
    }
    run.signal(Signal::SIGINT);
    let ended = run.end();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.said);
    check_partial(&ended);
    assert_gone(&ended.id, &before);
}

/// As where the disk is full.
#[test]
fn a_report_that_cannot_be_kept_keeps_no_figure_from_being_told() {
    let mut run = UnderWay::start(&short(), &[]);
    run.hear(" stands after ");
    fs::create_dir(run.folder().join("report.txt")).unwrap();
    let ended = run.end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.said);
    assert!(ended.said.contains("error: cannot write ") && ended.said.contains("/report.txt: "), "{}", ended.said);
    assert!(ended.folder.join("report.html").is_file(), "one file keeps no other from being written");
    let measurement: Value = serde_json::from_str(&ended.printed).unwrap();
    assert_eq!(measurement["experiment"]["complete"], true);
    assert_eq!(ended.printed, fs::read_to_string(ended.folder.join("measurement.json")).unwrap());
}
