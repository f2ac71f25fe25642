//! Bookinfo through meshtax itself: one arm has the TCP witness attached during its blocks, another all witnesses of
//! the agent. Other monitors would have to know when blocks begin and end, which only the run does.

use std::fs;
use std::process::Command;

use measure::{Measurement, Metric};

use crate::table::{self, MARGIN, Row};

/// Blocks of one or two tenths of a second are most informative, so there are more of them than of nginx's.
const ROUNDS_TO_EACH: u32 = 2;
const REQUESTS_IN_EACH: u32 = 60;
const EXPERIMENT: &str = "
name: watched
topology: bookinfo-lean
arms:
  none: {plane: none}
  ebpf: {plane: none, watch: on}
  agent: {plane: none, watch: all}
null: true
awake: true
load: {sequential: {target: \"http://productpage:9080/productpage\", requests: 1500, think: 2ms, connection: keep}}
warmup: 50
idle: {windows: 8, window: 500ms}
margin: 1%
seed: 1
";

/// Runs the experiment. Returns the goals that were missed.
pub fn compare(rounds: u32) -> Vec<String> {
    let rounds = ROUNDS_TO_EACH * rounds;
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let (file, folder) = (home.path().join("watched.yaml"), home.path().join("run"));
    fs::write(&file, EXPERIMENT).expect("there is room");
    let mut run = Command::new(env!("CARGO_BIN_EXE_meshtax"));
    run.arg("run").arg(&file);
    run.args(["--rounds", &rounds.to_string(), "--requests", &(rounds * REQUESTS_IN_EACH).to_string()]);
    let output = run.arg("--out").arg(&folder).output();
    let output = output.expect("the binary was built for this benchmark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.join("measurement.json")).expect("a run writes it");
    let measurement: Measurement = serde_json::from_str(&text).expect("a run keeps its contract");
    println!("\nbookinfo-lean, {rounds} rounds: arms against `none`, 95 % intervals, margin {:.0} %", MARGIN * 100.0);
    let row = |(metric, name)| Row { metric, name, goal: Some(MARGIN) };
    let rows = [
        (Metric::LatencyMsMean, "mean latency"),
        (Metric::LatencyMsP50, "p50"),
        (Metric::LatencyMsP99, "p99"),
        (Metric::CpuMsPerRequest, "pods' CPU per request"),
    ];
    let null = measurement.null.iter().flat_map(|null| &null.effects);
    table::print_effects(measurement.effects.iter().chain(null), &rows.map(row))
}
