//! What CPU, memory and links were used: containers by their control groups, links by their own counters, the machine by
//! `/proc/stat`.
//!
//! In: the control group of each container, a process of each pod. Out: readings between two [`Snapshot`]s. Readers take the root folder under
//! which they look, so that tests can make one. This room never creates, changes or joins a control group, and starts
//! nothing: who calls decides when a snapshot is taken.

mod cgroups;
mod clock;
mod container;
mod interrupts;
mod link;
mod machine;
mod network;
mod quota;
mod snapshot;
mod text;

pub use cgroups::Cgroups;
pub use clock::clock;
pub use container::{ContainerMeter, CpuTime};
pub use interrupts::interrupts_apart;
pub use link::LinkMeter;
pub use machine::{Machine, MachineTime};
pub use network::NetworkTotals;
pub use snapshot::{Snapshot, Used};
pub use text::MeterError;

/// Ticks per second in which the kernel shows CPU time to user space, on every architecture that we run on
/// (`USER_HZ`, include/asm-generic/param.h); the kernel's own tick may differ.
const USER_HZ: f64 = 100.0;
