use std::process::ExitCode;

use crate::bundled;
use crate::cli::CheckOptions;
use crate::experiment::{self, Experiment};
use crate::failure::Failure;
use crate::output::print;

/// `meshtax check`: a topology if the file has services, else an experiment.
pub fn check(options: &CheckOptions) -> Result<ExitCode, Failure> {
    let text = bundled::read(&options.file)?;
    let is_experiment = text.lines().any(|line| line.starts_with("topology:") || line.starts_with("arms:"));
    if is_experiment {
        let experiment = Experiment::read(&options.file)?;
        print(&experiment::outline(&experiment))?;
        print(&report::graph(&experiment.topology.graph))?;
    } else {
        let graph = topology::read_topology(&text).map_err(|fault| Failure::in_file(&options.file, fault))?;
        print(&report::graph(&graph))?;
    }
    Ok(ExitCode::SUCCESS)
}
