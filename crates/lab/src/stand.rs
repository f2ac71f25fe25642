use std::io;
use std::thread::{Builder, ScopedJoinHandle};

use ground::{
    Limits, accounts,
    address::{Addresses, assign},
};
use plane::Plane;

use crate::authority::Identities;
use crate::blueprint::Blueprint;
use crate::error::{LabError, step};
use crate::mark::{Claim, let_applications_end, sweep};
use crate::node::Node;
use crate::raise::{await_ready, raise};
use crate::site::Site;
use crate::stop::Stop;
use crate::trees::Trees;

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
