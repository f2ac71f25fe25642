//! When a run ends that goes on until its intervals are narrow.

use measure::{ThresholdError, Until};
use topology::Fault;

use super::{Experiment, File};

/// Rounds after which `until` gives up unless told otherwise.
const MAX_ROUNDS: u32 = 200;

impl Experiment {
    /// Most rounds that there may be: those that are asked for or, with `until`, those after which it gives up.
    pub fn most_rounds(&self) -> u32 {
        let whole_stands = MAX_ROUNDS.max(self.rounds).next_multiple_of(self.rounds_per_stand().unwrap_or(1));
        self.until.as_ref().map_or(self.rounds, |_| self.max_rounds.unwrap_or(whole_stands))
    }

    /// Rounds after which the lab stands up anew; none if it stands up once.
    pub fn rounds_per_stand(&self) -> Option<u32> {
        (self.stands > 1).then(|| self.rounds.div_ceil(self.stands))
    }

    /// Why its interval would never be narrow: what is wrong, and what to do.
    pub fn endless(&self) -> Option<(String, String)> {
        let metric = self.until.as_ref()?.metric;
        (self.stands == 1 && metric.rests_on_idle()).then(|| {
            let what = format!("`{}` has an interval over stand-ups of the lab only", metric.name());
            (what, "let the lab stand up anew (`stands`), ten times or more, or name another metric".to_owned())
        })
    }

    /// Why `max_rounds` does not fit the rounds: what is wrong, and what to do.
    pub fn misfit(&self) -> Option<(String, String)> {
        let most = self.until.as_ref().and(self.max_rounds)?;
        if most < self.rounds {
            let what = format!("`max_rounds` is below the {} rounds that are run anyway", self.rounds);
            return Some((what, "raise `max_rounds` or lower `rounds`".to_owned()));
        }
        let of_stand = self.rounds_per_stand().filter(|of_stand| !most.is_multiple_of(*of_stand))?;
        let what = format!("after {most} rounds the last stand-up of the lab would be cut short: each has {of_stand}");
        let (fewer, more) = (most / of_stand * of_stand, most.next_multiple_of(of_stand));
        let hint = if fewer < self.rounds {
            format!("set `max_rounds` to {more}")
        } else {
            format!("set `max_rounds` to {fewer} or {more}")
        };
        Some((what, hint))
    }
}

/// The rule of a file.
pub fn until_of(file: &File) -> Result<Option<Until>, Fault> {
    let Some(until) = &file.until else { return Ok(None) };
    let rule = until.value.parse();
    rule.map(Some).map_err(|error: ThresholdError| Fault::at(until.referenced, error.to_string(), error.hint()))
}
