use std::collections::{BTreeMap, BTreeSet};

use experiment::Experiment;
use measure::{DeclaredFailures, FailingCalls, FaultTrial, Observations};

use super::asked::RequestsReceived;
use super::assignment::Assignment;
use super::probing::ChecksByArm;
use super::sight::Watched;
use super::tally::Tally;

/// All that a run has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By the client and the meters, and what lets that be doubted.
    pub observations: Observations,
    /// By services, within the blocks.
    pub tally: Tally,
    /// By the kernel witness, of each arm that it watched.
    pub watched: BTreeMap<String, Watched>,
    /// Health probes within the blocks.
    pub probings: ChecksByArm,
    /// All requests that services received, those before the rounds among them.
    pub asked: RequestsReceived,
    /// What became of faults that were made on purpose.
    pub faults: Vec<FaultTrial>,
}

impl Seen {
    /// Nothing yet but what is declared.
    pub fn before(assignment: &Assignment) -> Self {
        let Assignment { experiment, plan, unlimited, .. } = assignment;
        let mut seen = Observations { arms: plan.arms.clone(), stands: plan.stands, ..Observations::default() };
        seen.facts.connection = Some(experiment.load.connection);
        seen.facts.declared = declared_failures(experiment);
        seen.facts.unlimited = unlimited.to_vec();
        Self { observations: seen, ..Self::default() }
    }
}

/// What the topology declares to fail, as guards ask for it.
fn declared_failures(experiment: &Experiment) -> DeclaredFailures {
    let (graph, target) = (&experiment.topology.graph, &experiment.load.request.target);
    let path = target.path().split('?').next().unwrap_or_default();
    let failing = graph.services.iter().flat_map(|service| {
        let paths = service.versions.iter().flat_map(topology::Version::paths).collect::<BTreeSet<_>>();
        paths.into_iter().map(|path| FailingCalls {
            to: service.name.clone(),
            path: path.to_owned(),
            share: service.error_rate(path),
        })
    });
    DeclaredFailures {
        of_requests: graph.service(target.host()).map_or(0.0, |service| service.error_rate(path)),
        of_calls: failing.filter(|calls| calls.share > 0.0).collect(),
    }
}
