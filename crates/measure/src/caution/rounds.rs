use std::collections::BTreeSet;

use super::{CautionKind, Run};
use crate::interval::{ROUNDS_EXACT, ROUNDS_MIN};
use crate::{Caution, Metric, samples_needed};

/// Rounds that at least one arm completed, and rounds that all arms completed.
fn rounds(run: &Run) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let sets: Vec<BTreeSet<u32>> = run.arms.iter().map(|arm| arm.seen.rounds().collect()).collect();
    let some = sets.iter().flatten().copied().collect();
    let all = sets.into_iter().reduce(|left, right| &left & &right).unwrap_or_default();
    (some, all)
}

pub(super) fn few_rounds(run: &Run) -> Vec<Caution> {
    let complete = rounds(run).1;
    if let Some(stands) = run.observations.stands {
        return few_stands(complete.into_iter().map(|round| stands.of_round(round)).collect());
    }
    let count = complete.len();
    let means = match count {
        0..ROUNDS_MIN => format!("intervals need {ROUNDS_MIN}, so there are none and any difference may be chance"),
        ROUNDS_MIN..ROUNDS_EXACT => format!("below {ROUNDS_EXACT} the intervals are approximate"),
        _ => return Vec::new(),
    };
    let seen = if count == 1 { "1 round was".to_owned() } else { format!("{count} rounds were") };
    let text = format!("{seen} completed by all arms: {means}; try `--rounds {ROUNDS_EXACT}` or more");
    vec![CautionKind::FewRounds.caution(text)]
}

/// Warns about few stand-ups. If the lab stood up several times, intervals are over stand-ups.
fn few_stands(stands: BTreeSet<u32>) -> Vec<Caution> {
    let count = stands.len();
    let means = match count {
        0..ROUNDS_MIN => format!("intervals need {ROUNDS_MIN}, so there are none and any difference may be chance"),
        ROUNDS_MIN..ROUNDS_EXACT => format!("below {ROUNDS_EXACT} the intervals are approximate"),
        _ => return Vec::new(),
    };
    let text = format!("the lab stood up {count} times: {means}; try `stands: {ROUNDS_EXACT}` or more");
    vec![CautionKind::FewRounds.caution(text)]
}

pub(super) fn unpaired_rounds(run: &Run) -> Vec<Caution> {
    let (some, all) = rounds(run);
    let unpaired = some.len() - all.len();
    if unpaired == 0 {
        return Vec::new();
    }
    vec![CautionKind::UnpairedRounds.caution(format!(
        "{unpaired} of {} rounds lack a block of some arm: the arms' own totals cover different rounds, and only \
         effects compare like with like;  let the run end by itself",
        some.len()
    ))]
}

pub(super) fn few_requests(run: &Run) -> Vec<Caution> {
    let Some(fewest) = run.arms.iter().map(|arm| arm.latency.count()).min() else { return Vec::new() };
    let quantiles =
        Metric::ALL.into_iter().filter_map(|metric| Some((metric.name(), samples_needed(metric.quantile()?))));
    let (missing, needed): (Vec<&str>, Vec<u64>) = quantiles.filter(|(_, needed)| fewest < *needed).unzip();
    let Some(most) = needed.into_iter().max() else { return Vec::new() };
    vec![CautionKind::FewRequests.caution(format!(
        "an arm has only {fewest} answered requests: too few for {}, which would rest on a handful of outliers; try \
         `--requests {most}` or more",
        missing.join(", ")
    ))]
}
