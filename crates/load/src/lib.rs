//! What is asked: requests on a schedule, and what became of them.
//!
//! In: a [`traffic::Load`]. Out: [`measure::Samples`], counts and histograms of one block. The schedule is pure and says when
//! a request is due, the driver waits and keeps the books, the connection (HTTP/1.1) asks and reads.
//! This room never retries a failed request, never counts an error as a latency, and does not know that a plane exists.

mod answer;
mod books;
mod client;
mod connection;
mod crew;
mod driver;
mod endpoint;
mod exchange;
mod outcome;
mod pace;
mod pool;
mod schedule;
mod serve;
mod standstill;

pub use client::Client;
pub use crew::Crew;
pub use outcome::RequestOutcome;
pub use serve::{ServeError, serve};

#[cfg(test)]
mod tests;
