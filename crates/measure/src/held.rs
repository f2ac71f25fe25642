use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::effect::effects_in;
use crate::{Effect, Metric, Observations};

const BYTES_PER_MIB: f64 = 1_048_576.0;
const MS_PER_S: f64 = 1e3;

/// The metrics that include the set memory and CPU time.
const METRICS: [Metric; 9] = [
    Metric::CpuMsPerRequest,
    Metric::CpuWithClientProxyMsPerRequest,
    Metric::MemoryIdleMib,
    Metric::MemoryIdleWarmMib,
    Metric::MemoryLoadedMib,
    Metric::MemoryProxyMib,
    Metric::MemoryIdleWithClientProxyMib,
    Metric::MemoryIdleWarmWithClientProxyMib,
    Metric::MemoryLoadedWithClientProxyMib,
];

/// Memory and CPU time that an arm's sidecars use only in order to match what Istio's sidecars were measured to use.
/// Every figure of the arm includes them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HeldUse {
    /// Memory that each proxy's agent holds, in MiB.
    pub memory_mib_per_proxy: f64,
    /// CPU time that agents spin for probes, all proxies together, per request, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// The arm compared with the baseline, without this memory and CPU time and without verdicts.
    pub without: Vec<Effect>,
}

/// What the arm's keys set, and the effects without it; `None` if nothing is set.
pub fn held_use(seen: &Observations, arm: &str) -> Option<HeldUse> {
    let held = seen.facts.held.iter().find(|held| held.arm == arm)?;
    let requests: u64 = seen.load.iter().filter(|block| block.arm == arm).map(|block| block.samples.requests).sum();
    let bare = without(seen);
    let effects = METRICS.into_iter().flat_map(|metric| effects_in(&bare, metric));
    Some(HeldUse {
        memory_mib_per_proxy: held.memory_bytes as f64 / BYTES_PER_MIB,
        cpu_ms_per_request: if requests == 0 { 0.0 } else { held.cpu_s * MS_PER_S / requests as f64 },
        without: effects.filter(|effect| effect.arm == arm).collect(),
    })
}

/// The observations without set memory and CPU time. The latter is known only for all blocks together.
fn without(seen: &Observations) -> Observations {
    let mut bare = seen.clone();
    for held in &seen.facts.held {
        let proxies = |reading: &&mut crate::Reading| reading.arm == held.arm;
        let blocks =
            seen.meters.iter().filter(|reading| reading.arm == held.arm && reading.phase == crate::Phase::Load).count();
        for reading in bare.meters.iter_mut().filter(proxies) {
            let is_block = reading.phase == crate::Phase::Load;
            let containers = reading.containers.iter_mut().filter(|container| container.container == "proxy");
            let proxies: Vec<_> = containers.collect();
            let cpu_s = if is_block { held.cpu_s / (blocks * proxies.len().max(1)) as f64 } else { 0.0 };
            for proxy in proxies {
                proxy.memory_bytes = proxy.memory_bytes.saturating_sub(held.memory_bytes);
                proxy.cpu_s = (proxy.cpu_s - cpu_s).max(0.0);
            }
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContainerUse, Facts, HeldFacts, MachineUse, Phase, Reading};

    /// An idle window of an arm: the application holds 100 MiB, and the proxy the given amount.
    fn window(arm: &str, round: u32, proxy_mib: Option<u64>) -> Reading {
        let container = |container: &str, mib: u64| ContainerUse {
            pod: "front-v1".into(),
            container: container.into(),
            memory_bytes: mib << 20,
            ..ContainerUse::default()
        };
        Reading {
            phase: Phase::Idle,
            arm: arm.into(),
            round,
            started_s: 0.0,
            suspended_s: 0.0,
            wall_s: 1.0,
            containers: [container("app", 100)]
                .into_iter()
                .chain(proxy_mib.map(|mib| container("proxy", mib)))
                .collect(),
            links: Vec::new(),
            machine: MachineUse::default(),
        }
    }

    #[test]
    fn ratios_are_given_without_what_is_set() {
        let held = HeldFacts { arm: "sidecar".into(), memory_bytes: 10 << 20, cpu_s: 0.0 };
        let seen = Observations {
            arms: vec!["none".into(), "sidecar".into()],
            meters: (0..8)
                .flat_map(|round| [window("none", round, None), window("sidecar", round, Some(30))])
                .collect(),
            facts: Facts { held: vec![held], ..Facts::default() },
            ..Observations::default()
        };
        let ratio = |effects: &[Effect]| {
            let of_memory = |effect: &&Effect| effect.metric == Metric::MemoryIdleMib.name();
            effects.iter().find(of_memory).and_then(|effect| effect.ratio).unwrap()
        };
        let told = held_use(&seen, "sidecar").unwrap();
        assert!((ratio(&effects_in(&seen, Metric::MemoryIdleMib)) - 1.3).abs() < 1e-9);
        assert!((ratio(&told.without) - 1.2).abs() < 1e-9);
        assert!((told.memory_mib_per_proxy - 10.0).abs() < 1e-9);
        assert!(held_use(&seen, "none").is_none());
    }
}
