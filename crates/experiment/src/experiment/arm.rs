use ground::{ArmPlan, Limits, Periods};
use measure::NULL_ARM;
use plane::{Mtls, Plane, Sidecar};
use serde_saphyr::Spanned;
use topology::{Addition, Mistake, Named, Topology};

use super::file::{Add, ArmFile, GatewayName, PlaneName, WatchFile};
use super::form::{Form, meaning};
use super::health::{limits_of, periods_of};
use super::key::Bearer;
use super::origin::Origin;
use super::proxy::proxy_of;
use super::sidecar::sidecar_of;

/// An arm of the experiment.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Name of the arm, a DNS label.
    pub name: String,
    /// What stands between services.
    pub plane: Plane,
    /// Options of the ingress gateway before the services, if it has one.
    pub gateway: Option<Sidecar>,
    /// Periods of the pods' health probes.
    pub probes: Periods,
    /// Limits of each of its proxies.
    pub limits: Limits,
    /// Whether these limits are defaults. A host that lacks a controller then leaves them out.
    pub limits_by_default: bool,
    /// Whether the kernel witness is attached while it is under load.
    pub watched: bool,
    /// Whether the witnesses of drops, UDP and DNS are also attached. Those of UDP and DNS run for every packet.
    pub watched_beyond: bool,
    /// A known cost that is added to its application.
    pub added: Option<Addition>,
}

impl Arm {
    /// The part of the arm that the lab needs to know.
    pub fn plan(&self) -> ArmPlan {
        ArmPlan {
            name: self.name.clone(),
            plane: self.plane.clone(),
            gateway: self.gateway.clone(),
            probes: self.probes,
            limits: self.limits,
        }
    }

    /// Whether the arm has any proxy.
    pub fn has_proxies(&self) -> bool {
        self.plane != Plane::None || self.gateway.is_some()
    }
}

/// The arms of the file `experiment`, the baseline first.
pub fn arms_of(arms: &Spanned<Named<ArmFile>>, graph: &Topology, experiment: Origin<'_>) -> Result<Vec<Arm>, Mistake> {
    if arms.value.0.is_empty() {
        let hint = "write for example `none: {plane: none}` and `sidecar: {plane: sidecar}` below `arms:`";
        return Err(Mistake::at(arms.referenced, "the experiment has no arms", hint));
    }
    arms.value.0.iter().map(|(name, arm)| arm_of(name, arm, graph, experiment)).collect()
}

fn arm_of(name: &Spanned<String>, arm: &ArmFile, graph: &Topology, experiment: Origin<'_>) -> Result<Arm, Mistake> {
    if name.value == NULL_ARM {
        let what = "`null` is the name of the baseline's copy";
        return Err(Mistake::at(name.referenced, what, "write `null: true` beside `arms:` to have that copy"));
    }
    if !is_dns_label(&name.value) {
        let what = format!("`{}` is not a valid name for an arm", name.value);
        return Err(Mistake::at(name.referenced, what, "use lower-case letters, digits and `-`, 30 at most"));
    }
    let added = arm.add.as_ref().map(|add| addition_of(add, graph)).transpose()?;
    let watched = matches!(arm.watch, Some(WatchFile::On | WatchFile::All));
    let watched_beyond = arm.watch == Some(WatchFile::All);
    let plane = plane_of(arm, experiment)?;
    let gateway = gateway_of(arm, &plane)?;
    let envoy = plane.sidecar().or(gateway.as_ref());
    let (probes, limits) = (periods_of(arm, envoy)?, limits_of(arm, &plane, envoy)?);
    Ok(Arm {
        name: name.value.clone(),
        plane,
        gateway,
        probes,
        limits,
        limits_by_default: arm.limits.is_none(),
        watched,
        watched_beyond,
        added,
    })
}

/// The gateway's options are the sidecars'. Without sidecars they are its own, and it speaks plaintext.
fn gateway_of(arm: &ArmFile, plane: &Plane) -> Result<Option<Sidecar>, Mistake> {
    match (arm.gateway, plane.sidecar()) {
        (GatewayName::None, _) => Ok(None),
        (GatewayName::Ingress, Some(options)) => Ok(Some(options.clone())),
        (GatewayName::Ingress, None) => {
            if let Some(option) = arm.options.iter().find(|option| option.key.bearer == Bearer::Sidecar) {
                let what = format!("`{}` is an option of sidecars, but there is only a gateway", option.key.name);
                return Err(Mistake::at(option.place(), what, "use `plane: sidecar`"));
            }
            Ok(Some(Sidecar { mtls: Mtls::Off, ..sidecar_of(arm)? }))
        }
    }
}

fn plane_of(arm: &ArmFile, experiment: Origin<'_>) -> Result<Plane, Mistake> {
    const WORDS: [(&str, PlaneName); 2] = [("none", PlaneName::None), ("sidecar", PlaneName::Sidecar)];
    let (name, own) = match &arm.plane.value {
        Form::Short(word) => {
            (meaning(word, arm.plane.referenced, &WORDS, "{command: [PROGRAM, ARGUMENT, ...]}")?, None)
        }
        Form::Long(own) => (PlaneName::None, Some(own)),
    };
    match (name, arm.options.first()) {
        (PlaneName::Sidecar, _) => sidecar_of(arm).map(Plane::Sidecar),
        (PlaneName::None, Some(option)) if arm.gateway == GatewayName::None => {
            let what = format!("`{}` is an option of sidecars", option.key.name);
            Err(Mistake::at(option.place(), what, "use `plane: sidecar`"))
        }
        (PlaneName::None, _) => own.map_or(Ok(Plane::None), |own| proxy_of(own, experiment).map(Plane::Proxy)),
    }
}

fn addition_of(add: &Add, graph: &Topology) -> Result<Addition, Mistake> {
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
            Err(Mistake::at(add.to.referenced, what, "write `to: SERVICE/PATH` as in a call"))
        }
    }
}

/// Whether the name consists of lower-case letters, digits and inner hyphens, 30 at most.
pub fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 30 && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}
