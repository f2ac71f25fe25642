//! The experiment as values: its plan, and what both need of a machine.
//!
//! In: the texts of files. Out: an [`Experiment`], checked once with the place of each mistake, and a [`Plan`] of every
//! block in order. This room opens no file, knows no command line, and asks nothing of the machine.

pub mod bundled;
mod demand;
mod experiment;
mod kind;
mod plan;
mod refusal;
mod yaml;

pub use demand::{Demand, size};
pub use experiment::{
    Amounts, Arm, Experiment, Group, PlannedFault, REQUESTS_MAX, ROUNDS_MAX, ReadText, STANDS_MAX, TopologyFile,
    USERS_MAX, Wanted, foreign_share, margin_share, outline, schema, think_of,
};
pub use kind::{Kind, kind_of};
pub use plan::{Plan, Round, plan};
pub use refusal::Refusal;
pub use yaml::read_yaml;

#[cfg(test)]
mod tests;
