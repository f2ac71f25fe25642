//! Faults made on purpose: each one occurs, its witness names it, and no other fault is named.

use serde_json::Value;
use testbed::Run;

/// Signs that name the cause of a fault.
const CAUSES: [(&str, &str); 4] =
    [("retransmits", "loss"), ("resets", "reset"), ("NXDOMAIN", "name"), ("full accept queues", "accept_queue")];

/// A short run with one fault, which lasts for some hundred calls.
fn broken(fault: &str, arms: &str) -> Run {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("broken.yaml");
    let experiment = format!(
        "{{name: broken, topology: topologies/faults.yaml, arms: {arms}, load: {{sequential: {{target: \"http://front:8080/\", \
         requests: 6, pace: 5ms}}}}, warmup: 5, rounds: 1, idle: {{windows: 8, window: 50ms}}, faults: [{fault}]}}"
    );
    std::fs::write(&file, experiment).unwrap();
    Run::perform(&[&file.to_string_lossy()])
}

/// The trial of the only fault in an arm.
fn trial<'a>(run: &'a Run, arm: &str) -> &'a Value {
    let trials = run.measurement["faults"].as_array().unwrap();
    trials.iter().find(|trial| trial["arm"] == arm).unwrap_or_else(|| panic!("no trial in {arm}: {trials:?}"))
}

/// How often a witness saw a sign before the fault and during it.
fn seen(trial: &Value, witness: &str, sign: &str) -> (u64, u64) {
    let clues = trial["clues"].as_array().unwrap();
    let clue = clues.iter().find(|clue| clue["witness"] == witness && clue["sign"] == sign);
    let count = |name: &str| clue.map_or(0, |clue| clue[name].as_u64().unwrap());
    (count("before"), count("during"))
}

/// Checks that the kernel witness names this fault, after a time within it, and that no witness names it in the arm
/// that is not watched.
fn check_named(run: &Run, sign: &str) {
    let watched = trial(run, "ebpf");
    let clues = watched["clues"].as_array().unwrap();
    let clue = clues.iter().find(|clue| clue["sign"] == sign).unwrap_or_else(|| panic!("no {sign}: {watched:#}"));
    assert!(clue["witness"] == "kernel" && clue["names_cause"] == true, "{clue}");
    let seen_after_s = clue["seen_after_s"].as_f64().unwrap_or_else(|| panic!("{sign} was not seen: {watched:#}"));
    assert!(seen_after_s <= watched["lasted_s"].as_f64().unwrap(), "{clue}");
    let blind = trial(run, "none")["clues"].as_array().unwrap();
    assert!(blind.iter().all(|clue| clue["witness"] == "application" && clue["names_cause"] == false), "{blind:?}");
}

const ARMS: &str = "{none: {plane: none}, ebpf: {plane: none, watch: all}}";

#[test]
fn lost_packets_are_named_by_retransmits() {
    let run = broken("{kind: loss, from: front, to: back, share: 20%, at: 1s, for: 8s}", ARMS);
    check_named(&run, "retransmits");
    let trial = trial(&run, "ebpf");
    let lost = trial["hits"].as_u64().unwrap();
    let (before, during) = seen(trial, "kernel", "retransmits");
    assert_eq!(before, 0, "{trial:#}");
    // A lost packet that is missed is sent again; lost acknowledgements are not missed.
    assert!(lost > 0 && during <= 2 * lost + 10, "{trial:#}");
    assert_eq!(seen(trial, "kernel", "NXDOMAIN"), (0, 0), "{trial:#}");
    assert_eq!(seen(trial, "kernel", "full accept queues"), (0, 0), "{trial:#}");
}

#[test]
fn resets_are_named() {
    let run = broken("{kind: reset, from: front, to: back, share: 50%, at: 1s, for: 2s}", ARMS);
    check_named(&run, "resets");
    let trial = trial(&run, "ebpf");
    let (before, during) = seen(trial, "kernel", "resets");
    assert_eq!(before, 0, "{trial:#}");
    assert!(trial["hits"].as_u64().unwrap() > 0 && during > 0, "{trial:#}");
    assert!(seen(trial, "application", "failed calls").1 > 0, "{trial:#}");
}

#[test]
fn a_name_that_does_not_exist_is_named() {
    let run = broken("{kind: name, from: front, to: back, at: 1s, for: 2s}", ARMS);
    check_named(&run, "NXDOMAIN");
    let trial = trial(&run, "ebpf");
    let (before, during) = seen(trial, "kernel", "NXDOMAIN");
    let (none, failed) = seen(trial, "application", "failed calls");
    assert_eq!((before, none), (0, 0), "{trial:#}");
    // Each call that fails has asked for the name in every search domain.
    assert!(failed > 0 && during + 10 >= failed, "{trial:#}");
    assert_eq!(seen(trial, "kernel", "retransmits"), (0, 0), "{trial:#}");
}

#[test]
fn a_full_accept_queue_is_named() {
    let run = broken("{kind: accept_queue, from: front, to: back, at: 1s, for: 3s}", ARMS);
    check_named(&run, "full accept queues");
    let trial = trial(&run, "ebpf");
    assert_eq!(seen(trial, "kernel", "full accept queues").0, 0, "{trial:#}");
    assert!(seen(trial, "application", "failed calls").1 > 0, "{trial:#}");
}

/// All kinds in one arm, one after the other. What one leaves behind would be named in the calm before the next.
#[test]
fn a_fault_that_is_mended_is_named_no_more() {
    let faults = "{kind: loss, from: front, to: back, share: 20%, at: 1s, for: 8s}, {kind: name, from: front, to: back, at: 1s, for: 1s}, \
                  {kind: accept_queue, from: front, to: back, at: 1s, for: 2s}, {kind: reset, from: front, to: back, at: 1s, for: 1s}";
    let run = broken(faults, "{ebpf: {plane: none, watch: all}}");
    let trials = run.measurement["faults"].as_array().unwrap();
    assert_eq!(trials.len(), 4);
    for trial in trials {
        for (sign, kind) in CAUSES {
            let (before, during) = seen(trial, "kernel", sign);
            assert_eq!(before, 0, "{sign} in the calm of {trial:#}");
            assert!(during > 0 || trial["fault"] != kind, "{sign} in {trial:#}");
        }
    }
    assert!(run.file("report.txt").contains("Signs of faults"));
    assert!(run.file("report.html").contains("Signs of faults"));
    assert_eq!(run.file("faults.jsonl").lines().count(), 4);
}

#[test]
fn what_all_witnesses_saw_of_a_watched_arm_is_what_others_counted() {
    let run = broken("{kind: name, from: front, to: back, at: 500ms, for: 500ms}", ARMS);
    let told = run.measurement["telemetry"].as_array().unwrap();
    let signal = |name: &str| told.iter().find(|told| told["signal"] == name).unwrap_or_else(|| panic!("{told:?}"));
    for name in ["udp", "dns", "connections"] {
        let told = signal(name);
        assert!(told["seen"].as_f64().unwrap() > 0.0, "{told}");
        assert_eq!(told["seen"], told["truth"], "{told}");
    }
    assert!(signal("drops")["seen"].is_number());
}
