use measure::RestartFacts;

use super::assignment::Assignment;
use super::ground::Stand;
use super::node::Node;
use super::pace::Pace;
use super::probing::CheckedWindow;
use super::progress::Progress;
use super::seen::Seen;

/// A run under way: what outlives a stand-up.
pub struct Course<'a> {
    /// What it is about.
    pub assignment: &'a Assignment<'a>,
    /// All that was seen.
    pub seen: Seen,
    /// How fast its blocks pass.
    pub pace: Pace,
    /// Whoever waits for it.
    pub progress: &'a mut dyn Progress,
}

impl<'a> Course<'a> {
    /// Nothing has been seen yet.
    pub fn new(assignment: &'a Assignment<'a>, progress: &'a mut dyn Progress) -> Self {
        Self { assignment, seen: Seen::before(assignment), pace: Pace::default(), progress }
    }

    /// Sees to the programs of every arm, and tells at once of those that ended and start again.
    pub fn tend(&mut self, stand: &mut impl Stand) -> anyhow::Result<()> {
        for arm in &self.assignment.plan.arms {
            let mut node = stand.node(arm);
            node.tend()?;
            let endings: Vec<RestartFacts> = node.take_endings();
            endings.iter().for_each(|end| self.progress.note(&format!("{end} and starts again")));
            self.seen.observations.facts.restarts.extend(endings);
        }
        Ok(())
    }

    /// Writes down the probes of a block or an idle window, where there were any to count.
    pub fn keep(&self, probing: Option<&CheckedWindow>) -> anyhow::Result<()> {
        probing.map_or(Ok(()), |probing| self.assignment.folder.append("probes.jsonl", probing))
    }

    /// Writes down what lets the numbers be doubted.
    pub fn keep_facts(&self) -> anyhow::Result<()> {
        self.assignment.folder.write_json("facts.json", &self.seen.observations.facts)
    }

    /// Whether the run may end after this many rounds: all are done, or its intervals are narrow enough.
    pub fn is_over(&self, rounds: u32) -> bool {
        rounds as usize >= self.assignment.plan.rounds.len() || self.is_enough(rounds)
    }

    /// Whether a run that goes on until its intervals are narrow may end after this many rounds.
    pub fn is_enough(&self, rounds: u32) -> bool {
        let experiment = self.assignment.experiment;
        let kept = || {
            let mut seen = self.seen.observations.clone();
            seen.leave_out(experiment.drop_foreign);
            seen
        };
        let is_reached = |until| measure::is_reached(until, &kept());
        rounds >= experiment.rounds && experiment.until.as_ref().is_some_and(is_reached)
    }
}
