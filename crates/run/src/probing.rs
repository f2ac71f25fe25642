//! Probes of a run: how many each block and idle window bore. They are a part of what a mesh costs, and their frames are
//! on the links that are measured.

use std::collections::BTreeMap;

use measure::Phase;
use serde::Serialize;

use super::meters::Window;

/// How often pods were asked for their health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealthChecks {
    /// Probes that have ended.
    pub asked: u64,
    /// Probes without an answer, or with a status other than 200 to 399.
    pub failed: u64,
}

/// The probes of a block or an idle window: a line of `probes.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedWindow {
    phase: Phase,
    arm: String,
    round: u32,
    #[serde(flatten)]
    checks: HealthChecks,
}

/// Probes in the blocks of each arm.
#[derive(Clone, Debug, Default)]
pub struct ChecksByArm(BTreeMap<String, HealthChecks>);

impl CheckedWindow {
    /// Returns the probes between two readings of the counts; `None` without a kubelet.
    pub fn between(window: Window<'_>, from: Option<HealthChecks>, to: Option<HealthChecks>) -> Option<CheckedWindow> {
        let (from, to) = from.zip(to)?;
        let checks = HealthChecks { asked: to.asked - from.asked, failed: to.failed - from.failed };
        Some(CheckedWindow { phase: window.phase, arm: window.arm.to_owned(), round: window.round, checks })
    }
}

impl ChecksByArm {
    /// Adds those of a block.
    pub fn add(&mut self, probing: &CheckedWindow) {
        let sum = self.0.entry(probing.arm.clone()).or_default();
        sum.asked += probing.checks.asked;
        sum.failed += probing.checks.failed;
    }

    /// How often an arm's pods were asked.
    pub fn asked(&self, arm: &str) -> u64 {
        self.0.get(arm).map_or(0, |checks| checks.asked)
    }

    /// What to tell of them; nothing where there were none.
    pub fn line(&self) -> Option<String> {
        let arm = |(arm, checks): (&String, &HealthChecks)| match checks.failed {
            0 => format!("{arm} {}", checks.asked),
            failed => format!("{arm} {} ({failed} failed)", checks.asked),
        };
        let arms: Vec<String> = self.0.iter().filter(|(_, checks)| checks.asked > 0).map(arm).collect();
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
        let mut probings = ChecksByArm::default();
        assert_eq!(probings.line(), None);
        let mut add = |arm: &str, asked: u64, failed: u64| {
            let from = Some(HealthChecks { asked: 7, failed: 0 });
            let to = Some(HealthChecks { asked: 7 + asked, failed });
            let probing = CheckedWindow::between(Window { phase: Phase::Load, arm, round: 0 }, from, to).unwrap();
            probings.add(&probing);
            probings.line()
        };
        assert_eq!(add("quiet", 0, 0), None);
        add("sidecar", 2, 0);
        let told = "health probes within blocks: sidecar 5 (1 failed) (each is up to ten frames on its pod's link)";
        assert_eq!(add("sidecar", 3, 1).as_deref(), Some(told));
        let window = Window { phase: Phase::Load, arm: "none", round: 0 };
        assert!(CheckedWindow::between(window, None, None).is_none());
    }
}
