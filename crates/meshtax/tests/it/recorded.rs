//! Run folders made by hand, whose figures are known.

use std::fs;
use std::path::{Path, PathBuf};

use measure::Histogram;
use serde_json::{Value, json};
use tempfile::TempDir;

const TOPOLOGY: &str = include_str!("../../../../topologies/pair.yaml");
const REQUESTS: u64 = 100;

/// A run of `none` and `sidecar`. Every request of a block takes equally long; odd rounds take 2 % longer than even ones.
pub struct Recorded {
    /// Rounds.
    pub rounds: u32,
    /// Latency of `none` in even rounds, in milliseconds.
    pub none_ms: f64,
    /// Latency of `sidecar` in even rounds, in milliseconds.
    pub sidecar_ms: f64,
    /// CPU time of the sidecar's proxies per request, in milliseconds.
    pub proxy_cpu_ms: f64,
    /// Pause between requests, in milliseconds.
    pub think_ms: f64,
    /// Least time between two requests, in milliseconds.
    pub pace_ms: f64,
    /// Time after which a request is given up, in milliseconds.
    pub timeout_ms: f64,
    /// Kernel release.
    pub kernel: &'static str,
    /// The application.
    pub topology: String,
}

impl Default for Recorded {
    fn default() -> Recorded {
        Recorded {
            rounds: 10,
            none_ms: 2.0,
            sidecar_ms: 6.0,
            proxy_cpu_ms: 4.0,
            think_ms: 2.0,
            pace_ms: 0.0,
            timeout_ms: 15.0,
            kernel: "6.18.0",
            topology: TOPOLOGY.to_owned(),
        }
    }
}

/// A folder that holds such a run.
pub struct Folder {
    /// The path of the run folder.
    pub path: PathBuf,
    _home: TempDir,
}

impl Folder {
    /// The path as an argument.
    pub fn argument(&self) -> &str {
        self.path.to_str().expect("temporary folders have plain names")
    }

    /// Changes the text of a file.
    pub fn change(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.path.join(name);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Changes the measurement of the run.
    pub fn amend(&self, amend: impl FnOnce(&mut Value)) {
        self.change("measurement.json", |text| {
            let mut run: Value = serde_json::from_str(&text).unwrap();
            amend(&mut run);
            format!("{run:#}\n")
        });
    }

    /// Gives the effects of `sidecar` the verdict `costs`, and the run a fatal caution about `arms`, if there are any.
    pub fn doubt(&self, arms: &[&str]) {
        self.amend(|run| {
            for effect in run["effects"].as_array_mut().unwrap() {
                (effect["verdict"], effect["margin"], effect["p_value"]) = ("costs".into(), 0.02.into(), 0.0001.into());
            }
            run["cautions"] = json!([
                {"kind": "drift", "text": "latency rose", "fatal": false},
                {"kind": "saturated", "text": "the machine was full", "fatal": true, "arms": arms},
            ]);
        });
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path.join(name)).unwrap();
    }
}

impl Recorded {
    /// Writes the files that a run leaves.
    pub fn write(&self) -> Folder {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run");
        fs::create_dir(&path).unwrap();
        let write = |name: &str, text: &str| fs::write(path.join(name), text).unwrap();
        write("topology.yaml", &self.topology);
        write("experiment.yaml", &experiment());
        write("measurement.json", &format!("{:#}\n", self.measurement()));
        write("load.jsonl", &self.lines(|arm, round| self.block(arm, round)));
        write("meters.jsonl", &self.lines(|arm, round| self.reading(arm, round)));
        Folder { path, _home: home }
    }

    fn lines(&self, line: impl Fn(&str, u32) -> Value) -> String {
        let rounds = (0..self.rounds).flat_map(|round| ["none", "sidecar"].map(|arm| line(arm, round)));
        rounds.map(|line| format!("{line}\n")).collect()
    }

    fn latency_ms(&self, arm: &str, round: u32) -> f64 {
        let even = if arm == "none" { self.none_ms } else { self.sidecar_ms };
        if round.is_multiple_of(2) { even } else { even * 1.02 }
    }

    fn block(&self, arm: &str, round: u32) -> Value {
        let mut latency = Histogram::new();
        let ns = (self.latency_ms(arm, round) * 1e6) as u64;
        (0..REQUESTS).for_each(|_| latency.record(ns));
        json!({
            "arm": arm, "round": round, "wall_s": 0.5, "requests": REQUESTS, "errors": {}, "latency": latency,
            "lag": Histogram::new(),
        })
    }

    fn reading(&self, arm: &str, round: u32) -> Value {
        let used = |container: &str, cpu_ms: f64| {
            let cpu_s = cpu_ms * REQUESTS as f64 / 1e3;
            json!({
                "pod": "front-v1", "container": container, "cpu_s": cpu_s, "cpu_user_s": cpu_s, "cpu_system_s": 0.0,
                "memory_bytes": 1 << 24,
            })
        };
        // Figures that are the same in every round would have an interval of no width.
        let swing = if round.is_multiple_of(2) { 1.0 } else { 1.02 };
        let mut containers = vec![used("app", 2.0 * swing)];
        if arm == "sidecar" {
            containers.push(used("proxy", self.proxy_cpu_ms * swing));
        }
        json!({
            "phase": "load", "arm": arm, "round": round, "wall_s": 0.5, "containers": containers,
            "machine": {"busy_s": 0.5, "softirq_s": 0.0, "steal_s": 0.0, "capacity_s": 1.0},
        })
    }

    fn measurement(&self) -> Value {
        let value = |value: f64, unit: &str| json!({"value": value, "unit": unit, "count": self.rounds, "stddev": value * 0.01});
        let arm = |name: &str, latency_ms: f64, cpu_ms: f64| {
            let metrics =
                json!({"latency_ms_mean": value(latency_ms, "ms"), "cpu_ms_per_request": value(cpu_ms, "ms")});
            json!({"name": name, "metrics": metrics, "services": [], "edges": []})
        };
        let effect = |metric: &str, base: f64, arm: f64| {
            let ratio = arm / base;
            json!({
                "arm": "sidecar", "metric": metric, "ratio": ratio, "ratio_ci95": [ratio * 0.99, ratio * 1.01],
                "difference": arm - base, "difference_ci95": null,
            })
        };
        let cpu_ms = 2.0 + self.proxy_cpu_ms;
        json!({
            "schema": measure::SCHEMA,
            "experiment": {
                "name": "pair", "topology": "pair", "target": "http://front:8080/", "rounds": self.rounds,
                "requests": REQUESTS * u64::from(self.rounds), "think_ms": self.think_ms, "pace_ms": self.pace_ms,
                "timeout_ms": self.timeout_ms, "connection": "keep", "seed": 1,
                "complete": true,
            },
            "environment": {
                "meshtax": "0.1.0", "envoy": null, "kernel": self.kernel, "system": "Example Linux", "processor": "Example CPU",
                "cores": 2, "memory_mib": 4096, "cgroups": "v2", "memory_source": "working_set",
                "started": "2026-01-02T03:04:05Z",
            },
            "arms": [arm("none", self.none_ms, 2.0), arm("sidecar", self.sidecar_ms, cpu_ms)],
            "effects": [
                effect("latency_ms_mean", self.none_ms, self.sidecar_ms),
                effect("cpu_ms_per_request", 2.0, cpu_ms),
            ],
            "cautions": [],
        })
    }
}

fn experiment() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/pair.yaml")).unwrap()
}
