use experiment::Experiment;
use experiment::Plan;
use measure::UnlimitedFacts;

use super::folder::RunFolder;
use super::interrupted::Interrupted;

/// What a run is about.
pub struct Assignment<'a> {
    /// What is compared, and how.
    pub experiment: &'a Experiment,
    /// What is done, in order.
    pub plan: &'a Plan,
    /// Where everything that is seen is written.
    pub folder: &'a RunFolder,
    /// Limits of proxies that the ground cannot set.
    pub unlimited: &'a [UnlimitedFacts],
    /// Whether the user has asked to stop.
    pub is_stopped: &'a dyn Fn() -> bool,
}

impl Assignment<'_> {
    /// Refuses to go on once the user has asked to stop.
    ///
    /// # Errors
    ///
    /// The user has asked to stop.
    pub fn check(&self) -> Result<(), Interrupted> {
        if (self.is_stopped)() { Err(Interrupted) } else { Ok(()) }
    }

    /// Where an arm of the plan stands among its arms.
    pub fn place(&self, arm: &str) -> usize {
        self.plan.arms.iter().position(|known| known == arm).expect("rounds name arms of the plan")
    }
}
