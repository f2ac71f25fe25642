use super::{CautionKind, Run, Witnessed};
use crate::{Caution, SidecarFacts};

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
            return CautionKind::Errors.caution(format!("{text}; {hint}")).about([arm.name]);
        }
        let text = format!("{text}, while {} had none; {hint}", spared.join(", "));
        let is_fatal = *count as f64 >= ERRORS_FATAL * arm.requests() as f64;
        let kind = CautionKind::ErrorsUneven;
        if is_fatal { kind.fatal(text) } else { kind.caution(text) }.about([arm.name])
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// Work that the client does not see: calls that failed or were repeated by services, and requests that sidecars repeated.
pub(super) fn retries(run: &Run) -> Vec<Caution> {
    [of_services(run), of_sidecars(run)].concat()
}

fn of_services(run: &Run) -> Vec<Caution> {
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
        .about([arm.name])
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// A sidecar that repeats a request hides why: where it succeeds in the end, nobody else counts a failure.
fn of_sidecars(run: &Run) -> Vec<Caution> {
    let counts: Vec<u64> = run.arms.iter().map(|arm| repeating(run, arm).map(|facts| facts.retries).sum()).collect();
    let spared = names(run, &counts, 0);
    if spared.is_empty() {
        return Vec::new();
    }
    let of_arm = |(arm, count): (&Witnessed, &u64)| {
        let pods: Vec<String> = repeating(run, arm).map(|facts| format!("`{}` {}", facts.pod, facts.retries)).collect();
        CautionKind::RetriesUneven.caution(format!(
            "sidecars of arm `{}` sent {count} requests again by themselves since they stand ({}; `upstream_rq_retry` of their \
             own metrics), and those of {} none: failures that they hide are errors elsewhere, and its latency and CPU hold \
             every attempt; see planes/{} in the run folder, or try `retries: 0`",
            arm.name,
            pods.join(", "),
            spared.join(", "),
            arm.name
        ))
        .about([arm.name])
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// Sidecars of an arm that repeated requests.
fn repeating<'a>(run: &Run<'a>, arm: &Witnessed) -> impl Iterator<Item = &'a SidecarFacts> {
    let sidecars = run.observations.facts.sidecars.iter();
    sidecars.filter(move |facts| facts.arm == arm.name && facts.retries > 0)
}

/// Arms with that count, in words.
fn names(run: &Run, counts: &[u64], count: u64) -> Vec<String> {
    let arms = run.arms.iter().zip(counts).filter(|(_, of_arm)| **of_arm == count);
    arms.map(|(arm, _)| format!("`{}`", arm.name)).collect()
}
