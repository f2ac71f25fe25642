//! How often `meshtax calibrate` finds known costs, and how exactly. It takes more than an hour, so it is not part of
//! `make bench`; run it on a quiet machine, as root, with `make bench-truth`. A number among the arguments is the
//! number of calibrations.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::process::Command;

use measure::{Measurement, Recovery};

const RUNS: usize = 20;
/// The smallest share of calibrations whose interval must hold the truth and be narrow enough.
const FOUND_MIN: f64 = 0.9;
/// The largest half-width that counts as narrow, as a share of the cost.
const HALF_WIDTH_MAX: f64 = 0.2;

fn main() {
    let runs = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(RUNS);
    let calibrations: Vec<Vec<Recovery>> = (1..=runs).map(calibration).collect();
    let missed: Vec<&str> = (0..calibrations[0].len()).filter_map(|cost| missed(&calibrations, cost)).collect();
    assert!(missed.is_empty(), "the truth was not found often enough: {missed:?}");
}

/// Runs one calibration, and returns what it found of each known cost.
fn calibration(seed: usize) -> Vec<Recovery> {
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let mut calibrate = Command::new(env!("CARGO_BIN_EXE_meshtax"));
    calibrate.args(["calibrate", "--json", "--seed", &seed.to_string(), "--out"]).arg(home.path().join("run"));
    let output = calibrate.output().expect("the binary was built for this benchmark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measurement: Measurement = serde_json::from_slice(&output.stdout).expect("a run keeps its contract");
    let told: Vec<String> = measurement.calibration.iter().map(told).collect();
    println!("calibration {seed}: {}", told.join("; "));
    measurement.calibration
}

/// What was found of one cost, in the metric's unit.
fn told(recovery: &Recovery) -> String {
    let Recovery { arm, truth, difference, difference_ci95, .. } = recovery;
    match (difference, difference_ci95) {
        (Some(found), Some([low, high])) => format!("{arm} {found:.4} [{low:.4}, {high:.4}] of {truth:.4}"),
        _ => format!("{arm} without an interval"),
    }
}

/// Prints how one cost was found. Returns its arm if it was missed too often.
fn missed(calibrations: &[Vec<Recovery>], cost: usize) -> Option<&str> {
    let recoveries: Vec<&Recovery> = calibrations.iter().map(|recoveries| &recoveries[cost]).collect();
    let is_inside = |recovery: &&&Recovery| recovery.inside == Some(true);
    let inside = recoveries.iter().filter(is_inside).count();
    let half = |recovery: &&Recovery| {
        let [low, high] = recovery.difference_ci95.expect("twenty stand-ups have an interval");
        // On a busy machine, the services' own record of a wait is noisy, and may be below the baseline's.
        ((high - low) / 2.0 / recovery.truth).abs()
    };
    let found = recoveries.iter().filter(is_inside).filter(|recovery| half(recovery) < HALF_WIDTH_MAX).count();
    let mut halves: Vec<f64> = recoveries.iter().map(half).collect();
    halves.sort_by(f64::total_cmp);
    println!(
        "{} ({}): inside in {inside} of {}, and narrower than {:.0} % in {found}; half-width {:.2} % of the cost at the \
         median, {:.2} % at worst",
        recoveries[0].arm,
        recoveries[0].metric,
        recoveries.len(),
        HALF_WIDTH_MAX * 100.0,
        halves[halves.len() / 2] * 100.0,
        halves[halves.len() - 1] * 100.0
    );
    ((found as f64) < FOUND_MIN * recoveries.len() as f64).then_some(&recoveries[0].arm)
}
