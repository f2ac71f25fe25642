use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::RateStage;

/// When requests are due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Users who ask, read the answer, think, and ask again.
    Closed {
        /// Number of users.
        users: u32,
        /// Pause of a user between the end of a request and the next one.
        think: Think,
        /// Least time between two intended starts of one user. A request that takes longer is followed by the pause alone.
        ///
        /// With a pace that is longer than any request, all arms are asked at the same rate. Without, a slower arm lets
        /// caches and cores cool for longer, which makes it slower still.
        #[serde(default)]
        pace: Duration,
    },
    /// Requests that arrive at a given rate, whatever the server does.
    Open {
        /// How arrivals are spread in time.
        arrivals: Arrivals,
        /// The rate over time. The last stage's rate holds until the load ends.
        stages: Vec<RateStage>,
    },
}

impl Model {
    /// Number of users; none where requests come at a rate.
    pub fn users(&self) -> Option<u32> {
        match self {
            Self::Closed { users, .. } => Some(*users),
            Self::Open { .. } => None,
        }
    }

    /// Requests per second at the end of the first stage; none where users wait for answers.
    pub fn rate_per_s(&self) -> Option<f64> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { stages, .. } => stages.first().map(|stage| stage.to),
        }
    }

    /// Mean pause of a user between two requests; zero where there are no users.
    pub fn think(&self) -> Duration {
        match self {
            Self::Closed { think, .. } => think.mean(),
            Self::Open { .. } => Duration::ZERO,
        }
    }

    /// Least time between two intended starts of one user; zero where there are no users.
    pub fn pace(&self) -> Duration {
        match self {
            Self::Closed { pace, .. } => *pace,
            Self::Open { .. } => Duration::ZERO,
        }
    }
}

/// Pause of a user between two requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Think {
    /// No pause.
    #[default]
    None,
    /// The same pause each time.
    Constant(Duration),
    /// Uniformly distributed between two bounds.
    Uniform {
        /// Lower bound.
        low: Duration,
        /// Upper bound.
        high: Duration,
    },
    /// Exponentially distributed around this mean.
    Exponential(Duration),
}

impl Think {
    /// Mean pause.
    pub fn mean(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Constant(pause) | Self::Exponential(pause) => pause,
            Self::Uniform { low, high } => (low + high) / 2,
        }
    }

    /// A pause than which hardly one is longer: one exponential pause in a thousand million is.
    pub fn longest(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Constant(pause) => pause,
            Self::Uniform { high, .. } => high,
            Self::Exponential(mean) => mean.saturating_mul(21),
        }
    }

    /// Pause for a uniform random number `u`, 0 ≤ `u` < 1.
    pub fn pause(self, u: f64) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Constant(pause) => pause,
            Self::Uniform { low, high } => low + high.saturating_sub(low).mul_f64(u),
            // The inverse of the distribution function; 1 - u is never 0.
            Self::Exponential(mean) => mean.mul_f64(-(1.0 - u).ln()),
        }
    }
}

impl From<Duration> for Think {
    fn from(pause: Duration) -> Self {
        if pause.is_zero() { Self::None } else { Self::Constant(pause) }
    }
}

/// How the arrivals of an open load are spread in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Equally far apart.
    #[default]
    Constant,
    /// A Poisson process: gaps are independent and exponentially distributed.
    Poisson,
}
