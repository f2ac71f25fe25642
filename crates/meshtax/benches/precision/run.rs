//! Runs Bookinfo through meshtax, in blocks of a given length and without a pause between requests.

use std::fs;
use std::path::Path;
use std::process::Command;

use measure::{Ended, Measurement, NULL_ARM, Observations, Options};
use serde::de::DeserializeOwned;

use crate::{Effects, METRICS};

const EXPERIMENT: &str = "name: precision
topology: bookinfo-lean
arms: {none: {plane: none}, sidecar: {plane: sidecar}}
load:
  sequential: {target: 'http://productpage:9080/productpage', requests: 1}
warmup: 300
rounds: 1
stands: 1
idle: {windows: 8, window: 50ms}
margin: 1%
";

/// The amount of load on each arm.
#[derive(Clone, Copy)]
pub struct Amount {
    pub requests: u64,
    pub rounds: u32,
}

/// A completed run: what it measured, and what was seen in each block.
pub struct Run {
    measurement: Measurement,
    seen: Observations,
}

impl Amount {
    /// The amount for `load_s` seconds of load in blocks of `block_s`, if a page takes `page_s`.
    pub fn of(load_s: f64, block_s: f64, page_s: f64) -> Self {
        let rounds = (load_s / block_s).round().max(1.0);
        let requests = (load_s / rounds / page_s).round().max(1.0) * rounds;
        Self { requests: requests as u64, rounds: rounds as u32 }
    }
}

impl Run {
    /// Runs these arms, the baseline first.
    pub fn of(arms: &[&str], amount: Amount) -> Self {
        let home = tempfile::tempdir().expect("there is a folder for temporary files");
        let (experiment, folder) = (home.path().join("precision.yaml"), home.path().join("run"));
        fs::write(&experiment, EXPERIMENT).expect("the folder takes files");
        let mut run = Command::new(env!("CARGO_BIN_EXE_meshtax"));
        run.arg("run").arg(&experiment);
        if arms.contains(&NULL_ARM) {
            run.arg("--null")
        } else {
            run.args(["--arms", &arms.join(",")])
        };
        run.args(["--requests", &amount.requests.to_string(), "--rounds", &amount.rounds.to_string()]);
        let output = run.arg("--out").arg(&folder).output().expect("the binary was built for this benchmark");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = fs::read_to_string(folder.join("measurement.json")).expect("a run writes it");
        let measurement: Measurement = serde_json::from_str(&text).expect("a run keeps its contract");
        let seen = Observations {
            arms: arms.iter().map(|arm| (*arm).to_owned()).collect(),
            load: lines(&folder.join("load.jsonl")),
            meters: lines(&folder.join("meters.jsonl")),
            ..Observations::default()
        };
        assert!(seen.load.iter().all(|block| block.samples.errors.is_empty()), "requests failed");
        Self { measurement, seen }
    }

    /// Mean latency of an arm, in seconds.
    pub fn page_s(&self, arm: &str) -> f64 {
        let arm = self.measurement.arms.iter().find(|known| known.name == arm).expect("it was run");
        arm.metrics["latency_ms_mean"].value.expect("there were requests") / 1e3
    }

    pub fn rounds(&self) -> u32 {
        self.measurement.experiment.rounds
    }

    /// The arm that is compared with the baseline, or the baseline if it ran alone.
    pub fn last_arm(&self) -> &str {
        self.seen.arms.last().expect("something was run")
    }

    pub fn seen(&self) -> &Observations {
        &self.seen
    }

    /// The effects of the arm against the baseline, paired by round, as meshtax reports them.
    pub fn paired(&self) -> Effects {
        ours(self.measurement.effects.clone())
    }

    /// The latencies of each arm in nanoseconds, block by block. Blocks of seconds hold fewer requests than a run
    /// keeps.
    pub fn sequences(&self) -> [Vec<&[u64]>; 2] {
        let of_arm = |arm: &str| {
            self.seen.load.iter().filter(|block| block.arm == arm).map(|block| &*block.samples.sequence).collect()
        };
        [of_arm(&self.seen.arms[0]), of_arm(self.last_arm())]
    }

    /// One arm as if it had run alone, under a name that all arms share.
    fn alone(&self, arm: &str) -> (Measurement, Observations) {
        let name = || "alone".to_owned();
        let (mut measurement, mut seen) = (self.measurement.clone(), self.seen.clone());
        measurement.arms.retain(|known| known.name == arm);
        measurement.arms.iter_mut().for_each(|arm| arm.name = name());
        seen.arms = vec![name()];
        seen.load.retain(|block| block.arm == arm);
        seen.load.iter_mut().for_each(|block| block.arm = name());
        seen.meters.retain(|reading| reading.arm == arm);
        seen.meters.iter_mut().for_each(|reading| reading.arm = name());
        (measurement, seen)
    }
}

/// The effects of one run's arm against an arm of another run (or of the same), not paired, as `meshtax compare`
/// reports them.
pub fn apart((a, arm_a): (&Run, &str), (b, arm_b): (&Run, &str)) -> Effects {
    let [a, b] = [a.alone(arm_a), b.alone(arm_b)];
    let [a, b] = [&a, &b].map(|(measurement, observations)| Ended { measurement, observations });
    ours(measure::compare(&a, &b, Vec::new(), &Options::default()).effects)
}

fn ours(mut effects: Effects) -> Effects {
    let place = |name: &str| METRICS.iter().position(|metric| metric.name() == name);
    effects.retain(|effect| place(&effect.metric).is_some());
    effects.sort_by_key(|effect| place(&effect.metric));
    effects
}

fn lines<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = fs::read_to_string(file).expect("a run writes it");
    text.lines().map(|line| serde_json::from_str(line).expect("a run keeps its contract")).collect()
}
