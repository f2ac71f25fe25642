//! What people read.
//!
//! In: a [`measure::Measurement`] or a [`topology::Topology`]. Out: text of 80 columns without colour, the same for the
//! same input. This room never prints, never opens a file, and computes nothing: statistics are made in `measure`.

mod answer;
mod comparison;
mod edge;
mod figure;
mod gap;
mod graph;
mod grid;
mod paragraph;
mod pod;
mod text;

pub use answer::answer;
pub use graph::graph;
pub use text::text;

#[cfg(test)]
mod tests;
