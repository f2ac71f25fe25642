use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sign::WitnessKind;

/// A signal about an application that a mesh or a monitor can provide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests by service, code and peer.
    Requests,
    /// Durations of requests.
    RequestDuration,
    /// Sizes of requests and responses.
    RequestBytes,
    /// TCP connections opened and closed.
    Connections,
    /// TCP payload in both directions.
    TcpBytes,
    /// Round-trip times of connections.
    RoundTripTimes,
    /// Retransmitted segments.
    Retransmits,
    /// Connections that failed to open, and why.
    FailedOpens,
    /// Fill levels of accept queues.
    AcceptQueues,
    /// Packets that the kernel dropped, and why.
    Drops,
    /// UDP datagrams.
    Udp,
    /// DNS queries and their results.
    Dns,
}

impl Signal {
    /// Every signal: first those of Istio's standard metrics, then those of the network below.
    pub const ALL: [Self; 12] = [
        Self::Requests,
        Self::RequestDuration,
        Self::RequestBytes,
        Self::Connections,
        Self::TcpBytes,
        Self::RoundTripTimes,
        Self::Retransmits,
        Self::FailedOpens,
        Self::AcceptQueues,
        Self::Drops,
        Self::Udp,
        Self::Dns,
    ];
}

/// What an arm let its operators see of a signal. A signal that it does not show has no entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// Name of the arm.
    pub arm: String,
    /// The signal.
    pub signal: Signal,
    /// The witness that showed it: `sidecars` or `kernel`.
    pub witness: WitnessKind,
    /// The count that it showed; null if it is not a count.
    pub seen: Option<f64>,
    /// The true count, exactly as the services or the kernel's own totals have it; null if nobody counted.
    pub truth: Option<f64>,
}

impl Sighting {
    /// The shown count over the true count: 1 if nothing was missed. `None` if nobody counted, or if something was
    /// shown although the true count is zero.
    pub fn share(&self) -> Option<f64> {
        match (self.seen?, self.truth?) {
            (seen, truth) if seen == truth => Some(1.0),
            (seen, truth) => (truth > 0.0).then(|| seen / truth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_nothing_is_all() {
        let share = |seen, truth| {
            Sighting { arm: String::new(), signal: Signal::Requests, witness: WitnessKind::Kernel, seen, truth }.share()
        };
        assert_eq!(share(Some(0.0), Some(0.0)), Some(1.0));
        assert_eq!(share(Some(99.0), Some(100.0)), Some(0.99));
        assert_eq!(share(Some(1.0), Some(0.0)), None);
        assert_eq!((share(Some(1.0), None), share(None, None)), (None, None));
    }
}
