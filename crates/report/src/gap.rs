use measure::{Metric, ROUNDS_MIN, Subject};

use crate::figure::{count, units};

/// What is missing from a table.
#[derive(Clone, Copy)]
pub(crate) enum Gap {
    /// A figure.
    Figure,
    /// An interval, for want of rounds.
    Interval,
    /// The interval of a maximum.
    Maximum,
}

impl Gap {
    pub(crate) const ALL: [Gap; 3] = [Gap::Figure, Gap::Interval, Gap::Maximum];

    /// What is missing where the effect on a metric has no interval.
    pub(crate) fn of_interval(metric: Metric) -> Gap {
        if metric == Metric::CpuPeakCores { Gap::Maximum } else { Gap::Interval }
    }

    /// What stands in the table.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Gap::Figure => "*",
            Gap::Interval => "†",
            Gap::Maximum => "‡",
        }
    }

    /// What is missing, and why, in such a run.
    pub(crate) fn reason(self, subject: &Subject) -> String {
        let (number, noun) = units(subject);
        match self {
            Gap::Figure => "no figure: too few samples".to_owned(),
            Gap::Interval if (number as usize) < ROUNDS_MIN => {
                format!("no interval: {}, at least {ROUNDS_MIN} are needed", count(number.into(), noun))
            }
            Gap::Interval => {
                format!("no interval: fewer than {ROUNDS_MIN} pairs of rounds or windows have this figure")
            }
            Gap::Maximum => "no interval: a maximum over rounds".to_owned(),
        }
    }
}
