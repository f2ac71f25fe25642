//! When a run ends that goes on until its intervals are narrow.

use measure::{ThresholdError, Until};
use topology::Mistake;

use super::{Experiment, ExperimentFile};

/// Rounds after which `until` gives up unless told otherwise.
const MAX_ROUNDS: u32 = 200;

impl Experiment {
    /// Most rounds that there may be: those that are asked for or, with `until`, those after which it gives up. A stand-up of
    /// the lab that would be cut short is not begun.
    pub fn most_rounds(&self) -> u32 {
        if self.until.is_none() {
            return self.rounds;
        }
        let further = self.max_rounds.unwrap_or(MAX_ROUNDS).saturating_sub(self.rounds);
        let per_stand = self.spread().map_or(1, |stands| stands.rounds);
        self.rounds + further / per_stand * per_stand
    }

    /// Why its interval would never be narrow: what is wrong, and what to do.
    pub fn endless(&self) -> Option<(String, String)> {
        let metric = self.until.as_ref()?.metric;
        (self.stand_ups() == 1 && metric.is_of_a_life()).then(|| {
            let what = format!("`{}` has an interval over stand-ups of the lab only", metric.name());
            (what, "let the lab stand up anew (`stands`), ten times or more, or name another metric".to_owned())
        })
    }

    /// Why `max_rounds` does not fit the rounds: what is wrong, and what to do.
    pub fn misfit(&self) -> Option<(String, String)> {
        let most = self.until.as_ref().and(self.max_rounds)?;
        (most < self.rounds).then(|| {
            let what = format!("`max_rounds` is below the {} rounds that are run anyway", self.rounds);
            (what, "raise `max_rounds` or lower `rounds`".to_owned())
        })
    }
}

/// The rule of a file.
pub fn until_of(file: &ExperimentFile) -> Result<Option<Until>, Mistake> {
    let Some(until) = &file.until else { return Ok(None) };
    let rule = until.value.parse();
    rule.map(Some).map_err(|error: ThresholdError| Mistake::at(until.referenced, error.to_string(), error.hint()))
}
