use std::process::ExitCode;

use measure::{Comparison, LoadResult, Measurement};
use schemars::schema_for;

use crate::cli::Contract;
use crate::failure::Failure;
use crate::output::print;

/// The schemas of files that users write are kept by hand, because readers know words and places that no derived schema
/// can express. The keys of an arm come from a table. Tests compare the schemas with the readers.
const TOPOLOGY: &str = include_str!("../../../schemas/topology.json");
const AGENT: &str = include_str!("../../../schemas/agent.json");

/// `meshtax schema`.
pub fn schema(of: Contract) -> Result<ExitCode, Failure> {
    print(&match of {
        Contract::Measurement => format!("{}\n", serde_json::to_string_pretty(&schema_for!(Measurement))?),
        Contract::Comparison => format!("{}\n", serde_json::to_string_pretty(&schema_for!(Comparison))?),
        Contract::Load => format!("{}\n", serde_json::to_string_pretty(&schema_for!(LoadResult))?),
        Contract::Topology => TOPOLOGY.to_owned(),
        Contract::Agent => AGENT.to_owned(),
        Contract::Experiment => experiment::schema(),
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
