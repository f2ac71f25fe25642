//! Reports for people: text, Markdown and HTML.
//!
//! In: a [`measure::Measurement`] or a [`topology::Topology`]. Out: text of 80 columns without colour, Markdown, or
//! HTML, the same for the same input. This room never prints, never opens a file, and computes nothing: statistics are
//! made in `measure`.

mod answer;
mod calibration;
mod caution;
mod client;
mod comparison;
mod edge;
mod element;
mod fault;
mod figure;
mod finding;
mod fortio;
mod gap;
mod gateway;
mod graph;
mod grid;
mod group;
mod held;
mod html;
mod interval;
mod load;
mod markdown;
mod paired;
mod paragraph;
mod pod;
mod program;
mod runs;
mod summary;
mod svg;
mod telemetry;
mod text;
mod truncated;
mod verdict;

pub use answer::answer;
pub use calibration::calibration;
pub use caution::warnings;
pub use fault::fault_name;
pub use finding::finding;
pub use fortio::fortio;
pub use graph::graph;
pub use html::html;
pub use load::{load_csv, load_hgrm, load_text};
pub use markdown::markdown;
pub use runs::{runs, runs_markdown};
pub use summary::summary;
pub use text::text;

#[cfg(test)]
mod tests;
