//! What runs in a pod: the simulated microservice, which performs the scripts of a topology's endpoints, and the agent
//! beside a sidecar.
//!
//! In: a topology, the name of a pod, and orders, one a line. Out: answers to whoever asks over the network, and one
//! line of JSON for each order, among them the [`Counts`] of all that was received, sent, burned and waited for. This
//! room never touches standard input or output, arguments or environment, and never knows which plane it stands behind.
//!
//! A call that fails is counted and the script goes on, as Bookinfo's pages do without their reviews: the failure of one
//! service must show on its own edge, not multiply on the way back to the client.

mod background;
mod ballast;
mod burn;
mod counts;
mod edge;
mod endpoint;
mod in_flight;
mod instance;
mod line;
mod listen;
mod network;
mod order;
mod pilot;
mod serve;
mod tally;
mod wait;

pub use counts::{CallCount, Counts, EndpointCount};
pub use pilot::{AppMetrics, Pilot, RewrittenCheck, spent_for_probe};
pub use serve::{ServeError, serve};

#[cfg(test)]
mod tests;
