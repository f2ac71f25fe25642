use super::{CautionKind, Run, Witnessed};
use crate::Caution;

/// From this share of an arm's requests on, failures in some arms only make the arms' latencies incomparable.
const ERRORS_FATAL: f64 = 0.01;

pub(super) fn errors(run: &Run) -> Vec<Caution> {
    let counts: Vec<u64> = run.arms.iter().map(|arm| arm.seen.errors().values().sum()).collect();
    let spared = names(run, &counts, 0);
    let of_arm = |(arm, count): (&Witnessed, &u64)| {
        let kinds: Vec<String> = arm.seen.errors().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let text = format!(
            "arm `{}` had {count} failed requests ({}): they are in no latency, and an arm that fails early looks fast",
            arm.name,
            kinds.join(", ")
        );
        let hint = "see the logs in the run folder";
        if spared.is_empty() {
            return CautionKind::Errors.caution(format!("{text}; {hint}"));
        }
        let text = format!("{text}, while {} had none; {hint}", spared.join(", "));
        let is_fatal = *count as f64 >= ERRORS_FATAL * arm.requests() as f64;
        if is_fatal { CautionKind::ErrorsUneven.fatal(text) } else { CautionKind::ErrorsUneven.caution(text) }
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// Calls between services that failed or were repeated: work that the client does not see.
pub(super) fn retries(run: &Run) -> Vec<Caution> {
    let troubled = |arm: &Witnessed| {
        let edges = arm.told.iter().flat_map(|told| &told.edges);
        edges.map(|edge| edge.failures + edge.retries).sum()
    };
    let counts: Vec<u64> = run.arms.iter().map(troubled).collect();
    let spared = names(run, &counts, 0);
    if spared.is_empty() {
        return Vec::new();
    }
    let of_arm = |(arm, count): (&Witnessed, &u64)| {
        CautionKind::RetriesUneven.caution(format!(
            "{count} calls between services of arm `{}` failed or were repeated, while {} had none: its latency and CPU hold \
             work that the others were spared; see the edges and the logs in the run folder",
            arm.name,
            spared.join(", ")
        ))
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// Arms with that count, in words.
fn names(run: &Run, counts: &[u64], count: u64) -> Vec<String> {
    let arms = run.arms.iter().zip(counts).filter(|(_, of_arm)| **of_arm == count);
    arms.map(|(arm, _)| format!("`{}`", arm.name)).collect()
}
