use std::path::Path;

use measure::NULL_ARM;
use plane::{Plane, Sidecar};
use serde_saphyr::Spanned;
use topology::{Addition, Fault, Named, Topology};

use super::file::{Add, ArmFile, PlaneName, Switch};
use super::form::{Form, meaning};
use super::proxy::proxy_of;

/// One thing that is compared.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name, a DNS label.
    pub name: String,
    /// What stands between services.
    pub plane: Plane,
    /// Whether the kernel witness is attached while it is under load.
    pub watched: bool,
    /// A known cost that its application has beside that of the others.
    pub added: Option<Addition>,
}

/// The arms of the file `experiment`, the baseline first.
pub fn arms_of(arms: &Spanned<Named<ArmFile>>, graph: &Topology, experiment: &Path) -> Result<Vec<Arm>, Fault> {
    if arms.value.0.is_empty() {
        let hint = "write for example `none: {plane: none}` and `sidecar: {plane: sidecar}` below `arms:`";
        return Err(Fault::at(arms.referenced, "the experiment has no arms", hint));
    }
    arms.value.0.iter().map(|(name, arm)| arm_of(name, arm, graph, experiment)).collect()
}

fn arm_of(name: &Spanned<String>, arm: &ArmFile, graph: &Topology, experiment: &Path) -> Result<Arm, Fault> {
    if name.value == NULL_ARM {
        let what = "`null` is the name of the baseline's copy";
        return Err(Fault::at(name.referenced, what, "write `null: true` beside `arms:` to have that copy"));
    }
    if !is_dns_label(&name.value) {
        let what = format!("`{}` is no name for an arm", name.value);
        return Err(Fault::at(name.referenced, what, "use lower-case letters, digits and `-`, 30 at most"));
    }
    let added = arm.add.as_ref().map(|add| addition_of(add, graph)).transpose()?;
    let watched = arm.watch == Some(Switch::On);
    Ok(Arm { name: name.value.clone(), plane: plane_of(arm, experiment)?, watched, added })
}

fn plane_of(arm: &ArmFile, experiment: &Path) -> Result<Plane, Fault> {
    let sidecar_only =
        [arm.telemetry.as_ref().map(|at| at.referenced), arm.concurrency.as_ref().map(|at| at.referenced)];
    const WORDS: [(&str, PlaneName); 2] = [("none", PlaneName::None), ("sidecar", PlaneName::Sidecar)];
    let (name, own) = match &arm.plane.value {
        Form::Short(word) => (meaning(word, arm.plane.referenced, &WORDS)?, None),
        Form::Long(own) => (PlaneName::None, Some(own)),
    };
    match (name, sidecar_only.into_iter().flatten().next()) {
        (PlaneName::None, Some(place)) => {
            let what = "`telemetry` and `concurrency` are options of sidecars";
            Err(Fault::at(place, what, "use `plane: sidecar`"))
        }
        (PlaneName::None, None) => own.map_or(Ok(Plane::None), |own| proxy_of(own, experiment).map(Plane::Proxy)),
        (PlaneName::Sidecar, _) => sidecar_of(arm).map(Plane::Sidecar),
    }
}

fn addition_of(add: &Add, graph: &Topology) -> Result<Addition, Fault> {
    let to = &add.to.value;
    let (service, path) = to.split_at(to.find('/').unwrap_or(to.len()));
    let addition = Addition {
        service: service.to_owned(),
        path: path.to_owned(),
        wait: add.wait.0,
        compute: add.compute.0,
        response_bytes: add.response.0,
    };
    match addition.to(graph) {
        Some(_) => Ok(addition),
        None => {
            let what = format!("topology `{}` has no simulated endpoint `{to}`", graph.name);
            Err(Fault::at(add.to.referenced, what, "write `to: SERVICE/PATH` as in a call"))
        }
    }
}

fn sidecar_of(arm: &ArmFile) -> Result<Sidecar, Fault> {
    let default = Sidecar::default();
    if let Some(concurrency) = arm.concurrency.as_ref().filter(|concurrency| !(1..=64).contains(&concurrency.value)) {
        let what = format!("{} is no number of worker threads", concurrency.value);
        return Err(Fault::at(concurrency.referenced, what, "use 1 to 64; Istio's default is 2"));
    }
    Ok(Sidecar {
        telemetry: arm.telemetry.as_ref().map_or(default.telemetry, |switch| switch.value == Switch::On),
        concurrency: arm.concurrency.as_ref().map_or(default.concurrency, |number| number.value),
    })
}

fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 30 && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}
