//! This binary's command lines for the roles of a lab.

use std::net::Ipv4Addr;
use std::path::Path;

use lab::{Program, Role};
use plane::AppHealthCheck;
use serde_json::{Value, json};
use topology::{Addition, Metrics};

/// This binary as a simulated service, with a known cost if its arm adds one.
pub fn service(own: &Path, topology: &Path, pod: &str, added: Option<&Addition>) -> Program {
    let topology = topology.to_string_lossy();
    let mut arguments = vec!["service", "--topology", &topology, "--pod", pod];
    let added = added.map(|added| serde_json::to_string(added).expect("an addition has text keys"));
    if let Some(added) = &added {
        arguments.extend(["--add", added]);
    }
    in_role(own, &arguments)
}

/// This binary in a role that is the same in every arm.
pub fn program(own: &Path, role: Role<'_>) -> Program {
    match role {
        Role::Pause => in_role(own, &["pause"]),
        Role::Client => in_role(own, &["load"]),
        Role::Kubelet { probes } => in_role(own, &["kubelet", &probes.to_string_lossy()]),
        Role::Pilot { address, probes, metrics, hold_bytes } => pilot(own, address, probes, metrics, hold_bytes),
        Role::Dns { zone } => in_role(own, &["dns", &zone.to_string_lossy()]),
        Role::Service { .. } => unreachable!("services differ from arm to arm"),
    }
}

/// This binary as the agent beside an Envoy.
fn pilot(
    own: &Path,
    address: Ipv4Addr,
    probes: &[AppHealthCheck],
    metrics: Option<&Metrics>,
    hold_bytes: u64,
) -> Program {
    let probe = |probe: &AppHealthCheck| json!({"path": probe.path, "port": probe.port, "target": probe.target});
    let probes = Value::from_iter(probes.iter().map(probe));
    let (address, probes) = (address.to_string(), probes.to_string());
    // Like pilot-agent, it asks on the pod's loopback, where no rule redirects to Envoy.
    let at = |metrics: &Metrics| json!({"at": format!("127.0.0.1:{}", metrics.port), "path": metrics.path}).to_string();
    let metrics = metrics.map(at);
    let hold = hold_bytes.to_string();
    let mut arguments = vec!["pilot", "--address", &address, "--probes", &probes, "--hold", &hold];
    arguments.extend(metrics.iter().flat_map(|metrics| ["--metrics", metrics]));
    in_role(own, &arguments)
}

fn in_role(own: &Path, arguments: &[&str]) -> Program {
    let own = own.to_string_lossy().into_owned();
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    let command = [own, "role".to_owned()].into_iter().chain(arguments).collect();
    Program { command, environment: Vec::new(), takes_orders: true }
}
