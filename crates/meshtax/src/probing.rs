//! Probes of a run: how many each block and idle window bore. They are a part of what a mesh costs, and their frames are
//! on the links that are measured.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use lab::{Node, Probed, Stop};
use measure::Phase;
use serde::Serialize;

/// How long a kubelet may take to answer an order.
const PATIENCE: Duration = Duration::from_secs(30);

/// The probes of a block or an idle window: a line of `probes.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct Probing {
    phase: Phase,
    arm: String,
    round: u32,
    #[serde(flatten)]
    probed: Probed,
}

/// Probes in the blocks of each arm.
#[derive(Clone, Debug, Default)]
pub struct Probings(BTreeMap<String, Probed>);

/// How often the arm's kubelet has asked until now; none if it has none.
pub fn probed(node: &mut Node, stop: &Stop) -> anyhow::Result<Option<Probed>> {
    let Some(kubelet) = node.kubelet() else { return Ok(None) };
    let answer = kubelet.ask("counts", PATIENCE, stop)?;
    serde_json::from_str(&answer).map(Some).context("a kubelet's counts are damaged")
}

impl Probing {
    /// Those between two looks at the counts; none without a kubelet.
    pub fn between(phase: Phase, arm: &str, round: u32, from: Option<Probed>, to: Option<Probed>) -> Option<Probing> {
        let (from, to) = from.zip(to)?;
        Some(Probing { phase, arm: arm.to_owned(), round, probed: to.since(from) })
    }
}

impl Probings {
    /// Adds those of a block.
    pub fn add(&mut self, probing: &Probing) {
        let sum = self.0.entry(probing.arm.clone()).or_default();
        sum.asked += probing.probed.asked;
        sum.failed += probing.probed.failed;
    }

    /// How often an arm's pods were asked.
    pub fn asked(&self, arm: &str) -> u64 {
        self.0.get(arm).map_or(0, |probed| probed.asked)
    }

    /// What to tell of them; nothing where there were none.
    pub fn line(&self) -> Option<String> {
        let arm = |(arm, probed): (&String, &Probed)| match probed.failed {
            0 => format!("{arm} {}", probed.asked),
            failed => format!("{arm} {} ({failed} failed)", probed.asked),
        };
        let arms: Vec<String> = self.0.iter().filter(|(_, probed)| probed.asked > 0).map(arm).collect();
        let line =
            format!("health probes within blocks: {} (each is up to ten frames on its pod's link)", arms.join(" · "));
        (!arms.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_of_blocks_add_up_and_failures_are_told() {
        let mut probings = Probings::default();
        assert_eq!(probings.line(), None);
        let mut add = |arm: &str, asked: u64, failed: u64| {
            let to = Some(Probed { asked: 7 + asked, failed });
            let probing = Probing::between(Phase::Load, arm, 0, Some(Probed { asked: 7, failed: 0 }), to).unwrap();
            probings.add(&probing);
            probings.line()
        };
        assert_eq!(add("quiet", 0, 0), None);
        add("sidecar", 2, 0);
        let told = "health probes within blocks: sidecar 5 (1 failed) (each is up to ten frames on its pod's link)";
        assert_eq!(add("sidecar", 3, 1).as_deref(), Some(told));
        assert!(Probing::between(Phase::Load, "none", 0, None, None).is_none());
    }
}
