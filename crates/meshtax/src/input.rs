//! Reads the files that a user names, from the disk or bundled.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use experiment::{Experiment, bundled};

use crate::failure::{Failure, Hint};
use crate::output::print;
use crate::text;

/// Reads the file at `path` or, if there is none, the bundled file of that name.
pub fn read(path: &Path) -> Result<String, Failure> {
    match text::written(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bundled::file(&path.to_string_lossy()).map(str::to_owned).ok_or_else(|| {
                let hint = listing(&path.to_string_lossy());
                Failure::new(format!("no file `{}`, and none of that name is bundled", path.display()), hint)
            })
        }
        other => other
            .map_err(|error| anyhow::Error::new(error).context(format!("cannot read `{}`", path.display())))
            .hint("name a YAML file that this user may read"),
    }
}

/// Reads the experiment at `path` or, if there is none, the bundled one of that name.
pub fn experiment(path: &Path) -> Result<Experiment, Failure> {
    experiment_of(path, read(path)?)
}

/// Parses the text of an experiment that was read from `path`.
pub fn experiment_of(path: &Path, text: String) -> Result<Experiment, Failure> {
    placed(Experiment::parse(path, text, &text::written)?)
}

/// Makes an experiment for the topology at `path` or, if there is none, for the bundled one of that name.
pub fn experiment_on(path: &Path, target: Option<&str>) -> Result<Experiment, Failure> {
    experiment_on_text(path, read(path)?, target)
}

/// Makes an experiment for the text of a topology that was read from `path`.
pub fn experiment_on_text(path: &Path, text: String, target: Option<&str>) -> Result<Experiment, Failure> {
    placed(Experiment::of_topology(path, text, target)?)
}

/// Makes the topology's folder absolute, so that it is right from any working directory. Bundled files use the current
/// folder.
fn placed(mut experiment: Experiment) -> Result<Experiment, Failure> {
    let folder = &mut experiment.topology.folder;
    *folder = fs::canonicalize(&*folder).or_else(|_| env::current_dir()).context("the current folder is gone")?;
    Ok(experiment)
}

/// `meshtax show`.
pub fn show(name: Option<&str>) -> Result<ExitCode, Failure> {
    match name {
        None => print(&bundled::names().map(|name| format!("{name}\n")).collect::<String>())?,
        Some(name) => {
            print(
                bundled::file(name)
                    .ok_or_else(|| Failure::new(format!("no bundled file is called `{name}`"), listing(name)))?,
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The bundled file that was probably meant: one of this name or of nearly this name. Also says how to list them all.
fn listing(written: &str) -> String {
    let bare = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    let meant = |name: &&'static str| bare(name).split('.').next() == written.split('.').next();
    let near = || topology::nearest(written, bundled::names());
    let near_in_its_folder =
        || bundled::names().find(|name| topology::nearest(written, bundled::names().map(bare)) == Some(bare(name)));
    let all = "`meshtax show` lists the bundled files";
    match bundled::names().find(meant).or_else(near).or_else(near_in_its_folder) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all.to_owned(),
    }
}
