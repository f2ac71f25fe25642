//! The end of a run that goes on until its intervals are narrow.

use measure::{ThresholdError, Until};
use topology::Mistake;

use super::{Experiment, ExperimentFile};

/// Default number of rounds after which `until` gives up.
const MAX_ROUNDS: u32 = 200;

impl Experiment {
    /// The most rounds that the run may have: those asked for or, with `until`, those after which it gives up. A
    /// stand-up that would be cut short is not begun.
    pub fn most_rounds(&self) -> u32 {
        if self.until.is_none() {
            return self.rounds;
        }
        let further = self.max_rounds.unwrap_or(MAX_ROUNDS).saturating_sub(self.rounds);
        let per_stand = self.spread().map_or(1, |stands| stands.rounds);
        self.rounds + further / per_stand * per_stand
    }

    /// Why the interval of `until` would never be narrow: what is wrong, and what to do.
    pub fn endless(&self) -> Option<(String, String)> {
        let metric = self.until.as_ref()?.metric;
        (self.stand_ups() == 1 && metric.is_of_a_life()).then(|| {
            let what = format!("`{}` has an interval only over several stand-ups", metric.name());
            (what, "set `stands` to 10 or more, or name another metric".to_owned())
        })
    }

    /// Why `max_rounds` does not fit the rounds: what is wrong, and what to do.
    pub fn misfit(&self) -> Option<(String, String)> {
        let most = self.until.as_ref().and(self.max_rounds)?;
        (most < self.rounds).then(|| {
            let what = format!("`max_rounds` is below the {} rounds of the run", self.rounds);
            (what, "raise `max_rounds` or lower `rounds`".to_owned())
        })
    }
}

/// The condition of a file that ends the run.
pub fn until_of(file: &ExperimentFile) -> Result<Option<Until>, Mistake> {
    let Some(until) = &file.until else { return Ok(None) };
    let rule = until.value.parse();
    rule.map(Some).map_err(|error: ThresholdError| Mistake::at(until.referenced, error.to_string(), error.hint()))
}
