use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Observations;

const NS_PER_MS: f64 = 1e6;

/// CPU time of the kernel witness's own programs in a watched arm. It is part of the CPU time of the tasks in which
/// they ran, never added to it. Timing programs has a cost, so it was measured separately, on requests after the
/// rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramUse {
    /// Number of requests on which it was measured; no other figure includes them.
    pub requests: u64,
    /// CPU time of all programs together, on the whole machine, per request, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// Number of runs of all programs together, on the whole machine, per request.
    pub runs_per_request: f64,
}

/// What the programs used in an arm; `None` if it was not watched, or the programs were not timed.
pub fn program_use(seen: &Observations, arm: &str) -> Option<ProgramUse> {
    let programs = || seen.facts.programs.iter().filter(|program| program.arm == arm);
    let requests = programs().map(|program| program.requests).max().filter(|requests| *requests > 0)?;
    let per_request = |sum: u64| sum as f64 / requests as f64;
    Some(ProgramUse {
        requests,
        cpu_ms_per_request: per_request(programs().map(|program| program.run_ns).sum()) / NS_PER_MS,
        runs_per_request: per_request(programs().map(|program| program.runs).sum()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, ProgramFacts};

    #[test]
    fn programs_of_an_arm_add_up() {
        let program = |arm: &str, program: &str, run_ns, runs| ProgramFacts {
            arm: arm.to_owned(),
            requests: 100,
            program: program.to_owned(),
            run_ns,
            runs,
        };
        let programs = vec![
            program("ebpf", "on_state", 3_000_000, 800),
            program("ebpf", "on_retransmit", 1_000_000, 2),
            program("both", "on_state", 9, 9),
        ];
        let seen = Observations { facts: Facts { programs, ..Facts::default() }, ..Observations::default() };
        let expected = ProgramUse { requests: 100, cpu_ms_per_request: 0.04, runs_per_request: 8.02 };
        assert_eq!(program_use(&seen, "ebpf"), Some(expected));
        assert_eq!(program_use(&seen, "none"), None);
    }
}
