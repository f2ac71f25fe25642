use std::process::ExitCode;

use measure::{Comparison, Measurement};
use schemars::schema_for;

use crate::cli::Contract;
use crate::failure::Failure;
use crate::output::print;

/// The schemas of files that people write are kept by hand, but for the keys of an arm, which have a table: how such a file is
/// read is a matter of words and places, which no derived schema knows. Tests hold them to the readers.
const TOPOLOGY: &str = include_str!("../../../schemas/topology.json");
const AGENT: &str = include_str!("../../../schemas/agent.json");

/// `meshtax schema`.
pub fn schema(of: Contract) -> Result<ExitCode, Failure> {
    print(&match of {
        Contract::Measurement => format!("{}\n", serde_json::to_string_pretty(&schema_for!(Measurement))?),
        Contract::Comparison => format!("{}\n", serde_json::to_string_pretty(&schema_for!(Comparison))?),
        Contract::Topology => TOPOLOGY.to_owned(),
        Contract::Agent => AGENT.to_owned(),
        Contract::Experiment => experiment::schema(),
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
