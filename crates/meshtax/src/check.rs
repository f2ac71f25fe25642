use std::process::ExitCode;

use crate::bundled;
use crate::cli::CheckOptions;
use crate::experiment::{self, Experiment};
use crate::failure::Failure;
use crate::kind::{Kind, kind_of};
use crate::output::print;

/// `meshtax check`: an experiment or a topology.
pub fn check(options: &CheckOptions) -> Result<ExitCode, Failure> {
    let text = bundled::read(&options.file)?;
    match kind_of(&options.file, &text)? {
        Kind::Experiment => {
            let experiment = Experiment::parse(&options.file, text)?;
            print(&experiment::outline(&experiment))?;
            print(&report::graph(&experiment.topology.graph))?;
        }
        Kind::Topology | Kind::Unknown => {
            let graph = topology::read_topology(&text).map_err(|fault| Failure::in_file(&options.file, fault))?;
            print(&report::graph(&graph))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
