//! A complete run of an experiment.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::tool::{meshtax, words};
use crate::turn::insist_on_root;

/// A finished run.
pub struct Run {
    /// The measurement that the run printed on standard output.
    pub measurement: Value,
    /// The text that the run printed on standard error.
    pub said: String,
    /// The run folder.
    pub folder: PathBuf,
    _home: TempDir,
}

impl Run {
    /// Runs `meshtax run ARGUMENTS --json --out …`, which must succeed.
    pub fn perform(arguments: &[&str]) -> Run {
        insist_on_root();
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("run");
        let output = meshtax().arg("run").args(arguments).arg("--json").arg("--out").arg(&folder).output().unwrap();
        assert!(output.status.success(), "{:?} ended with {}: {}", arguments, output.status, words(&output));
        let measurement = serde_json::from_slice(&output.stdout).expect("standard output is measurement.json");
        Run { measurement, said: String::from_utf8_lossy(&output.stderr).into_owned(), folder, _home: home }
    }

    /// Reads a file of the run folder.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns the arm with this name.
    pub fn arm(&self, name: &str) -> &Value {
        let arms = self.measurement["arms"].as_array().unwrap();
        arms.iter().find(|arm| arm["name"] == name).unwrap_or_else(|| panic!("no arm `{name}`"))
    }

    /// Returns the value of a metric in an arm.
    pub fn metric(&self, arm: &str, metric: &str) -> f64 {
        let figure = &self.arm(arm)["metrics"][metric];
        figure["value"].as_f64().unwrap_or_else(|| panic!("{arm} has no {metric}: {figure}"))
    }

    /// Returns the effect of the sidecars on a metric.
    pub fn effect(&self, metric: &str) -> &Value {
        let effects = self.measurement["effects"].as_array().unwrap();
        let found = effects.iter().find(|effect| effect["arm"] == "sidecar" && effect["metric"] == metric);
        found.unwrap_or_else(|| panic!("no effect on {metric}"))
    }

    /// Returns the number of requests that the pods of a service counted in an arm, by pod.
    pub fn requests(&self, arm: &str, service: &str) -> Vec<(String, u64)> {
        let services = self.arm(arm)["services"].as_array().unwrap();
        let of_service = services.iter().filter(|count| count["service"] == service);
        of_service
            .map(|count| (count["pod"].as_str().unwrap().to_owned(), count["requests"].as_u64().unwrap()))
            .collect()
    }
}
