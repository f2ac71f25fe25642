use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Step, Topology, Work};

/// A known cost, added to one endpoint: what calibration puts in and asks the statistics to find again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    /// Service.
    pub service: String,
    /// Path of its endpoint, in every version; empty for `tcp`.
    pub path: String,
    /// Wall time that passes before the script.
    pub wait: Duration,
    /// CPU time that is burned before the script.
    pub compute: Duration,
    /// Bytes by which the answer grows.
    pub response_bytes: u64,
}

impl Addition {
    /// The topology with this cost in it, or none if no simulated endpoint is meant.
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
            endpoint.script.splice(0..0, self.steps());
        }
        found.then_some(changed)
    }

    fn steps(&self) -> Vec<Step> {
        let wait = (!self.wait.is_zero()).then_some(Step::Wait(self.wait));
        let compute = (!self.compute.is_zero()).then_some(Step::Compute { cpu: self.compute, background: false });
        wait.into_iter().chain(compute).collect()
    }
}
