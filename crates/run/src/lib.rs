//! The run: phases over an application that stands, arm beside arm.
//!
//! In: an [`Assignment`] (experiment, plan, folder), a [`Ground`] and somebody to tell of progress. Out: an [`Outcome`] with
//! all that was seen, also where the run ended early. This room knows ground, load, meters and witnesses by traits only; it
//! never prints, never judges, and does not know on what an application stands.

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
