use std::time::Duration;

use ground::{CallPath, Injection};
use measure::FaultKind;
use topology::{Call, Connections, Mistake, Service, Step, Topology, Work};

use super::file::FaultFile;

/// The shortest fault. During a shorter one, witnesses would hardly be read.
const SPAN_MIN: Duration = Duration::from_millis(500);

/// A fault that is made on purpose, in one arm after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// The kind of the fault.
    pub kind: FaultKind,
    /// Service that calls.
    pub from: String,
    /// Service that is called.
    pub to: String,
    /// Share of packets or messages that are hit, if the kind depends on chance.
    pub share: Option<f64>,
    /// Time under load before the fault.
    pub at: Duration,
    /// Duration of the fault.
    pub lasting: Duration,
    /// How the fault is made.
    pub injection: Injection,
}

/// Checks a fault as written against the topology.
pub fn fault_of(file: &FaultFile, graph: &Topology) -> Result<PlannedFault, Mistake> {
    let (from, to) = ends(file, graph)?;
    let share = share_of(file)?;
    for span in [&file.at, &file.lasting] {
        if span.value.0 < SPAN_MIN {
            return Err(Mistake::at(span.referenced, "this is too short to see anything", "use 500ms or more"));
        }
    }
    let line = || CallPath { callers: pods(from), callees: pods(to), port: to.port };
    let injection = match file.kind.value {
        FaultKind::Loss => Injection::Loss(line(), share.unwrap_or(1.0)),
        FaultKind::Reset => Injection::Reset(line(), share.unwrap_or(1.0)),
        FaultKind::Name => Injection::Name(plane::fqdn(&to.name)),
        FaultKind::AcceptQueue => Injection::Deaf(pods(to)),
    };
    Ok(PlannedFault {
        kind: file.kind.value,
        from: from.name.clone(),
        to: to.name.clone(),
        share,
        at: file.at.value.0,
        lasting: file.lasting.value.0,
        injection,
    })
}

/// The services at both ends. The first one must call the second.
fn ends<'a>(file: &FaultFile, graph: &'a Topology) -> Result<(&'a Service, &'a Service), Mistake> {
    let service = |name: &serde_saphyr::Spanned<String>| {
        let what = || format!("topology `{}` has no service `{}`", graph.name, name.value);
        graph.service(&name.value).ok_or_else(|| Mistake::at(name.referenced, what(), "name a service of the topology"))
    };
    let (from, to) = (service(&file.from)?, service(&file.to)?);
    if !calls(from).any(|call| call.service == to.name) {
        let what = format!("`{}` never calls `{}`", from.name, to.name);
        return Err(Mistake::at(file.to.referenced, what, "name a call of the topology; `meshtax check` draws them"));
    }
    let kind = file.kind.value;
    if kind == FaultKind::Name && from.connections == Connections::Pooled {
        let what = format!("`{}` keeps its connections, so it never looks up the name again", from.name);
        return Err(Mistake::at(file.kind.referenced, what, "write `connections: new` at that service"));
    }
    let is_simulated =
        |service: &Service| service.versions.iter().all(|version| matches!(version.work, Work::Simulated { .. }));
    if kind == FaultKind::AcceptQueue && !is_simulated(to) {
        let what =
            format!("`{}` is a program of your own, which cannot be told to stop accepting connections", to.name);
        return Err(Mistake::at(file.to.referenced, what, "name a service with a script"));
    }
    Ok((from, to))
}

fn share_of(file: &FaultFile) -> Result<Option<f64>, Mistake> {
    let by_chance = matches!(file.kind.value, FaultKind::Loss | FaultKind::Reset);
    match &file.share {
        Some(share) if !by_chance => {
            Err(Mistake::at(share.referenced, "this kind of fault has no share", "leave `share` out"))
        }
        Some(share) if share.value.0 < 0.0001 => {
            Err(Mistake::at(share.referenced, "`share` must be greater than 0", "write a share such as `10%`"))
        }
        Some(share) => Ok(Some(share.value.0)),
        None => Ok(by_chance.then_some(1.0)),
    }
}

fn calls(service: &Service) -> impl Iterator<Item = &Call> {
    let endpoints = service.versions.iter().flat_map(|version| match &version.work {
        Work::Simulated { endpoints, .. } => endpoints.as_slice(),
        Work::Command { .. } => &[],
    });
    endpoints.flat_map(|endpoint| &endpoint.script).flat_map(|step| match step {
        Step::Calls(calls) => calls.as_slice(),
        Step::Compute { .. } | Step::Wait(_) => &[],
    })
}

fn pods(service: &Service) -> Vec<String> {
    service.pods().map(|pod| pod.name()).collect()
}
