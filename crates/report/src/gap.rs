use measure::{Effect, Metric, ROUNDS_MIN, Subject};

use crate::figure::{count, units};

/// Why memory and figures at rest have no interval.
pub(crate) const ONE_STAND: &str = "no interval: one stand-up shows memory and rest once";

/// A missing part of a table's cell.
#[derive(Clone, Copy)]
pub(crate) enum MissingCell {
    /// The figure.
    Figure,
    /// The interval, for lack of rounds.
    Interval,
    /// The interval of a maximum.
    Maximum,
    /// The interval of memory or of a figure at rest, with a single stand-up.
    OneStand,
}

impl MissingCell {
    pub(crate) const ALL: [MissingCell; 4] =
        [MissingCell::Figure, MissingCell::Interval, MissingCell::Maximum, MissingCell::OneStand];
    /// The marks of all of them in tables.
    pub(crate) const MARKS: [char; 4] = ['*', '†', '‡', '§'];

    /// The missing part if the effect on a metric has no interval.
    pub(crate) fn of_interval(effect: &Effect, metric: Metric) -> MissingCell {
        match metric {
            Metric::CpuPeakCores => MissingCell::Maximum,
            _ if metric.is_of_a_life() && effect.units == Some(1) => MissingCell::OneStand,
            _ => MissingCell::Interval,
        }
    }

    /// The mark in the table.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            MissingCell::Figure => "*",
            MissingCell::Interval => "†",
            MissingCell::Maximum => "‡",
            MissingCell::OneStand => "§",
        }
    }

    /// Says what is missing in such a run, and why.
    pub(crate) fn reason(self, subject: &Subject) -> String {
        let (number, noun) = units(subject);
        match self {
            MissingCell::Figure => "no figure: too few samples".to_owned(),
            MissingCell::Interval if (number as usize) < ROUNDS_MIN => {
                format!("no interval: {}, at least {ROUNDS_MIN} are needed", count(number.into(), noun))
            }
            MissingCell::Interval => {
                format!("no interval: fewer than {ROUNDS_MIN} pairs of rounds or windows have this figure")
            }
            MissingCell::Maximum => "no interval: a maximum over rounds".to_owned(),
            MissingCell::OneStand => ONE_STAND.to_owned(),
        }
    }
}
