use measure::{Arm, Effect, Metric};

use crate::figure::{change, difference, figure};
use crate::paragraph::{glued, paragraph};

/// The figures that are also given without the set memory and CPU time, and their names.
const TOLD: [(Metric, &str); 4] = [
    (Metric::MemoryIdleMib, "memory at rest, fresh"),
    (Metric::MemoryIdleWarmMib, "warm"),
    (Metric::MemoryLoadedMib, "loaded"),
    (Metric::CpuMsPerRequest, "CPU per request"),
];

/// A part of our sidecars that can only be compared with Istio's own build of Envoy, and how large it is.
const UNVERIFIED: &str = "not verified: what sidecars take for `telemetry` and `metadata`, which stand for filters that only Istio's \
                          own Envoy has; with both, proxies took 22\u{a0}% more CPU than with neither, and p50 was 19\u{a0}% \
                          longer (30 November 2026, `experiments/fidelity.yaml`)";

/// How the arms' sidecars differ from Istio's: one paragraph about what each holds and spins only to match Istio's, and
/// one about what is not verified. Empty without sidecars.
pub(crate) fn held(arms: &[Arm]) -> String {
    let told = |arm: &Arm| {
        let held = arm.held.as_ref()?;
        let without = TOLD.iter().filter_map(|(metric, name)| {
            let effect = held.without.iter().find(|effect| effect.metric == metric.name())?;
            Some(format!("{name} {}", glued(&size(effect, *metric)?)))
        });
        let without: Vec<String> = without.collect();
        let cpu = difference(held.cpu_ms_per_request, None, "ms");
        Some(paragraph(
            &format!(
                "arm `{}`: {} of each proxy's memory and {} of CPU time per request are set, so that the agent beside Envoy \
                 takes what Istio's was measured to take; without them: {}",
                arm.name,
                glued(&format!("{} MiB", figure(held.memory_mib_per_proxy, "MiB"))),
                glued(cpu.trim_start_matches('+')),
                without.join(", "),
            ),
            2,
        ))
    };
    let told: String = arms.iter().filter_map(told).collect();
    if told.is_empty() { told } else { told + &paragraph(UNVERIFIED, 2) }
}

/// What is not verified about sidecars, where an arm has some.
pub(crate) fn unverified(arms: &[Arm]) -> Option<&'static str> {
    arms.iter().any(|arm| arm.held.is_some()).then_some(UNVERIFIED)
}

/// A ratio, or a difference where the baseline has nothing.
fn size(effect: &Effect, metric: Metric) -> Option<String> {
    let ratio = effect.ratio.map(|ratio| change(ratio, effect.ratio_ci95));
    ratio.or_else(|| Some(difference(effect.difference?, effect.difference_ci95, metric.unit())))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use measure::HeldUse;

    use super::*;
    use crate::tests::run::{NONE, SIDECAR, run};

    #[test]
    fn what_is_set_is_told_with_the_ratios_without_it() {
        let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
        assert_eq!(held(&run.arms), "");
        let effect = |metric: Metric, ratio: f64| Effect {
            arm: "sidecar".to_owned(),
            metric: metric.name().to_owned(),
            ratio: Some(ratio),
            ratio_ci95: Some([ratio - 0.01, ratio + 0.01]),
            ..Effect::default()
        };
        run.arms[1].held = Some(HeldUse {
            memory_mib_per_proxy: 10.05,
            cpu_ms_per_request: 0.0021,
            without: vec![effect(Metric::MemoryIdleMib, 1.48), effect(Metric::CpuMsPerRequest, 2.1)],
        });
        assert_snapshot!(held(&run.arms), @"
        arm `sidecar`: 10.1 MiB of each proxy's memory and 0.00210 ms of CPU time per
          request are set, so that the agent beside Envoy takes what Istio's was
          measured to take; without them: memory at rest, fresh +48.0 % [47.0, 49.0],
          CPU per request +110 % [109, 111]
        not verified: what sidecars take for `telemetry` and `metadata`, which stand for
          filters that only Istio's own Envoy has; with both, proxies took 22 % more CPU
          than with neither, and p50 was 19 % longer (30 November 2026,
          `experiments/fidelity.yaml`)
        ");
    }
}
