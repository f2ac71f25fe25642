use std::time::Duration;

use measure::ConnectionUse;
use serde::{Deserialize, Serialize};

use crate::{ArrivalCurve, Model, RateStage, Request};

/// Most requests under way or waiting for a connection, unless a load says otherwise.
pub const IN_FLIGHT_MAX: u64 = 100_000;

/// What one load generator does in one block: which requests, when, over how many connections, and when it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The request that every user makes.
    pub request: Request,
    /// When requests are due.
    pub model: Model,
    /// The block ends after this many requests; `None` means that only `time` ends it.
    pub requests: Option<u64>,
    /// No request is due later than this after the start; `None` means that only `requests` ends the block.
    #[serde(default)]
    pub time: Option<Duration>,
    /// Connections that are open at once, at most.
    #[serde(default = "one")]
    pub connections: u32,
    /// How requests share connections.
    pub connection: ConnectionUse,
    /// Simulated distance of the client: a wait of one round trip before each request, and of another before each
    /// connection. Packets themselves do not travel longer.
    #[serde(default)]
    pub round_trip: Duration,
    /// A request has failed when its answer is not complete this long after the request was dispatched.
    pub timeout: Duration,
    /// A request that is due while this many are under way or waiting is dropped and counted.
    #[serde(default = "in_flight_max")]
    pub in_flight_max: u64,
    /// Seed of think times and arrivals. The same seed gives the same schedule.
    #[serde(default)]
    pub seed: u64,
}

impl Load {
    /// The same load, ended after this many requests.
    #[must_use]
    pub fn of(&self, requests: u64) -> Load {
        Load { requests: Some(requests), ..self.clone() }
    }

    /// Time that the block is expected to take where an answer comes after `answer`.
    pub fn expected(&self, answer: Duration) -> Duration {
        let requests = u32::try_from(self.requests.unwrap_or(u64::MAX)).unwrap_or(u32::MAX);
        let all = match &self.model {
            Model::Closed { users, think, pace } => {
                let each = answer.saturating_add(self.round_trip * 2).saturating_add(think.mean());
                each.max(*pace).saturating_mul(requests.div_ceil(*users))
            }
            Model::Open { stages, .. } => arrival(stages, requests),
        };
        all.min(self.time.unwrap_or(Duration::MAX))
    }

    /// Time within which the block ends, however slow the server is.
    pub fn longest(&self) -> Duration {
        let requests = u32::try_from(self.requests.unwrap_or(u64::MAX)).unwrap_or(u32::MAX);
        let all = match &self.model {
            Model::Closed { users, think, pace } => {
                let each = (self.timeout.saturating_add(think.longest())).max(*pace);
                each.saturating_mul(requests.div_ceil(*users))
            }
            Model::Open { stages, .. } => arrival(stages, requests),
        };
        all.min(self.time.unwrap_or(Duration::MAX)).saturating_add(self.timeout)
    }
}

/// When the n-th request of a rate is due, after the start; the longest time if never.
fn arrival(stages: &[RateStage], n: u32) -> Duration {
    let time_s = ArrivalCurve::new(stages.to_vec()).time_s(f64::from(n));
    time_s.and_then(|time_s| Duration::try_from_secs_f64(time_s).ok()).unwrap_or(Duration::MAX)
}

fn one() -> u32 {
    1
}

fn in_flight_max() -> u64 {
    IN_FLIGHT_MAX
}
