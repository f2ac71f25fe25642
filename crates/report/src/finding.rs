use measure::{Effect, Metric};

use crate::figure::{change, difference};

/// An effect in a few words: `+8.2 % [7.1, 9.3]`; with its unit where the baseline is zero: `+3.9 ms [3.7, 4.1]`.
pub fn finding(effect: &Effect) -> String {
    let unit = Metric::ALL.into_iter().find(|metric| metric.name() == effect.metric).map_or("", Metric::unit);
    match (effect.ratio, effect.difference) {
        (Some(ratio), _) => change(ratio, effect.ratio_ci95),
        (None, Some(amount)) => difference(amount, effect.difference_ci95, unit),
        (None, None) => "no figure".to_owned(),
    }
}
