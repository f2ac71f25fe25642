//! What was seen, as numbers: histograms, observations, and effects with their intervals.
//!
//! In: what load and meters observed, block by block. Out: a [`Measurement`], the stable JSON contract. This room never
//! formats a number for people, except in the sentence of a [`Caution`]; it never opens a file and never looks at a
//! clock: the same observations give the same bytes.

mod caution;
mod effect;
mod histogram;
mod interval;
mod measurement;
mod metric;
mod observation;
mod series;

pub use caution::cautions;
pub use effect::measure;
pub use histogram::{Histogram, HistogramError, samples_needed};
pub use interval::{ROUNDS_EXACT, ROUNDS_MIN};
pub use measurement::{
    Arm, Caution, Edge, Effect, Environment, Measurement, Null, SCHEMA, ServiceCount, Subject, Value, Verdict,
};
pub use metric::Metric;
pub use observation::{ContainerUse, LoadBlock, MachineUse, MemorySource, Observations, Phase, Reading};

#[cfg(test)]
mod tests;
