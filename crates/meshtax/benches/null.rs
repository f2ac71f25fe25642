//! How often a run finds what is not there: bookinfo-lean against a copy of itself, again and again. It takes half an hour,
//! so it is no part of `make bench`; run it on a quiet machine, as root, with `make bench-null`. A number among the
//! arguments is the number of runs.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::process::Command;

use measure::{Effect, Measurement, Verdict};

const RUNS: u64 = 40;
const ROUNDS: u64 = 20;
/// Some 0.75 s: a page takes 3 ms, and the pause after it 5 ms.
const REQUESTS_IN_EACH: u64 = 94;

fn main() {
    let runs = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(RUNS);
    let wrong = (1..=runs).filter(|seed| finds_something(*seed)).count() as u64;
    println!("{wrong} of {runs} runs find something (at most {})", runs / 10);
    assert!(wrong <= runs / 10, "{wrong} of {runs} runs find something where there is nothing");
}

/// Whether any of the primary metrics gets a verdict.
fn finds_something(seed: u64) -> bool {
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let mut run = Command::new(env!("CARGO_BIN_EXE_meshtax"));
    run.args(["run", "experiments/bookinfo-lean.yaml", "--null", "--json", "--seed", &seed.to_string()]);
    run.args(["--rounds", &ROUNDS.to_string(), "--requests", &(ROUNDS * REQUESTS_IN_EACH).to_string()]);
    let output = run.arg("--out").arg(home.path().join("run")).output();
    let output = output.expect("the binary was built for this benchmark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measurement: Measurement = serde_json::from_slice(&output.stdout).expect("a run keeps its contract");
    let found = |effect: &&Effect| matches!(effect.verdict, Some(Verdict::Costs | Verdict::Saves));
    let found: Vec<String> = measurement.effects.iter().filter(found).map(told).collect();
    println!("run {seed}: {}", if found.is_empty() { "nothing".to_owned() } else { found.join(", ") });
    !found.is_empty()
}

fn told(effect: &Effect) -> String {
    let [low, high] = effect.ratio_ci95.expect("what has a verdict has an interval").map(|end| (end - 1.0) * 100.0);
    format!("{} [{low:+.2}, {high:+.2}] %", effect.metric)
}
