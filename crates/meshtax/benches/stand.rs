//! How fast a lab comes and goes: bookinfo-lean in each arm by itself. Speed is asserted here and not in the tests,
//! since a shared machine may be slow at any time; run it on a quiet one, as root, with `make bench`.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::process::Command;

use serde_json::Value;

const REPEATS: usize = 5;
/// Arm, and the longest that its median may take to stand, in seconds.
const STAND_S_MAX: [(&str, f64); 2] = [("none", 1.0), ("sidecar", 6.0)];
const TEAR_DOWN_S_MAX: f64 = 2.0;

fn main() {
    for (arm, stand_s_max) in STAND_S_MAX {
        let timings: Vec<Value> = (0..REPEATS).map(|_| timing(arm)).collect();
        hold(&format!("{arm}: stand up"), seconds(&timings, "stand_up_s"), stand_s_max);
        hold(&format!("{arm}: tear down"), seconds(&timings, "tear_down_s"), TEAR_DOWN_S_MAX);
    }
}

fn timing(arm: &str) -> Value {
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let folder = home.path().join("run");
    let mut run = Command::new(env!("CARGO_BIN_EXE_meshtax"));
    run.args(["run", "--topology", "topologies/bookinfo-lean.yaml", "--arms", arm, "--requests", "1", "--out"]);
    let output = run.arg(&folder).output().expect("the binary was built for this benchmark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(folder.join("timing.json")).expect("a run writes its timing");
    let timings: [Value; 1] = serde_json::from_str(&text).expect("timing.json has one entry for one stand-up");
    let [timing] = timings;
    timing
}

fn seconds(timings: &[Value], name: &str) -> Vec<f64> {
    let mut seconds: Vec<f64> =
        timings.iter().map(|timing| timing[name].as_f64().expect("timings are numbers")).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn hold(what: &str, seconds: Vec<f64>, most: f64) {
    let median = seconds[seconds.len() / 2];
    let (low, high) = (seconds[0], seconds[seconds.len() - 1]);
    println!("{what:<20} {median:.3} s [{low:.3}, {high:.3}] n={} (at most {most} s)", seconds.len());
    assert!(median <= most, "{what} takes {median:.3} s");
}
