//! meshtax as a part of a lab: each role takes orders on standard input and answers on standard output.

use std::fs;
use std::io::{BufReader, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use service::Pilot;
use topology::{Addition, Topology};

use crate::cli::RoleCommand;
use crate::failure::Failure;

/// Plays `role` until its standard input ends.
pub fn play(role: &RoleCommand) -> Result<ExitCode, Failure> {
    let orders = BufReader::new(stdin());
    match role {
        RoleCommand::Pause => lab::hold(orders)?,
        RoleCommand::Dns { zone } => {
            let zone =
                serde_json::from_str(&read(zone)?).with_context(|| format!("`{}` is not a zone", zone.display()))?;
            lab::serve_dns(&zone, orders, stdout())?;
        }
        RoleCommand::Keeper => agent::keep_tables(Path::new("/"), stdin(), table_reader)?,
        RoleCommand::Conntrack => {
            // A program started through /proc has another name, so it is set here.
            nix::sys::prctl::set_name(c"meshtax")?;
            agent::tell_tables(Path::new("/"), stdin(), stdout(), table_reader)?;
        }
        RoleCommand::Kubelet { probes } => {
            let list =
                serde_json::from_str(&read(probes)?).with_context(|| format!("no probes in `{}`", probes.display()))?;
            lab::serve_probes(list, orders, stdout())?;
        }
        RoleCommand::Pilot { address, probes, metrics, hold } => {
            pilot(*address, probes, metrics.as_deref(), *hold)?.serve(orders, stdout())?;
        }
        RoleCommand::Load => load::serve(orders, stdout())?,
        RoleCommand::Service { topology, pod, add } => {
            let text = read(topology)?;
            let graph = topology::read_topology(&text).map_err(|fault| Failure::in_file(topology, fault))?;
            service::serve(pod, &with_addition(graph, add.as_deref())?, orders, stdout())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts this program, even if its file has been replaced, as the process that reads conntrack tables.
fn table_reader() -> Command {
    let mut reader = Command::new("/proc/self/exe");
    reader.arg0("meshtax").args(["role", "conntrack"]);
    reader
}

/// The agent of the pod at `address`, on Istio's ports.
fn pilot(address: Ipv4Addr, probes: &str, metrics: Option<&str>, hold_bytes: u64) -> anyhow::Result<Pilot> {
    let told =
        |text: &str| serde_json::from_str(text).with_context(|| format!("`{text}` does not say where metrics are"));
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Pilot {
        listen: (Ipv4Addr::UNSPECIFIED, plane::AGENT_PORT).into(),
        admin: local(plane::ADMIN_PORT),
        metrics: local(plane::PROMETHEUS_PORT),
        source: plane::INBOUND_SOURCE.into(),
        application: address.into(),
        application_metrics: metrics.map(told).transpose()?,
        probes: serde_json::from_str(probes).with_context(|| format!("`{probes}` are not probes"))?,
        user: Some(plane::PROXY_UID),
        hold_bytes,
    })
}

/// The topology, with a known cost if this arm adds one.
fn with_addition(graph: Topology, add: Option<&str>) -> anyhow::Result<Topology> {
    let Some(text) = add else { return Ok(graph) };
    let addition: Addition = serde_json::from_str(text).with_context(|| format!("`{text}` is not a known cost"))?;
    addition.to(&graph).with_context(|| format!("no endpoint for `{text}`"))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
