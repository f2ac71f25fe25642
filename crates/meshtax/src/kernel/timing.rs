//! What the programs take in the kernel. Timing them costs each run two looks at the clock, so it is done apart from the
//! blocks that are compared.

use measure::ProgramFacts;
use probe::ProgramCost;

use super::{Beyond, Kernel};

impl Kernel {
    /// Attaches the programs of an arm and has the kernel time them; whether it does: not where the arm is not watched, or
    /// the kernel does not let us.
    pub fn attach_timed(&mut self, arm: &str) -> anyhow::Result<bool> {
        if !self.watched.contains_key(arm) {
            return Ok(false);
        }
        self.attach(arm)?;
        let Some(probe) = &mut self.probe else { return Ok(false) };
        probe.time_programs();
        let is_timed = probe.times_programs();
        if !is_timed {
            self.detach_timed();
        }
        Ok(is_timed)
    }

    /// Detaches them, and has nothing timed any more.
    pub fn detach_timed(&mut self) {
        self.beyond = None;
        if let Some(probe) = &mut self.probe {
            probe.detach();
            probe.end_timing();
        }
    }

    /// What each program has taken since it is timed.
    pub fn costs(&self) -> Vec<ProgramCost> {
        let own = self.probe.iter().flat_map(|probe| probe.costs().programs());
        own.chain(self.beyond.iter().flat_map(Beyond::costs)).collect()
    }
}

/// What the programs that ran took between two looks at them, while an arm was asked so many requests.
pub fn program_facts(arm: &str, requests: u64, before: &[ProgramCost], after: &[ProgramCost]) -> Vec<ProgramFacts> {
    let facts = |(before, after): (&ProgramCost, &ProgramCost)| ProgramFacts {
        arm: arm.to_owned(),
        requests,
        program: after.program.clone(),
        run_ns: u64::try_from((after.time - before.time).as_nanos()).unwrap_or(u64::MAX),
        runs: after.runs - before.runs,
    };
    before.iter().zip(after).map(facts).filter(|facts| facts.runs > 0).collect()
}
