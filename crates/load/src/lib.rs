//! What is asked: requests on a schedule, and what became of them.
//!
//! In: a load such as [`Sequential`]. Out: a [`BlockLoad`], counts and histograms of one block. The schedule is pure
//! and says when a request is due, the driver waits and keeps the books, the protocol (HTTP/1.1) asks and reads.
//! This room never retries a failed request, never counts an error as a latency, and does not know that a plane exists.

mod answer;
mod block;
mod http1;
mod inflow;
mod outcome;
mod pace;
mod schedule;
mod sequential;
mod serve;
mod standstill;
mod target;

pub use block::{BlockLoad, SEQUENCE_MAX};
pub use outcome::Outcome;
pub use sequential::{Client, Connection, Sequential};
pub use serve::{Order, ServeError, serve};
pub use target::{Target, TargetError};

#[cfg(test)]
mod tests;
