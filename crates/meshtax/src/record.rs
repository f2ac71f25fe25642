use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use measure::{Measurement, NULL_ARM, Observations, SCHEMA};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use topology::Topology;

use crate::experiment;
use crate::failure::{Failure, Hint};

const MEASUREMENT: &str = "measurement.json";
const LOST: &str = "restore it from a copy, or run the experiment again";

/// A run that has ended, as its folder holds it. `measurement.json` is the source of every figure; what the witnesses
/// saw is read only for what is made of single rounds.
#[derive(Debug)]
pub struct Record {
    /// The folder.
    pub path: PathBuf,
    /// What the run measured.
    pub measurement: Measurement,
}

/// What is asked of an experiment file here, whatever else it holds.
#[derive(Deserialize)]
struct Written {
    arms: BTreeMap<String, Value>,
}

impl Record {
    /// Reads what a run measured.
    pub fn open(path: &Path) -> Result<Record, Failure> {
        let file = path.join(MEASUREMENT);
        let text = match fs::read_to_string(&file) {
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
        // Beside other arms, the baseline's copy is no arm of the measurement.
        let copy = self.measurement.null.iter().map(|_| NULL_ARM.to_owned());
        let arms = self.measurement.arms.iter().map(|arm| arm.name.clone()).chain(copy).collect();
        let (load, meters) = (self.lines("load.jsonl")?, self.lines("meters.jsonl")?);
        let stands = self.measurement.experiment.stands;
        Ok(Observations { arms, load, meters, stands, ..Observations::default() })
    }

    /// Reads the application that was run.
    pub fn topology(&self) -> Result<Topology, Failure> {
        let file = self.path.join("topology.yaml");
        topology::read_topology(&self.text("topology.yaml")?).map_err(|fault| Failure::in_file(&file, fault))
    }

    /// Reads the arms as they were written, by name.
    pub fn written_arms(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let file = self.path.join("experiment.yaml");
        let written: Written =
            experiment::read_yaml(&self.text("experiment.yaml")?).map_err(|fault| Failure::in_file(&file, fault))?;
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
        fs::read_to_string(&file).with_context(|| unreadable(&file)).hint(rest())
    }
}

/// What is possible where only a part of a folder is whole.
fn rest() -> String {
    format!("{MEASUREMENT} is whole: `meshtax report RUN` still prints it, other forms need all files of the folder")
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
            format!("the run in `{}` did not come to its end: it has no {MEASUREMENT}", path.display()),
            "run the experiment again; a run that is ended with Ctrl-C still measures the rounds that it has",
        );
    }
    Failure::new(
        format!("`{}` is no run folder: it has no {MEASUREMENT}", path.display()),
        "name a folder that `meshtax run` or `meshtax demo` has made, such as runs/<id>",
    )
}

/// Figures of another contract may mean something else under the same name.
fn of_this_schema(file: &Path, value: &Value) -> Result<(), Failure> {
    let schema = value["schema"].as_str().unwrap_or("none");
    if schema == SCHEMA {
        return Ok(());
    }
    let writer = value["environment"]["meshtax"].as_str().unwrap_or("another version");
    Err(Failure::new(
        format!("`{}` has the schema `{schema}`, and this meshtax reads `{SCHEMA}`", file.display()),
        format!("read it with the meshtax that wrote it: {writer} (this is {})", env!("CARGO_PKG_VERSION")),
    ))
}
