//! What is to stand, as values: arms, addresses, limits, probes, faults.
//!
//! In: a topology and planes. Out: values such as an [`ArmPlan`] that a machine room makes true, and who will have which
//! address. This room never says on what an application stands, and starts nothing.

pub mod address;
mod arm;
mod injection;
pub mod kube_proxy;
mod limits;
mod network;
mod periods;
mod rehearsal;
mod workload;

pub use arm::ArmPlan;
pub use injection::{CallPath, Injection};
pub use limits::Limits;
pub use network::Network;
pub use periods::Periods;
pub use rehearsal::{FILES_RESERVED, INSIDE, rehearse, render};
pub use workload::{accounts, destinations, workload};
