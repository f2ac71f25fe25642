//! Observations of a run as numbers: histograms, observations, and effects with their intervals.
//!
//! In: what load generator and meters observed, block by block. Out: a [`Measurement`], the stable JSON contract. This
//! room never formats a number for people, except in the sentence of a [`Caution`]. It never opens a file or reads a
//! clock: the same observations give the same bytes.
//!
//! # Where figures come from
//!
//! The unit of statistics is the stand-up, or the round if there is only one stand-up (`unit.rs`). Rounds pair the arms.
//! Memory and figures at rest are observed once in a stand-up, so they have no interval within one. `estimate.rs` has the
//! intervals and their sources, and `series.rs` the values behind each metric. [`Arm::client_proxy`] and
//! [`Arm::programs`] are in no total.
//!
//! The null arm is a copy of the baseline ([`Measurement::null`]). `recovery.rs` looks for the known costs of a
//! calibration. [`FaultKind::is_named_by`] says which sign names which fault.

mod caution;
mod client;
mod comparison;
mod curve;
mod distribution;
mod effect;
mod estimate;
mod facts;
mod fail_if;
mod fault;
mod gateway;
mod held;
mod histogram;
mod interval;
mod left_out;
mod load_result;
mod measurement;
mod metric;
mod observation;
mod pool;
mod program;
mod rank;
mod recovery;
mod samples;
mod seconds;
mod series;
mod sidecar;
mod sign;
mod tally;
mod telemetry;
mod threshold;
mod truncated;
mod unit;
mod until;
mod verdict;
mod veto;

pub use caution::{CautionKind, cautions, noise};
pub use client::{ClientProxyUse, client_proxy_use};
pub use comparison::{Aspect, COMPARISON_SCHEMA, Comparison, Difference, Ended, Failures, compare};
pub use curve::{ArmCurves, Curves, Quantile, Stretch, curves};
pub use distribution::{Bucket, Distribution, distribution};
pub use effect::{Measured, NULL_ARM, Options, measure};
pub use facts::{
    CallLatency, ClockFacts, ConnectionUse, DeclaredFailures, Facts, FailingCalls, HeldFacts, ProgramFacts,
    RestartFacts, SidecarFacts, UnlimitedFacts,
};
pub use fail_if::{FailIf, Finding, Scope};
pub use fault::{Clue, FaultKind, FaultTrial};
pub use gateway::{GATEWAY, GatewayUse, gateway_use};
pub use held::{HeldUse, held_use};
pub use histogram::{Histogram, HistogramError, PercentileStep, samples_needed};
pub use interval::{ROUNDS_EXACT, ROUNDS_MIN};
pub use left_out::{LeftOut, Reason};
pub use load_result::{LOAD_SCHEMA, LoadHistograms, LoadResult, LoadSubject, load_metrics};
pub use measurement::{
    Arm, Caution, Edge, Effect, Environment, Measurement, Null, Recorded, Recovery, SCHEMA, SCHEMAS_READ, ServiceCount,
    Subject, Value, Verdict,
};
pub use metric::Metric;
pub use observation::{
    ContainerUse, LinkUse, LoadBlock, MachineUse, MemorySource, NODE, Observations, Phase, Reading, Stands,
};
pub use program::{ProgramUse, program_use};
pub use recovery::recover;
pub use samples::{SEQUENCE_MAX, Samples};
pub use seconds::{LoadSecond, SecondTally, Seconds};
pub use sidecar::{SidecarUse, sidecar_use};
pub use sign::{Sign, SignError, WitnessKind};
pub use tally::{LoadTally, WireBytes};
pub use telemetry::{Sighting, Signal};
pub use threshold::{ThresholdError, Until};
pub use truncated::{Truncated, TruncatedArm, truncated};
pub use until::is_reached;

// The simulated machine uses this crate by its name, as benchmarks do.
#[cfg(test)]
extern crate self as measure;
#[cfg(test)]
#[path = "../benches/coverage/machine.rs"]
mod machine;
#[cfg(test)]
mod tests;
