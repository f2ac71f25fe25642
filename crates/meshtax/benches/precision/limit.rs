//! What limits the width of intervals, and how close effects are to the truth.

use measure::Metric;

use crate::run::Run;
use crate::{BLOCKS_S, METRICS, table};

/// The quantile of a two-sided 95 % interval of a normal distribution, in standard errors.
const NORMAL_95: f64 = 1.96;

/// Computes the relative standard error of an arm's figure from its requests, block by block.
type Error = fn(&[&[u64]]) -> f64;

/// Prints the limits for runs of the baseline beside its copy, the shortest blocks first.
pub fn tell(copies: &[Run]) {
    println!();
    requests(&copies[0], Metric::LatencyMsP50, median_error);
    requests(&copies[0], Metric::LatencyMsMean, mean_error);
    METRICS.into_iter().enumerate().for_each(|(n, metric)| stand_ups(copies, n, metric));
    let machines = copies.iter().flat_map(|run| &run.seen().meters).map(|reading| reading.machine);
    let (stolen_s, capacity_s) =
        machines.fold((0.0, 0.0), |sums, machine| (sums.0 + machine.steal_s, sums.1 + machine.capacity_s));
    println!("hypervisor: took {:.2} % of the processors' time", stolen_s / capacity_s * 100.0);
}

/// Prints how wide the interval would be if requests varied independently, without slow blocks.
fn requests(shortest: &Run, metric: Metric, error: Error) {
    let paired = shortest.paired();
    let seen = paired.iter().find(|effect| effect.metric == metric.name()).and_then(table::half_width);
    let Some(seen) = seen else { return };
    let alone = shortest.sequences().iter().map(|blocks| error(blocks)).fold(0.0, f64::hypot) * NORMAL_95 * 100.0;
    println!(
        "requests, {}: varying independently they would give ± {alone:.2} %, {:.0} % of the variance with blocks of {} s",
        metric.name(),
        (alone / seen).powi(2) * 100.0,
        BLOCKS_S[0]
    );
}

/// The standard deviation of requests about their blocks' means, over the square root of their number.
fn mean_error(blocks: &[&[u64]]) -> f64 {
    let (mut squares, mut sum, mut count) = (0.0, 0.0, 0.0);
    for block in blocks {
        let of_block: f64 = block.iter().map(|ns| *ns as f64).sum();
        let mean = of_block / block.len() as f64;
        squares += block.iter().map(|ns| (*ns as f64 - mean).powi(2)).sum::<f64>();
        sum += of_block;
        count += block.len() as f64;
    }
    let freedom = count - blocks.len() as f64;
    (squares / freedom / count).sqrt() / (sum / count)
}

/// Half the distance between the values whose ranks are one standard deviation from the median's: R. S. Woodruff,
/// "Confidence intervals for medians and other position measures", Journal of the American Statistical Association 47
/// (1952).
fn median_error(blocks: &[&[u64]]) -> f64 {
    let mut all: Vec<u64> = blocks.iter().flat_map(|block| block.iter().copied()).collect();
    all.sort_unstable();
    let (middle, step) = (all.len() / 2, (all.len() as f64).sqrt() / 2.0);
    let at = |rank: f64| all[(rank.max(0.0) as usize).min(all.len() - 1)] as f64;
    (at(middle as f64 + step) - at(middle as f64 - step)) / 2.0 / all[middle] as f64
}

/// Prints how far the effects of several stand-ups are from the truth, beside what their intervals allow. The rest is a
/// difference between processes that lasts for their lives.
fn stand_ups(copies: &[Run], n: usize, metric: Metric) {
    let effects = copies.iter().map(|run| run.paired().swap_remove(n));
    let told = effects.filter_map(|effect| Some([effect.ratio?.ln() * 100.0, table::half_width(&effect)? / NORMAL_95]));
    let told: Vec<[f64; 2]> = told.collect();
    let root_mean_square =
        |part: usize| (told.iter().map(|one| one[part].powi(2)).sum::<f64>() / told.len() as f64).sqrt();
    println!(
        "stand-ups, {}: {} copies were off by {:.2} % (root mean square), where intervals allow for {:.2} %",
        metric.name(),
        told.len(),
        root_mean_square(0),
        root_mean_square(1)
    );
}
