//! Helpers that the tests of this room share.

use std::fs;
use std::path::Path;

use crate::{Experiment, Refusal, bundled};

/// The experiment in `text`, or the refusal as a user sees it. Files that it names are on the disk.
pub(crate) fn parse(path: &Path, text: String) -> Result<Experiment, String> {
    Experiment::parse(path, text, &|path| fs::read_to_string(path)).map_err(|refusal| told(&refusal))
}

/// The bundled experiment of that name.
pub(crate) fn shipped(name: &str) -> Experiment {
    let text = bundled::file(name).expect("it is bundled").to_owned();
    parse(Path::new(name), text).expect("what is bundled is valid")
}

/// The experiment for a bundled topology.
pub(crate) fn shipped_on(name: &str, target: Option<&str>) -> Experiment {
    let text = bundled::file(name).expect("it is bundled").to_owned();
    Experiment::of_topology(Path::new(name), text, target).expect("what is bundled is valid")
}

/// A refusal as a user sees it.
pub(crate) fn told(refusal: &Refusal) -> String {
    let hint = refusal.hint.iter().map(|hint| format!("\nhint: {hint}\n"));
    format!("error: {refusal}\n{}", hint.collect::<String>())
}
