use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::Estimate;
use crate::series::{ArmObservations, ContainerSet, Series};
use crate::unit::Units;
use crate::{Metric, Observations};

/// CPU and memory of the proxy beside an arm's client, during the rounds. The client is not part of the application, so
/// no metric of the arm includes this proxy. Add it for the cost of a hop at both of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientProxyUse {
    /// CPU time of the client's proxy per request, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// 95 % interval of this CPU time; null below six rounds.
    pub cpu_ms_per_request_ci95: Option<[f64; 2]>,
    /// CPU time per request of this proxy and all other proxies of the arm together, in milliseconds.
    pub cpu_all_proxies_ms_per_request: f64,
    /// 95 % interval of the CPU time of all proxies; null below six rounds.
    pub cpu_all_proxies_ms_per_request_ci95: Option<[f64; 2]>,
    /// Memory at the end of a block, mean over blocks, in MiB.
    pub memory_mib: f64,
}

/// What the proxy of an arm's client used; `None` without a proxy or without requests.
pub fn client_proxy_use(seen: &Observations, arm: &str) -> Option<ClientProxyUse> {
    let of_arm = ArmObservations::of(seen, arm);
    let interval = |series: &Series| {
        let by_round: Vec<(u32, f64)> = series.by_round.iter().map(|(round, value)| (*round, *value)).collect();
        Estimate::of_mean(&Units(seen.stands).means(Metric::CpuProxyMsPerRequest, &by_round))?.interval_95()
    };
    let own = of_arm.cpu_ms_per_request(ContainerSet::ClientProxy);
    let all = of_arm.cpu_ms_per_request(ContainerSet::AllProxies);
    let memory_mib =
        of_arm.memory_loaded_mib(ContainerSet::ClientProxy).value.filter(|memory_mib| *memory_mib > 0.0)?;
    Some(ClientProxyUse {
        cpu_ms_per_request: own.value?,
        cpu_ms_per_request_ci95: interval(&own),
        cpu_all_proxies_ms_per_request: all.value?,
        cpu_all_proxies_ms_per_request_ci95: interval(&all),
        memory_mib,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContainerUse, LoadBlock, MachineUse, Phase, Reading, Samples};

    /// Rounds of ten requests. In each, the client's proxy used the given milliseconds and another one 20.
    fn seen(client_ms: &[f64]) -> Observations {
        let container = |pod: &str, container: &str, ms: f64| ContainerUse {
            pod: pod.to_owned(),
            container: container.to_owned(),
            cpu_s: ms / 1e3,
            memory_bytes: 3 << 20,
            ..ContainerUse::default()
        };
        let reading = |(round, ms): (u32, &f64)| Reading {
            phase: Phase::Load,
            arm: "sidecar".to_owned(),
            round,
            started_s: 0.0,
            suspended_s: 0.0,
            wall_s: 1.0,
            containers: vec![
                container("web-v1", "app", 100.0),
                container("web-v1", "proxy", 20.0),
                container("client", "app", 50.0),
                container("client", "proxy", *ms),
            ],
            links: Vec::new(),
            machine: MachineUse::default(),
        };
        let block = |round| LoadBlock {
            arm: "sidecar".to_owned(),
            round,
            samples: Samples { requests: 10, ..Samples::default() },
        };
        Observations {
            arms: vec!["none".to_owned(), "sidecar".to_owned()],
            load: (0..).zip(client_ms).map(|(round, _)| block(round)).collect(),
            meters: (0..).zip(client_ms).map(reading).collect(),
            ..Observations::default()
        }
    }

    #[test]
    fn the_clients_proxy_is_told_alone_and_with_the_others() {
        let used = client_proxy_use(&seen(&[9.0, 11.0]), "sidecar").unwrap();
        assert!((used.cpu_ms_per_request - 1.0).abs() < 1e-9 && (used.memory_mib - 3.0).abs() < 1e-9, "{used:?}");
        assert!((used.cpu_all_proxies_ms_per_request - 3.0).abs() < 1e-9, "{used:?}");
        assert_eq!(used.cpu_ms_per_request_ci95, None, "two rounds are too few");
        assert_eq!(client_proxy_use(&seen(&[9.0]), "none"), None);
    }

    #[test]
    fn intervals_are_over_rounds() {
        let used = client_proxy_use(&seen(&[9.0, 11.0, 9.0, 11.0, 9.0, 11.0, 9.0, 11.0]), "sidecar").unwrap();
        // t(0.975, 7) = 2.365, s / √8 = 0.0378.
        let [low, high] = used.cpu_ms_per_request_ci95.unwrap();
        assert!((low - 0.9106).abs() < 1e-3 && (high - 1.0894).abs() < 1e-3, "{low} {high}");
        let [low, high] = used.cpu_all_proxies_ms_per_request_ci95.unwrap();
        assert!((low - 2.9106).abs() < 1e-3 && (high - 3.0894).abs() < 1e-3, "{low} {high}");
    }
}
