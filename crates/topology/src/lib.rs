//! The application as a graph of services, their instances, and what each call does.
//!
//! In: the text of a topology file. Out: a valid [`Topology`], or a [`Mistake`] that gives line, column, what is wrong
//! and what to write instead. This room never opens a file, never reads a clock, and knows neither planes nor grounds.

mod addition;
mod graph;
mod mistake;
mod read;
mod unit;

pub use addition::Addition;
pub use graph::{
    CLIENT, Call, Connections, Endpoint, Metrics, NAMES_RESERVED, PORTS_RESERVED, Pod, Protocol, Restart, Service,
    Step, Topology, Version, Volume, VolumeSource, Work,
};
pub use mistake::Mistake;
pub use read::{Named, nearest, one_of, read_topology, read_yaml};
pub use unit::{Bytes, Share, Span, UnitError};
