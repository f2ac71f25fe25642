use std::borrow::Cow;

use crate::interval::mean;
use crate::{Histogram, Metric, Stands};

/// The unit of statistics: a round or, if the lab stood up several times, all rounds of a stand-up.
#[derive(Clone, Copy)]
pub(crate) struct Units(pub(crate) Option<Stands>);

impl Units {
    /// The number of rounds in one unit.
    pub(crate) fn rounds(self) -> u32 {
        self.0.map_or(1, |stands| stands.rounds)
    }

    /// Whether the run shows such a metric only once. The windows and blocks of one stand-up repeat one observation of
    /// it ([`Metric::is_of_a_life`]).
    pub(crate) fn shows_once(self, metric: Metric) -> bool {
        self.0.is_none() && metric.is_of_a_life()
    }

    /// The mean of each unit, from the values of rounds (of idle windows, for a metric of idle time) in ascending
    /// order.
    pub(crate) fn means(self, metric: Metric, values: &[(u32, f64)]) -> Vec<f64> {
        let unit = |(number, _): &(u32, f64)| match self.0 {
            Some(stands) if metric.is_idle() => stands.of_window(*number),
            Some(stands) => stands.of_round(*number),
            None => *number,
        };
        let means = values.chunk_by(|left, right| unit(left) == unit(right)).map(|values| {
            let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
            mean(&values).expect("chunks are not empty")
        });
        means.collect()
    }

    /// The latencies of two arms in each unit, from those of each round in ascending order.
    pub(crate) fn merged<'a>(self, rounds: &[(u32, [&'a Histogram; 2])]) -> Vec<[Cow<'a, Histogram>; 2]> {
        let unit = |round: u32| self.0.map_or(round, |stands| stands.of_round(round));
        let units = rounds.chunk_by(|(left, _), (right, _)| unit(*left) == unit(*right));
        units.map(|rounds| [0, 1].map(|side| merge(rounds.iter().map(|(_, pair)| pair[side])))).collect()
    }
}

/// All histograms merged; a single one is borrowed.
fn merge<'a>(mut histograms: impl Iterator<Item = &'a Histogram>) -> Cow<'a, Histogram> {
    let mut merged = Cow::Borrowed(histograms.next().expect("a unit has a round"));
    histograms.for_each(|histogram| merged.to_mut().merge(histogram));
    merged
}

#[cfg(test)]
mod tests;
