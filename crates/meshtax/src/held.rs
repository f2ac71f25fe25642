//! What an arm's sidecars use only because the arm's keys set it, so that reports can show the cost without it.

use std::time::Duration;

use experiment::{Arm, Experiment};
use measure::HeldFacts;
use topology::Topology;

use run::ChecksByArm;

/// Lists these facts for each arm with an agent beside Envoy.
pub fn held_facts(experiment: &Experiment, probings: &ChecksByArm) -> Vec<HeldFacts> {
    let graph = &experiment.topology.graph;
    let of_arm = |arm: &Arm| {
        let options = arm.plane.sidecar().or(arm.gateway.as_ref())?;
        let cpu = mean_of_probe(arm, graph) * u32::try_from(probings.asked(&arm.name)).unwrap_or(u32::MAX);
        Some(HeldFacts {
            arm: arm.name.clone(),
            memory_bytes: lab::agent_bytes(graph, options),
            cpu_s: cpu.as_secs_f64(),
        })
    };
    experiment.standing().iter().filter_map(of_arm).collect()
}

/// The processor time that an agent burns per probe: the mean over the probes that an arm's kubelet makes.
fn mean_of_probe(arm: &Arm, graph: &Topology) -> Duration {
    let Some(sidecar) = arm.plane.sidecar() else {
        return arm.probes.sidecar.map_or(Duration::ZERO, |period| service::spent_for_probe(period, false));
    };
    let pods: Vec<_> = graph.pods().filter(|_| sidecar.stands_by(true, true)).collect();
    let rewritten = pods.iter().filter(|pod| pod.service.ready.is_some()).count();
    let kinds = [(arm.probes.sidecar, pods.len() + 1, false), (arm.probes.application, rewritten, true)];
    let (mut rate, mut burned) = (0.0, 0.0);
    for (period, pods, is_rewritten) in kinds {
        let Some(period) = period else { continue };
        let per_second = pods as f64 / period.as_secs_f64();
        rate += per_second;
        burned += per_second * service::spent_for_probe(period, is_rewritten).as_secs_f64();
    }
    if rate > 0.0 { Duration::from_secs_f64(burned / rate) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::input;

    /// Checks each proxy's share in MiB, and the microseconds that a probe burns.
    fn check(keys: &str, expect: &str) {
        let text = format!(
            "name: held\ntopology: pair\narms:\n  a: {{plane: none}}\n  b: {{{keys}}}\n\
             load: {{sequential: {{target: 'http://front:8080/', requests: 15}}}}\n"
        );
        let experiment = input::experiment_of(Path::new("held.yaml"), text).unwrap();
        let told = |held: HeldFacts| {
            let arm = experiment.arms.iter().find(|arm| arm.name == held.arm).unwrap();
            let burned = mean_of_probe(arm, &experiment.topology.graph);
            format!("{} {:.2} {}", held.arm, held.memory_bytes as f64 / f64::from(1 << 20), burned.as_micros())
        };
        let held: Vec<String> = held_facts(&experiment, &ChecksByArm::default()).into_iter().map(told).collect();
        assert_eq!(held.join("\n"), expect);
    }

    #[test]
    fn sidecars_and_gateways_hold_what_their_agents_do() {
        check("plane: none", "");
        check("plane: sidecar", "b 10.02 615");
        check("plane: sidecar, mesh_size: 128", "b 11.02 615");
        check("plane: sidecar, probe_period: off", "b 10.02 0");
        check("plane: none, gateway: ingress", "b 10.02 615");
    }
}
