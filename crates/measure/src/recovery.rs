use crate::{Arm, Effect, Metric, Recovery};

/// Compares the effect of a known cost with what the services recorded of it. [`Metric::LatencyMsMean`] (waits),
/// [`Metric::CpuMsPerRequest`] (computing) and [`Metric::WireBytesPerRequest`] (responses) have a record. Returns
/// `None` for other metrics, and if an arm has no record.
pub fn recover(arms: &[Arm], effects: &[Effect], arm: &str, metric: Metric) -> Option<Recovery> {
    let recorded = |arm: &Arm| {
        let recorded = arm.recorded.as_ref()?;
        match metric {
            Metric::LatencyMsMean => Some(recorded.wait_ms_per_request),
            Metric::CpuMsPerRequest => Some(recorded.cpu_ms_per_request),
            Metric::WireBytesPerRequest => Some(recorded.answer_bytes_per_request),
            _ => None,
        }
    };
    let truth = recorded(arms.iter().find(|known| known.name == arm)?)? - recorded(arms.first()?)?;
    let effect = effects.iter().find(|effect| effect.arm == arm && effect.metric == metric.name())?;
    Some(Recovery {
        arm: arm.to_owned(),
        metric: metric.name().to_owned(),
        truth,
        difference: effect.difference,
        difference_ci95: effect.difference_ci95,
        inside: effect.difference_ci95.map(|[low, high]| (low..=high).contains(&truth)),
        units: effect.units,
    })
}
