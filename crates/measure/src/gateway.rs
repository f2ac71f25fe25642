use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoadBlock, Observations, Phase, Reading};

/// Name of the pod of an arm's ingress gateway.
pub const GATEWAY: &str = "istio-ingressgateway";

const MS_PER_S: f64 = 1e3;
const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

/// CPU, memory and traffic of an arm's ingress gateway during the rounds, so that they can be subtracted from the arm's
/// figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayUse {
    /// CPU time of the gateway per request, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// Memory at the end of a block, mean over blocks, in MiB.
    pub memory_mib: f64,
    /// Bytes that the gateway sent over its link, headers included, per request.
    pub wire_bytes_per_request: f64,
    /// Frames that the gateway sent over its link, per request.
    pub wire_frames_per_request: f64,
}

/// What the gateway of an arm used; `None` without a gateway or without requests.
pub fn gateway_use(seen: &Observations, arm: &str) -> Option<GatewayUse> {
    let is_loaded = |reading: &&Reading| reading.phase == Phase::Load && reading.arm == arm;
    let readings = || seen.meters.iter().filter(is_loaded);
    let containers: Vec<_> =
        readings().flat_map(|reading| &reading.containers).filter(|container| container.pod == GATEWAY).collect();
    let links = || readings().flat_map(|reading| &reading.links).filter(|link| link.pod == GATEWAY);

    let is_asked = |block: &&LoadBlock| block.arm == arm;
    let requests = seen.load.iter().filter(is_asked).map(|block| block.samples.requests).sum::<u64>() as f64;
    if containers.is_empty() || requests == 0.0 {
        return None;
    }
    let memory_bytes = containers.iter().map(|container| container.memory_bytes).sum::<u64>() as f64;
    Some(GatewayUse {
        cpu_ms_per_request: containers.iter().fold(0.0, |sum, one| sum + one.cpu_s) * MS_PER_S / requests,
        memory_mib: memory_bytes / readings().count() as f64 / BYTES_PER_MIB,
        wire_bytes_per_request: links().map(|link| link.sent_bytes).sum::<u64>() as f64 / requests,
        wire_frames_per_request: links().map(|link| link.sent_frames).sum::<u64>() as f64 / requests,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContainerUse, LinkUse, MachineUse, Samples};

    #[test]
    fn a_gateways_part_is_that_of_its_pod_alone() {
        let container = |pod: &str, cpu_s, memory_bytes| ContainerUse {
            pod: pod.to_owned(),
            container: "proxy".to_owned(),
            cpu_s,
            memory_bytes,
            ..ContainerUse::default()
        };
        let link = |pod: &str| LinkUse { pod: pod.to_owned(), sent_bytes: 5000, sent_frames: 40 };
        let reading = |phase, round| Reading {
            phase,
            arm: "sidecar".to_owned(),
            round,
            started_s: 0.0,
            suspended_s: 0.0,
            wall_s: 1.0,
            containers: vec![container("web-v1", 9.0, 7), container(GATEWAY, 0.02, 3 << 20)],
            links: vec![link("web-v1"), link(GATEWAY)],
            machine: MachineUse::default(),
        };
        let block = |round| LoadBlock {
            arm: "sidecar".to_owned(),
            round,
            samples: Samples { requests: 10, ..Samples::default() },
        };
        let seen = Observations {
            arms: vec!["none".to_owned(), "sidecar".to_owned()],
            load: vec![block(0), block(1)],
            meters: vec![reading(Phase::Idle, 0), reading(Phase::Load, 0), reading(Phase::Load, 1)],
            ..Observations::default()
        };
        let expected = GatewayUse {
            cpu_ms_per_request: 2.0,
            memory_mib: 3.0,
            wire_bytes_per_request: 500.0,
            wire_frames_per_request: 4.0,
        };
        assert_eq!(gateway_use(&seen, "sidecar"), Some(expected));
        assert_eq!(gateway_use(&seen, "none"), None);
    }
}
