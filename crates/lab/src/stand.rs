use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::Duration;

use plane::{AppProbe, Plane, Sidecar};
use topology::{Metrics, Topology};

use crate::address::{Addresses, assign};
use crate::authority::Identities;
use crate::cgroup::Trees;
use crate::error::{LabError, step};
use crate::kubelet::Periods;
use crate::limits::Limits;
use crate::mark::{Claim, let_applications_end, sweep};
use crate::network::Network;
use crate::node::{Node, Site, accounts, await_ready, raise};
use crate::process::Program;

/// What is to stand, and where its files go.
pub struct Blueprint<'a> {
    /// The application; the same in each arm.
    pub topology: &'a Topology,
    /// The arms, which stand side by side.
    pub arms: &'a [ArmPlan],
    /// How the pods of each arm are joined.
    pub network: Network,
    /// What to start in each role.
    pub programs: &'a (dyn Fn(Role<'_>) -> Program + Sync),
    /// Envoy's binary; used by arms with sidecars only.
    pub envoy: &'a Path,
    /// The run folder; `planes/` and `logs/` are made in it.
    pub folder: &'a Path,
    /// The topology's folder: where the user's own programs start, and from where their volumes are seen. Absolute.
    pub working_folder: &'a Path,
    /// Further files of the host's that pods read wherever they are: this lab's programs and what those are told to read.
    pub shown: &'a [PathBuf],
    /// How long a program may take to become ready.
    pub patience: Duration,
}

/// An arm: a name, and what stands between its services.
#[derive(Clone, Debug)]
pub struct ArmPlan {
    /// Name, a DNS label.
    pub name: String,
    /// What stands between services.
    pub plane: Plane,
    /// Options of the ingress gateway before them; without, the client asks them directly.
    pub gateway: Option<Sidecar>,
    /// How often its pods are asked for their health.
    pub probes: Periods,
    /// Most that each proxy may use.
    pub limits: Limits,
}

/// What a program is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// To be process 1 of a pod and hold its namespaces; takes orders.
    Pause,
    /// To answer a node's DNS queries from the zone file; takes orders.
    Dns {
        /// A [`crate::Zone`] as JSON.
        zone: &'a Path,
    },
    /// To ask a node's pods for their health, in the node's network namespace; takes orders.
    Kubelet {
        /// A list of [`crate::Probe`] as JSON.
        probes: &'a Path,
    },
    /// To be the agent beside an Envoy; takes orders.
    Pilot {
        /// The pod's address.
        address: Ipv4Addr,
        /// Probes of the application that it makes.
        probes: &'a [AppProbe],
        /// Where the application tells metrics, which it merges with Envoy's.
        metrics: Option<&'a Metrics>,
        /// Memory that it is to hold, so that it takes what Istio's takes.
        hold_bytes: u64,
    },
    /// To ask, in the client's pod; takes orders.
    Client,
    /// To be a simulated service; takes orders.
    Service {
        /// Name of the arm.
        arm: &'a str,
        /// Name of the pod.
        pod: &'a str,
    },
}

/// Whether the user has asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(pub Arc<AtomicBool>);

impl Stop {
    /// An error if so.
    pub fn check(&self) -> Result<(), LabError> {
        if self.is_set() { Err(LabError::Interrupted) } else { Ok(()) }
    }

    /// True if so.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A topology standing in every arm. Dropping it removes everything that was made for it.
#[derive(Debug)]
pub struct Lab {
    nodes: Vec<Node>,
    claim: Option<Claim>,
    trees: Trees,
}

/// Stands up every arm and waits until all are ready. Whatever fails, nothing stays behind.
pub fn stand_up(blueprint: &Blueprint<'_>, claim: Claim, trees: Trees, stop: &Stop) -> Result<Lab, LabError> {
    let id = claim.id().to_owned();
    // From here on dropping the lab cleans up.
    let mut lab = Lab { nodes: Vec::new(), claim: Some(claim), trees: trees.clone() };
    let is_limited = blueprint.arms.iter().any(|arm| arm.limits != Limits::default());
    let claim = lab.claim.as_mut().expect("a lab holds its claim until it goes");
    claim.make_groups(&trees, is_limited).map_err(step("make control groups"))?;
    let addresses: Addresses = assign(blueprint.topology);
    let identities = identities(blueprint)?;
    let site = Site { id: &id, blueprint, addresses: &addresses, identities: &identities, trees: &trees, stop };
    let raised: Vec<Result<Node, LabError>> = std::thread::scope(|scope| {
        let site = &site;
        let start = |arm| Builder::new().spawn_scoped(scope, move || raise(site, arm));
        let arms: Vec<_> = blueprint.arms.iter().map(start).collect();
        let end = |arm: io::Result<ScopedJoinHandle<'_, Result<Node, LabError>>>| {
            arm.map_err(step("start a thread"))?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        arms.into_iter().map(end).collect()
    });
    for node in raised {
        lab.nodes.push(node?);
    }
    for node in &mut lab.nodes {
        await_ready(&site, node)?;
    }
    Ok(lab)
}

/// One authority for the whole run; arms without proxies need none.
fn identities(blueprint: &Blueprint<'_>) -> Result<Identities, LabError> {
    if blueprint.arms.iter().any(|arm| arm.plane != Plane::None || arm.gateway.is_some()) {
        Identities::make(&accounts(blueprint.topology))
    } else {
        Ok(Identities::default())
    }
}

impl Lab {
    /// The id that all its marks bear.
    pub fn id(&self) -> &str {
        self.claim.as_ref().expect("a lab holds its claim until it goes").id()
    }

    /// The arms, in the order of the blueprint.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The arms, to give orders to their pods.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Ends and removes everything.
    pub fn tear_down(mut self) -> Result<(), LabError> {
        self.remove()
    }

    /// Leaves everything standing for the user, until [`crate::remove`].
    pub fn keep(mut self) -> Result<(), LabError> {
        let claim = self.claim.take().expect("a lab holds its claim until it goes");
        let id = claim.id().to_owned();
        std::mem::take(&mut self.nodes).into_iter().try_for_each(Node::let_go)?;
        claim.keep().map_err(step(format!("mark `{id}` as kept")))
    }

    fn remove(&mut self) -> Result<(), LabError> {
        let Some(claim) = self.claim.take() else { return Ok(()) };
        let id = claim.id().to_owned();
        let told = let_applications_end(&id, &self.trees);
        self.nodes.clear();
        told.and_then(|()| sweep(&id, &self.trees)).map_err(step(format!("remove what bears the id `{id}`")))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The way of errors and panics; `tear_down` reports, and `meshtax clean` can try again.
        self.remove().ok();
    }
}
