use lab::ArmPlan;
use measure::NULL_ARM;
use plane::{Mtls, Plane, Sidecar};
use serde_saphyr::Spanned;
use topology::{Addition, Fault, Named, Topology};

use super::file::{Add, ArmFile, GatewayName, PlaneName, Switch};
use super::sidecar::{sidecar_of, written};

/// One thing that is compared.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name, a DNS label.
    pub name: String,
    /// What stands between services.
    pub plane: Plane,
    /// Options of the ingress gateway before the services, if it has one.
    pub gateway: Option<Sidecar>,
    /// Whether the kernel witness is attached while it is under load.
    pub watched: bool,
    /// A known cost that its application has beside that of the others.
    pub added: Option<Addition>,
}

impl Arm {
    /// What the lab needs to know of it.
    pub fn plan(&self) -> ArmPlan {
        ArmPlan { name: self.name.clone(), plane: self.plane.clone(), gateway: self.gateway.clone() }
    }
}

/// The arms of a file, the baseline first.
pub fn arms_of(arms: &Spanned<Named<ArmFile>>, graph: &Topology) -> Result<Vec<Arm>, Fault> {
    if arms.value.0.is_empty() {
        let hint = "write for example `none: {plane: none}` and `sidecar: {plane: sidecar}` below `arms:`";
        return Err(Fault::at(arms.referenced, "the experiment has no arms", hint));
    }
    arms.value.0.iter().map(|(name, arm)| arm_of(name, arm, graph)).collect()
}

fn arm_of(name: &Spanned<String>, arm: &ArmFile, graph: &Topology) -> Result<Arm, Fault> {
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
    let plane = plane_of(arm)?;
    let gateway = gateway_of(arm, &plane)?;
    Ok(Arm { name: name.value.clone(), plane, gateway, watched, added })
}

/// The gateway's options are the sidecars'. Where there are none they are its own, and it speaks plaintext.
fn gateway_of(arm: &ArmFile, plane: &Plane) -> Result<Option<Sidecar>, Fault> {
    match (arm.gateway, plane.sidecar()) {
        (GatewayName::None, _) => Ok(None),
        (GatewayName::Ingress, Some(options)) => Ok(Some(options.clone())),
        (GatewayName::Ingress, None) => {
            let mut options = written(arm);
            if let Some((name, place)) = options.find(|(name, _)| ["mtls", "tls", "authz", "side"].contains(name)) {
                let what = format!("`{name}` is an option of sidecars, and there is only a gateway");
                return Err(Fault::at(place, what, "use `plane: sidecar`"));
            }
            Ok(Some(Sidecar { mtls: Mtls::Off, ..sidecar_of(arm)? }))
        }
    }
}

fn plane_of(arm: &ArmFile) -> Result<Plane, Fault> {
    match (arm.plane, written(arm).next()) {
        (PlaneName::None, _) if arm.gateway == GatewayName::Ingress => Ok(Plane::None),
        (PlaneName::None, Some((name, place))) => {
            let what = format!("`{name}` is an option of sidecars");
            Err(Fault::at(place, what, "use `plane: sidecar`"))
        }
        (PlaneName::None, None) => Ok(Plane::None),
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

fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 30 && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}
