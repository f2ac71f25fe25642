use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Step, Topology, Work};

/// A known cost that is added to one endpoint. Calibration adds it, and checks that the statistics find it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    /// Name of the service.
    pub service: String,
    /// Path of the endpoint, in every version; empty for `tcp`.
    pub path: String,
    /// Wall time by which the script's first wait becomes longer. A script without a wait gets one at its start.
    pub wait: Duration,
    /// CPU time by which the script's first computation before the answer becomes longer. A script without one gets one
    /// at its start.
    pub compute: Duration,
    /// Bytes by which the answer becomes longer.
    pub response_bytes: u64,
}

impl Addition {
    /// The topology with this cost, or `None` if it has no such simulated endpoint.
    pub fn to(&self, topology: &Topology) -> Option<Topology> {
        let mut changed = topology.clone();
        let service = changed.services.iter_mut().find(|service| service.name == self.service)?;
        let works = service.versions.iter_mut().map(|version| &mut version.work);
        let endpoints = works.flat_map(|work| match work {
            Work::Simulated { endpoints, .. } => endpoints.as_mut_slice(),
            Work::Command { .. } => &mut [],
        });
        let mut found = false;
        for endpoint in endpoints.filter(|endpoint| endpoint.path == self.path) {
            found = true;
            endpoint.response_bytes += self.response_bytes;
            wait_longer(&mut endpoint.script, self.wait);
            compute_longer(&mut endpoint.script, self.compute);
        }
        found.then_some(changed)
    }
}

/// Lengthens the first wait of a script. A second wait would cost more than its time, because a thread would be put to
/// sleep and woken once more.
fn wait_longer(script: &mut Vec<Step>, more: Duration) {
    let known = script.iter_mut().find_map(|step| match step {
        Step::Wait(time) => Some(time),
        Step::Compute { .. } | Step::Calls(_) => None,
    });
    match known {
        Some(time) => *time += more,
        None if more.is_zero() => (),
        None => script.insert(0, Step::Wait(more)),
    }
}

/// Lengthens the first computation before the answer, or adds one.
fn compute_longer(script: &mut Vec<Step>, more: Duration) {
    let known = script.iter_mut().find_map(|step| match step {
        Step::Compute { cpu, background: false } => Some(cpu),
        Step::Compute { background: true, .. } | Step::Wait(_) | Step::Calls(_) => None,
    });
    match known {
        Some(cpu) => *cpu += more,
        None if more.is_zero() => (),
        None => script.insert(0, Step::Compute { cpu: more, background: false }),
    }
}
