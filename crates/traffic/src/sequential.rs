use std::time::Duration;

use measure::ConnectionUse;
use serde::{Deserialize, Serialize};

use crate::Target;

/// One client that asks, reads, thinks, and asks again.
///
/// With a pace that is longer than any request, all arms are asked at the same rate, and so whatever they do happens
/// equally long after they did it last. Without, a slower arm lets caches and cores cool for longer, which makes it
/// slower still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequential {
    /// What is asked for.
    pub target: Target,
    /// Requests in the block.
    pub requests: u64,
    /// Pause between the end of a request and the next intended start.
    pub think: Duration,
    /// Least time between two intended starts; a request that takes longer is followed after the pause alone.
    pub pace: Duration,
    /// How requests share connections.
    pub connection: ConnectionUse,
    /// How far away the client is: one round trip is waited before each request, and another before each connection. Packets
    /// do not travel longer for it.
    #[serde(default)]
    pub round_trip: Duration,
    /// After this long, from its actual start, a request has failed.
    pub timeout: Duration,
}
