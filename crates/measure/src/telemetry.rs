use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sign::WitnessKind;

/// Something about an application that a mesh or a monitor can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests by service, code and peer.
    Requests,
    /// How long requests took.
    RequestDuration,
    /// Sizes of requests and answers.
    RequestBytes,
    /// TCP connections opened and closed.
    Connections,
    /// TCP payload, both ways.
    TcpBytes,
    /// Round-trip times of connections.
    RoundTripTimes,
    /// Segments sent again.
    Retransmits,
    /// Opens that failed, and why.
    FailedOpens,
    /// How full accept queues are.
    AcceptQueues,
    /// Packets that the kernel dropped, and why.
    Drops,
    /// UDP datagrams.
    Udp,
    /// Names that were looked up, and what became of it.
    Dns,
}

impl Signal {
    /// Every signal: what Istio's standard metrics tell, then the network below.
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

/// What an arm let its operators see of a signal; an arm that lets nothing be seen has no entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// Name of the arm.
    pub arm: String,
    /// Of what.
    pub signal: Signal,
    /// Who told it: `sidecars` or `kernel`.
    pub witness: WitnessKind,
    /// How many it told of; null where it is no count.
    pub seen: Option<f64>,
    /// How many there were, as others counted them exactly: the services, or the kernel's own totals; null where nobody
    /// did.
    pub truth: Option<f64>,
}

impl Sighting {
    /// What was seen over what there was: 1 where nothing was missed. None where nobody counted, or there was nothing but
    /// something was seen.
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
