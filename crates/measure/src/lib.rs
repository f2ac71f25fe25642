//! What was seen, as numbers: histograms, observations, and effects with their intervals.
//!
//! In: what load and meters observed, block by block. Out: a [`Measurement`], the stable JSON contract. This room never
//! formats a number for people, never opens a file and never looks at a clock: the same observations give the same bytes.

mod effect;
mod histogram;
mod measurement;
mod observation;

pub use effect::measure;
pub use histogram::{Histogram, HistogramError};
pub use measurement::{
    Arm, Caution, Edge, Effect, Environment, Measurement, Metric, SCHEMA, ServiceCount, Subject, Value,
};
pub use observation::{ContainerUse, LoadBlock, MachineUse, MemorySource, Observations, Phase, Reading};
