use std::collections::{BTreeMap, BTreeSet};

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{CautionKind, LEVEL, Run, Witnessed};
use crate::Caution;

/// A pod's requests may deviate from its share by this much, relative to the share.
const DEVIATION_MAX: f64 = 0.05;

/// With fewer expected requests in a cell, the χ² limit does not hold (Cochran, "Some methods for strengthening the
/// common χ² tests", Biometrics 10 (1954)).
const EXPECTED_MIN: f64 = 5.0;

/// Warns about services whose pods received other numbers of requests, per request of the load, than in other arms.
///
/// Pearson's χ² test of homogeneity for each service, arms by pods, with expectations in proportion to each arm's load.
/// Requests in turn and fixed numbers of calls vary less than the Poisson counts that the test assumes, so false alarms
/// are rare. Calls in bursts vary more, so a deviation below a twentieth is never flagged.
pub(super) fn request_mix(run: &Run) -> Vec<Caution> {
    let arms: Vec<&Witnessed> = run.arms.iter().filter(|arm| arm.told.is_some() && arm.requests() > 0).collect();
    let services: BTreeSet<&str> =
        arms.iter().flat_map(|arm| received(arm).into_keys()).map(|(service, _)| service).collect();
    let level = LEVEL / services.len().max(1) as f64;
    services.into_iter().filter_map(|service| uneven(&arms, service, level)).collect()
}

/// Number of received requests, by service and pod.
fn received<'a>(arm: &Witnessed<'a>) -> BTreeMap<(&'a str, &'a str), u64> {
    let counts = arm.told.iter().flat_map(|told| &told.services);
    counts.map(|count| ((&*count.service, &*count.pod), count.requests)).collect()
}

/// The requests that a pod of an arm received, and those expected.
struct Cell<'a> {
    arm: &'a str,
    pod: &'a str,
    received: f64,
    expected: f64,
}

fn uneven(arms: &[&Witnessed], service: &str, level: f64) -> Option<Caution> {
    let cells = cells(arms, service);
    let pods = cells.iter().map(|cell| cell.pod).collect::<BTreeSet<_>>().len();
    let squares: f64 = cells.iter().map(|cell| (cell.received - cell.expected).powi(2) / cell.expected).sum();
    let freedom = (pods * (arms.len() - 1)) as f64;
    let p = ChiSquared::new(freedom).ok()?.sf(squares);
    let deviation = |cell: &Cell| (cell.received / cell.expected - 1.0).abs();
    let worst = cells.iter().max_by(|left, right| deviation(left).total_cmp(&deviation(right)))?;
    if p >= level || deviation(worst) <= DEVIATION_MAX {
        return None;
    }
    let text = format!(
        "pod `{}` of service `{service}` received {} requests in arm `{}`, where the other arms' mix predicts {:.0} (χ² \
         test): arms did different work, which may be part of the effect; check retries and load balancing, or try more \
         requests",
        worst.pod, worst.received, worst.arm, worst.expected
    );
    Some(CautionKind::RequestMix.caution(text).about([worst.arm]))
}

/// Cells of the service's pods with enough expected requests in every arm.
fn cells<'a>(arms: &[&Witnessed<'a>], service: &str) -> Vec<Cell<'a>> {
    let load: u64 = arms.iter().map(|arm| arm.requests()).sum();
    let by_arm: Vec<_> =
        arms.iter().map(|arm| (arm.name, received(arm), arm.requests() as f64 / load as f64)).collect();
    let pods: BTreeSet<&str> = by_arm
        .iter()
        .flat_map(|(_, counts, _)| counts.keys())
        .filter(|key| key.0 == service)
        .map(|key| key.1)
        .collect();
    let mut cells = Vec::new();
    for pod in pods {
        let of_pod = |counts: &BTreeMap<(&str, &str), u64>| counts.get(&(service, pod)).copied().unwrap_or(0) as f64;
        let total: f64 = by_arm.iter().map(|(_, counts, _)| of_pod(counts)).sum();
        if by_arm.iter().all(|(_, _, share)| total * share >= EXPECTED_MIN) {
            let cell = |(arm, counts, share): &(&'a str, BTreeMap<_, _>, f64)| Cell {
                arm,
                pod,
                received: of_pod(counts),
                expected: total * share,
            };
            cells.extend(by_arm.iter().map(cell));
        }
    }
    cells
}
