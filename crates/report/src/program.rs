use measure::{Arm, ProgramUse};

use crate::figure::{count, figure};
use crate::paragraph::{glued, paragraph};

/// CPU time of the kernel witness's programs in these arms, one paragraph each. Empty if they were not timed.
pub(crate) fn programs(arms: &[Arm]) -> String {
    arms.iter().filter_map(|arm| Some(paragraph(&told(&arm.name, arm.programs.as_ref()?), 2))).collect()
}

fn told(arm: &str, programs: &ProgramUse) -> String {
    format!(
        "arm `{arm}`: the kernel witness's programs ran {} and took {} per request, within the CPU time of the arm and its \
         client; measured separately, on {} after the rounds, because timing programs costs",
        glued(&format!("{} times", figure(programs.runs_per_request, "runs"))),
        glued(&format!("{} ms", figure(programs.cpu_ms_per_request, "ms"))),
        count(programs.requests, "request")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::run::{EBPF, NONE, run};
    use insta::assert_snapshot;

    #[test]
    fn what_was_timed_is_told_of_the_arms_that_were_watched() {
        let mut run = run(&[("none", &NONE), ("ebpf", &EBPF)], 10, 0.02);
        assert_eq!(programs(&run.arms), "");
        run.arms[1].programs =
            Some(ProgramUse { requests: 100, cpu_ms_per_request: 0.012_34, runs_per_request: 34.02 });
        assert_snapshot!(programs(&run.arms), @"
        arm `ebpf`: the kernel witness's programs ran 34.0 times and took 0.0123 ms per
          request, within the CPU time of the arm and its client; measured separately,
          on 100 requests after the rounds, because timing programs costs
        ");
    }
}
