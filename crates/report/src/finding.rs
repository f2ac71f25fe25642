use measure::{Effect, Metric};

use crate::interval::{change_of, difference_of};

/// An effect in a few words: `+8.2 % [7.1, 9.3]`, or with its unit if the baseline is zero: `+3.9 ms [3.7, 4.1]`.
pub fn finding(effect: &Effect) -> String {
    let unit = Metric::ALL.into_iter().find(|metric| metric.name() == effect.metric).map_or("", Metric::unit);
    change_of(effect).or_else(|| difference_of(effect, unit)).unwrap_or_else(|| "no figure".to_owned())
}
