use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use experiment::read_yaml;
use measure::{Arm, Measurement, Metric, NULL_ARM, Observations, Phase, SCHEMA, SCHEMAS_READ};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use topology::Topology;

use crate::failure::{Failure, Hint};
use crate::text;

const MEASUREMENT: &str = "measurement.json";
const LOST: &str = "restore it from a copy, or run the experiment again";

/// A completed run, as its folder holds it. Every figure comes from `measurement.json`. The witnesses' files are read
/// only for what shows single rounds.
#[derive(Debug)]
pub struct Record {
    /// The folder.
    pub path: PathBuf,
    /// What the run measured.
    pub measurement: Measurement,
}

/// The fields that are read from a line of a witness's file.
#[derive(Deserialize)]
struct RecordLine {
    arm: String,
    phase: Option<Phase>,
}

/// The fields that are read from an experiment file.
#[derive(Deserialize)]
struct Written {
    arms: BTreeMap<String, Value>,
}

impl Record {
    /// Reads what a run measured.
    pub fn open(path: &Path) -> Result<Record, Failure> {
        let file = path.join(MEASUREMENT);
        let text = match text::recorded(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_measured(path)),
            other => other.with_context(|| unreadable(&file)).hint("name a folder that this user may read")?,
        };
        let value: Value = serde_json::from_str(&text).with_context(|| damaged(&file)).hint(LOST)?;
        of_this_schema(&file, &value)?;
        let measurement: Measurement = serde_json::from_str(&text).with_context(|| damaged(&file)).hint(LOST)?;
        Ok(Record { path: path.to_owned(), measurement: measurement.vetoed() })
    }

    /// Reads what the witnesses saw, block by block.
    pub fn observations(&self) -> Result<Observations, Failure> {
        // If there are other arms, the baseline's copy is not an arm of the measurement.
        let copy = self.measurement.null.iter().map(|_| NULL_ARM.to_owned());
        let arms = self.measurement.arms.iter().map(|arm| arm.name.clone()).chain(copy).collect();
        let (load, meters) = (self.lines("load.jsonl")?, self.lines("meters.jsonl")?);
        if let Some(cut) = self.cut() {
            return Err(Failure::new(cut, rest()));
        }
        let stands = self.measurement.experiment.stands;
        let mut seen = Observations { arms, load, meters, stands, ..Observations::default() };
        seen.without(self.measurement.experiment.left_out.clone());
        Ok(seen)
    }

    /// Says what is missing at the end of the witnesses' files. They must have as many blocks and windows of each arm
    /// as the measurement was made from. A missing file does not count as cut.
    pub fn cut(&self) -> Option<String> {
        ["load.jsonl", "meters.jsonl"].into_iter().find_map(|name| self.cut_of(name))
    }

    fn cut_of(&self, name: &str) -> Option<String> {
        let file = self.path.join(name);
        let text = text::recorded(&file).ok()?;
        let mut counted: BTreeMap<(String, bool), u64> = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let Ok(RecordLine { arm, phase }) = serde_json::from_str(line) else {
                return Some(format!("`{}:{}` is damaged: the file may have been cut", file.display(), number + 1));
            };
            *counted.entry((arm, phase == Some(Phase::Idle))).or_default() += 1;
        }
        let missing = self.expected(name).into_iter().find_map(|(arm, is_idle, expected)| {
            let found = counted.get(&(arm.clone(), is_idle)).copied().unwrap_or(0);
            let what = if is_idle { "idle windows" } else { "blocks" };
            (found < expected).then(|| format!("it has {found} of {expected} {what} of arm `{arm}`"))
        });
        missing.map(|missing| format!("`{}` was cut: {missing}", file.display()))
    }

    /// The number of lines per arm that the measurement was made from, separately for blocks and idle windows.
    fn expected(&self, name: &str) -> Vec<(String, bool, u64)> {
        let rounds = u64::from(self.measurement.experiment.rounds);
        let count = |arm: &Arm, metric: Metric| arm.metrics.get(metric.name()).map_or(0, |value| value.count);
        let mut expected = Vec::new();
        for arm in &self.measurement.arms {
            expected.push((arm.name.clone(), false, rounds.max(count(arm, Metric::Requests))));
            if name == "meters.jsonl" {
                expected.push((arm.name.clone(), true, count(arm, Metric::CpuIdleCores)));
            }
        }
        expected.extend(self.measurement.null.iter().map(|_| (NULL_ARM.to_owned(), false, rounds)));
        expected
    }

    /// Reads the topology that was run.
    pub fn topology(&self) -> Result<Topology, Failure> {
        let file = self.path.join("topology.yaml");
        topology::read_topology(&self.text("topology.yaml")?).map_err(|fault| Failure::in_file(&file, fault))
    }

    /// Reads the arms as the user wrote them, by name.
    pub fn written_arms(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let file = self.path.join("experiment.yaml");
        let written: Written =
            read_yaml(&self.text("experiment.yaml")?).map_err(|fault| Failure::in_file(&file, fault))?;
        Ok(written.arms)
    }

    fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, Failure> {
        let file = self.path.join(name);
        let read = |(number, line): (usize, &str)| {
            let place = || format!("`{}:{}` is damaged", file.display(), number + 1);
            serde_json::from_str(line).with_context(place).hint(rest())
        };
        self.text(name)?.lines().enumerate().map(read).collect()
    }

    fn text(&self, name: &str) -> Result<String, Failure> {
        let file = self.path.join(name);
        text::recorded(&file).with_context(|| unreadable(&file)).hint(rest())
    }
}

/// Says what still works if only `measurement.json` is intact.
pub fn rest() -> String {
    format!("{MEASUREMENT} is intact: `meshtax report RUN` still prints it; other formats need all files of the folder")
}

fn unreadable(file: &Path) -> String {
    format!("cannot read `{}`", file.display())
}

fn damaged(file: &Path) -> String {
    format!("`{}` is damaged", file.display())
}

fn not_measured(path: &Path) -> Failure {
    if path.join("experiment.yaml").exists() {
        return Failure::new(
            format!("the run in `{}` did not finish: it has no {MEASUREMENT}", path.display()),
            "run the experiment again; a run that is ended with Ctrl-C still reports the rounds it has",
        );
    }
    Failure::new(
        format!("`{}` is not a run folder: it has no {MEASUREMENT}", path.display()),
        "name a folder that `meshtax run` or `meshtax demo` made, such as runs/<id>",
    )
}

/// Returns an error for a measurement of another schema, whose figures may mean something else under the same name.
fn of_this_schema(file: &Path, value: &Value) -> Result<(), Failure> {
    let schema = value["schema"].as_str().unwrap_or("none");
    if schema == SCHEMA || SCHEMAS_READ.contains(&schema) {
        return Ok(());
    }
    let writer = value["environment"]["meshtax"].as_str().unwrap_or("another version");
    Err(Failure::new(
        format!("`{}` has the schema `{schema}`, and this meshtax reads `{SCHEMA}`", file.display()),
        format!("read it with the meshtax that wrote it: {writer} (this is {})", env!("CARGO_PKG_VERSION")),
    ))
}
