use measure::{ConnectionUse, Environment, Measurement, MemorySource, Subject};

use crate::caution::cautions;
use crate::client::client_proxies;
use crate::comparison::comparison;
use crate::edge::edges;
use crate::fault::faults;
use crate::figure::{count, requests, rhythm, rounds};
use crate::gateway::gateways;
use crate::held::held;
use crate::paragraph::paragraph;
use crate::pod::pods;
use crate::program::programs;
use crate::telemetry::telemetry;
use crate::truncated::truncated;
use crate::verdict::verdicts;

/// A run as text of 80 columns without colour: the experiment, every metric of every arm with its spread, the arms
/// compared with the baseline with their intervals, what the services counted, cautions, and the machine.
///
/// Lines are longer than 80 columns only if a single word is.
pub fn text(measurement: &Measurement) -> String {
    let sections = [
        subject(measurement),
        comparison(measurement),
        truncated(measurement),
        verdicts(measurement),
        gateways(&measurement.arms),
        programs(&measurement.arms),
        client_proxies(&measurement.arms),
        held(&measurement.arms),
        telemetry(measurement),
        faults(measurement),
        pods(&measurement.arms),
        edges(&measurement.arms),
        cautions(&measurement.cautions),
        environment(&measurement.environment),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

fn subject(measurement: &Measurement) -> String {
    let subject = &measurement.experiment;
    let Subject { name, topology, target, seed, .. } = subject;
    let (rounds, requests) = (rounds(subject), requests(measurement));
    let connection = match subject.connection {
        ConnectionUse::New => "new connections",
        ConnectionUse::Keep => "connections kept",
    };
    let facts = format!("{rounds}, {requests}, {}, {connection}, seed {seed}", rhythm(subject));
    let mut lines = paragraph(&format!("{name}: topology `{topology}`, target {target}"), 2) + &paragraph(&facts, 2);
    if !subject.complete {
        lines += &paragraph(&format!("Cut short after {rounds}: these results are partial."), 2);
    }
    lines
}

fn environment(environment: &Environment) -> String {
    let Environment { meshtax, envoy, kernel, system, processor, cores, memory_mib, cgroups, started, .. } =
        environment;
    // Envoy's version text begins with the program's name.
    let envoy = envoy.as_ref().map_or_else(String::new, |words| format!(", Envoy {words}"));
    let cores = count((*cores).into(), "core");
    let memory = match environment.memory_source {
        MemorySource::WorkingSet => "working set",
        MemorySource::Pss => "PSS",
    };
    let tools = format!("meshtax {meshtax}{envoy}, started {started}");
    let interrupts = match environment.interrupts_apart {
        Some(true) => ", no CPU time includes interrupts",
        Some(false) | None => "",
    };
    let awake = if environment.awake { ", processors kept awake" } else { "" };
    let machine = format!(
        "{system}, Linux {kernel}, {cores} ({processor}), {memory_mib} MiB, cgroups {cgroups}, memory as {memory}{awake}{interrupts}"
    );
    paragraph(&tools, 2) + &paragraph(&machine, 2)
}
