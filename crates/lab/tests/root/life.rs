//! However a run ends, nothing of it stays: no process, namespace, link, mount, rule, control group or lock.

mod panic;
mod partial;
mod under_way;

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use testbed::{Host, Kept, Run, insist_on_root, marks, meshtax, words};
use under_way::{Ended, UnderWay};

/// What a run says first, before anything stands.
const STANDING_UP: &str = "it will take about";
/// What it says when everything stands and the idle phase begins.
const IDLE: &str = " stands after ";
/// What it says now and then while blocks follow one another.
const ROUNDS: &str = "round ";

/// What it says once a round is complete: the means of both arms.
const MEASURED: &str = " ms · ";

/// Ends by itself after a minute or so; dozens of rounds are done when the first line tells of one.
const LONG: &str = "\
name: life
topology: pair
arms: {none: {plane: none}, sidecar: {plane: sidecar}}
load:
  sequential: {target: \"http://front:8080/\", requests: 6000, think: 5ms}
warmup: 0
rounds: 600
stands: 1
idle: {windows: 8, window: 50ms}
";

/// Says a version as Envoy does, and nothing else works.
const FAILING_ENVOY: &str = "\
#!/bin/sh
[ \"$1\" = --version ] && echo 'envoy  version: 0/1.40.0/Clean/RELEASE/BoringSSL' && exit
echo no listeners today
exit 7
";

fn short() -> String {
    LONG.replace("6000", "4").replace("rounds: 600", "rounds: 2")
}

/// Idle for seconds, then a few requests.
fn idling() -> String {
    short().replace("50ms", "1s")
}

/// The application's only program is `program`.
fn topology(program: &str) -> String {
    format!("name: life\nservices:\n  web:\n    port: 8080\n    command: [sh, -c, \"{program}\"]\n")
}

fn assert_gone(id: &str, before: &Host) {
    assert_eq!(marks(id), Vec::<String>::new(), "marks of run {id} stayed");
    assert_eq!(*before, Host::look(), "run {id} changed the host");
}

#[test]
fn success_leaves_nothing() {
    let before = Host::look();
    let mut run = UnderWay::start(&short(), &[]);
    run.hear(IDLE);
    let standing = marks(&run.id());
    for kind in ["netns", "group", "mount", "process", "lock"] {
        assert!(standing.iter().any(|mark| mark.starts_with(kind)), "a lab that stands shows no {kind}: {standing:#?}");
    }
    assert_eq!(before, Host::look(), "a lab that stands changes the host");
    let ended = run.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.said);
    assert_gone(&ended.id, &before);
}

#[test]
fn program_that_ends_shows_its_log_and_leaves_nothing() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("topology.yaml");
    fs::write(&file, topology("echo the pot is cold; exit 3")).unwrap();
    let experiment = LONG.replace("topology: pair", &format!("topology: {}", file.display()));
    let experiment = experiment.replace("front:8080", "web:8080");
    check_failure(&experiment, &[], &["/web-v1/app` ended (exit status: 3)", "web-v1/app.log", "the pot is cold"]);
}

#[test]
fn envoy_that_ends_shows_its_log_and_leaves_nothing() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let envoy = home.path().join("envoy");
    fs::write(&envoy, FAILING_ENVOY).unwrap();
    // The sidecars' user must be able to execute it.
    for path in [home.path(), &envoy] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let options = ["--envoy", &envoy.to_string_lossy()];
    check_failure(LONG, &options, &["/proxy` ended (exit status: 7)", "proxy.log", "no listeners today"]);
}

/// The run cannot stand up, and says why.
fn check_failure(experiment: &str, options: &[&str], expected: &[&str]) {
    let before = Host::look();
    let ended = UnderWay::start(experiment, options).end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.said);
    for words in expected.iter().chain(&["error: ", "\n\nhint: "]) {
        assert!(ended.said.contains(words), "`{words}` is missing in:\n{}", ended.said);
    }
    assert_eq!(ended.printed, "");
    assert_gone(&ended.id, &before);
}

#[test]
fn interrupted_before_the_rounds_there_is_no_measurement() {
    for (signal, phase, experiment) in [
        (Signal::SIGINT, STANDING_UP, short()),
        (Signal::SIGTERM, STANDING_UP, short()),
        (Signal::SIGINT, IDLE, idling()),
        (Signal::SIGTERM, IDLE, idling()),
        (Signal::SIGHUP, IDLE, idling()),
    ] {
        let ended = interrupt(&experiment, phase, signal);
        assert!(ended.said.ends_with("error: interrupted\n"), "{signal} at `{phase}`: {}", ended.said);
        assert_eq!(ended.printed, "", "{signal} at `{phase}`");
        assert!(!ended.folder.join("measurement.json").exists(), "{signal} at `{phase}`");
    }
}

#[test]
fn interrupted_in_the_rounds_the_measurement_is_partial() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let ended = interrupt(LONG, MEASURED, signal);
        let measurement: Value = serde_json::from_str(&ended.printed).unwrap();
        assert_eq!(measurement["experiment"]["complete"], false);
        let rounds = completed_rounds(&ended.folder);
        assert!(rounds > 0, "{}", ended.said);
        assert_eq!(measurement["experiment"]["rounds"], rounds, "a round is complete with a block of every arm");
        let kept = fs::read_to_string(ended.folder.join("measurement.json")).unwrap();
        assert_eq!(ended.printed, kept, "what is printed is what is kept");
    }
}

/// Ends a run by a signal as soon as it is in `phase`; nothing of it stays.
fn interrupt(experiment: &str, phase: &str, signal: Signal) -> Ended {
    let before = Host::look();
    let mut run = UnderWay::start(experiment, &[]);
    run.hear(phase);
    run.signal(signal);
    let ended = run.end();
    assert_eq!(ended.status.code(), Some(130), "{signal} at `{phase}`: {}", ended.said);
    assert_gone(&ended.id, &before);
    ended
}

/// Rounds of which load.jsonl has a block of both arms.
fn completed_rounds(folder: &Path) -> usize {
    let mut blocks: BTreeMap<u64, usize> = BTreeMap::new();
    for line in fs::read_to_string(folder.join("load.jsonl")).unwrap().lines() {
        let block: Value = serde_json::from_str(line).unwrap();
        *blocks.entry(block["round"].as_u64().unwrap()).or_default() += 1;
    }
    blocks.values().filter(|arms| **arms == 2).count()
}

#[test]
fn killed_runs_are_removed_by_the_next_one() {
    let before = Host::look();
    let killed = [STANDING_UP, ROUNDS].map(|phase| {
        let mut run = UnderWay::start(LONG, &[]);
        run.hear(phase);
        run.murder()
    });
    // A run of another test may be the next one. By the end of ours, either has removed them.
    let next = UnderWay::start(&short(), &["--arms", "none"]).end();
    assert_eq!(next.status.code(), Some(0), "{}", next.said);
    killed.iter().chain([&next.id]).for_each(|id| assert_gone(id, &before));
}

#[test]
fn clean_removes_the_dead_run_and_leaves_the_living_alone() {
    let before = Host::look();
    let mut dying = UnderWay::start(LONG, &[]);
    dying.hear(IDLE);
    let mut living = UnderWay::start(&idling(), &[]);
    living.hear(IDLE);
    let standing = marks(&living.id());
    // So that `clean` finds it: runs of other tests remove what is dead, unless it was to be kept.
    File::create(format!("/run/meshtax/{}.kept", dying.id())).unwrap();
    let dead = dying.murder();
    assert!(marks(&dead).iter().any(|mark| mark.starts_with("netns")), "SIGKILL leaves marks");

    let clean = meshtax().args(["clean", &dead]).output().unwrap();
    assert_eq!(clean.status.code(), Some(0), "{}", words(&clean));
    assert_gone(&dead, &before);
    let refused = meshtax().args(["clean", &living.id()]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert_eq!(marks(&living.id()), standing, "`clean` touched a run that lives");

    assert!(living.is_alive(), "the run ended before `clean` did: give it longer idle windows");
    let ended = living.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.said);
    let measurement: Value = serde_json::from_str(&ended.printed).unwrap();
    for arm in measurement["arms"].as_array().unwrap() {
        assert_eq!(arm["metrics"]["errors"]["value"], 0.0, "{arm}");
    }
    assert_gone(&ended.id, &before);
}

#[test]
fn kept_lab_can_be_entered_until_it_is_cleaned() {
    let before = Host::look();
    let kept = Kept::stand(Path::new("topologies/pair.yaml"));
    for arm in ["none", "sidecar"] {
        let resolv_conf = kept.enter(arm, "front-v1", &["cat", "/etc/resolv.conf"]);
        assert_eq!(words(&resolv_conf), kept.run.file(&format!("planes/{arm}/front-v1/resolv.conf")));
        let first = kept.enter(arm, "front-v1", &["cat", "/proc/1/cmdline"]);
        assert!(words(&first).ends_with("role\0pause\0"), "process 1 of a pod is `{}`", words(&first));
    }
    let standing = marks(&kept.id);
    assert!(standing.iter().any(|mark| mark.starts_with("process")), "{standing:#?}");
    Run::perform(&["--topology", "topologies/pair.yaml", "--arms", "none", "--requests", "1"]);
    assert_eq!(marks(&kept.id), standing, "the next run touched a lab that was to be kept");
    let id = kept.id.clone();
    drop(kept);
    assert_gone(&id, &before);
}
