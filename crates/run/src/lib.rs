//! The run: phases over an application that stands, arm beside arm.
//!
//! In: an [`Assignment`] (experiment, plan, folder), a [`Ground`] and somebody to tell of progress. Out: an [`Outcome`] with
//! all that was seen, also where the run ended early. This room knows ground, load, meters and witnesses by traits only; it
//! never prints, never judges, and does not know on what an application stands.
//!
//! # How a run goes
//!
//! Meters are read at the edges of a block. Before the second reading every simulated service has said that nothing is in
//! flight (`settle`), so background work is charged to the block that caused it. Idle windows cover all arms at once,
//! before the first request and again after the warm-up.
//!
//! The kernel witness is loaded once for each stand-up, for the network namespaces of the watched arms only. It is
//! attached during their blocks, so sockets of other arms cost nothing extra. What the programs cost falls on the tasks
//! in which they run, and so on the control groups of the watched arm.
//!
//! Where an arm is watched, or connections are kept, each block begins with five requests that count in no figure.
//! Attaching patches the kernel, and a kept connection must be open.
//!
//! After the rounds of the first stand-up, `phase/timing.rs` times the programs on separate requests, because timing
//! costs time. `phase/faults.rs` then makes the faults, so no figure contains them, and reads every witness in turn under
//! load. `telemetry.rs` compares what sidecars and witnesses reported with exact counts.
//!
//! An experiment with `groups:` is one run for each group. The run folder keeps each stage's files, with whole histograms.

mod asked;
mod assignment;
mod counted;
mod course;
mod failed_warm_up;
mod folder;
mod ground;
mod interrupted;
mod kernel_witness;
mod measurement;
mod meters;
mod node;
mod pace;
mod phase;
mod probing;
mod progress;
mod seen;
mod sight;
mod standing;
mod stands;
mod tally;
mod telemetry;

pub use assignment::Assignment;
pub use counted::{Called, Counted};
pub use failed_warm_up::FailedWarmUp;
pub use folder::{FolderError, RunFolder};
pub use ground::{Ground, Parting, Stand};
pub use interrupted::Interrupted;
pub use kernel_witness::{KernelSigns, KernelWitness, ProgramTime};
pub use measurement::{Completeness, measurement};
pub use meters::{Meters, Window};
pub use node::Node;
pub use probing::{ChecksByArm, HealthChecks};
pub use progress::{Progress, spoken};
pub use seen::Seen;
pub use sight::{KernelTotals, PacketCounts, TcpCounts, Watched};
pub use stands::{Outcome, Timing, perform};

#[cfg(test)]
mod tests;
