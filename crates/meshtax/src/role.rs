//! meshtax as a part of a lab: each role takes orders on standard input and answers on standard output.

use std::fs;
use std::io::{BufReader, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::Role;
use crate::failure::Failure;

/// Plays `role` until its orders end.
pub fn play(role: &Role) -> Result<ExitCode, Failure> {
    let orders = BufReader::new(stdin());
    match role {
        Role::Pause => lab::hold(orders)?,
        Role::Dns { zone } => {
            let zone =
                serde_json::from_str(&read(zone)?).with_context(|| format!("`{}` is no zone", zone.display()))?;
            lab::serve_dns(&zone, orders, stdout())?;
        }
        Role::Load => load::serve(orders, stdout())?,
        Role::Service { topology, pod } => {
            let text = read(topology)?;
            let graph = topology::read_topology(&text).map_err(|fault| Failure::in_file(topology, fault))?;
            service::serve(pod, &graph, orders, stdout())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
