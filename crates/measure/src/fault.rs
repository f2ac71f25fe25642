use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sign::{Sign, WitnessKind};

/// How an edge between two services is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Packets are lost.
    Loss,
    /// Connections are reset.
    Reset,
    /// The name does not exist.
    Name,
    /// Nobody accepts connections, and the accept queue has almost no room.
    AcceptQueue,
}

impl FaultKind {
    /// Whether this sign names the cause. Other signs only show that something is wrong.
    pub fn is_named_by(self, sign: &Sign) -> bool {
        match (self, sign) {
            // Envoy: upstream connection termination, upstream remote reset, downstream connection termination.
            (Self::Reset, Sign::ResponseFlag(flag)) => ["UC", "UR", "DC"].contains(&flag.as_str()),
            (Self::Loss, Sign::Retransmits)
            | (Self::Reset, Sign::Resets)
            | (Self::Name, Sign::Nxdomain)
            | (Self::AcceptQueue, Sign::FullAcceptQueues | Sign::ListenDrops) => true,
            _ => false,
        }
    }
}

/// The result of a fault that was made on purpose in one arm, under load, while every witness of the arm was read
/// repeatedly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultTrial {
    /// Name of the arm.
    pub arm: String,
    /// The kind of the fault.
    pub fault: FaultKind,
    /// Service that calls.
    pub from: String,
    /// Service that is called.
    pub to: String,
    /// Share of the packets or messages that are hit; null if the fault does not depend on chance.
    pub share: Option<f64>,
    /// Packets that were hit, as counted by the rule that makes the fault; null if no rule makes it.
    pub hits: Option<u64>,
    /// Time under load before the fault, in seconds.
    pub calm_s: f64,
    /// Time that the fault lasted, in seconds.
    pub lasted_s: f64,
    /// Mean time between two readings, in milliseconds.
    pub period_ms: f64,
    /// Requests of the load, from the start of the calm to the end of the fault.
    pub requests: u64,
    /// Requests among them that failed.
    pub errors: u64,
    /// What the witnesses showed, one entry per sign.
    pub clues: Vec<Clue>,
}

/// A sign that a witness showed during a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clue {
    /// `application`: the services' counts of their own calls; `sidecars`: Istio's standard metrics; or `kernel`.
    pub witness: WitnessKind,
    /// What the witness counts.
    pub sign: Sign,
    /// Whether the sign names the cause. Otherwise it only shows that something is wrong.
    pub names_cause: bool,
    /// How often the sign was seen in the calm before the fault.
    pub before: u64,
    /// How often the sign was seen since the fault began.
    pub during: u64,
    /// Time from the fault to the first reading with more of the sign than in the whole calm, in seconds; null if there
    /// was none.
    pub seen_after_s: Option<f64>,
}

impl FaultTrial {
    /// The most informative and soonest clue of a witness: the first that names the cause, else the first of all.
    pub fn best_clue(&self, witness: WitnessKind) -> Option<&Clue> {
        let seen = self.clues.iter().filter(|clue| clue.witness == witness);
        let seen = seen.filter_map(|clue| Some((clue, clue.seen_after_s?)));
        seen.min_by(|(a, a_s), (b, b_s)| {
            (!a.names_cause, a_s).partial_cmp(&(!b.names_cause, b_s)).expect("times are numbers")
        })
        .map(|(clue, _)| clue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_tells_more_than_a_symptom_that_came_sooner() {
        let clue = |sign: Sign, seen_after_s| Clue {
            witness: sign.witness(),
            names_cause: FaultKind::Loss.is_named_by(&sign),
            sign,
            before: 0,
            during: 1,
            seen_after_s,
        };
        let clues = vec![clue(Sign::Resets, Some(0.1)), clue(Sign::Retransmits, Some(0.4)), clue(Sign::Nxdomain, None)];
        let mut trial = FaultTrial {
            arm: "ebpf".to_owned(),
            fault: FaultKind::Loss,
            from: "front".to_owned(),
            to: "back".to_owned(),
            share: Some(0.1),
            hits: Some(3),
            calm_s: 1.0,
            lasted_s: 1.0,
            period_ms: 100.0,
            requests: 9,
            errors: 0,
            clues,
        };
        let best = |trial: &FaultTrial, witness| trial.best_clue(witness).map(|clue| clue.sign.clone());
        assert_eq!(best(&trial, WitnessKind::Kernel), Some(Sign::Retransmits));
        assert_eq!(best(&trial, WitnessKind::Sidecars), None);
        trial.clues.remove(1);
        assert_eq!(best(&trial, WitnessKind::Kernel), Some(Sign::Resets));
    }
}
