use std::collections::BTreeMap;

use super::{CautionKind, Run, Witnessed};
use crate::{Caution, SidecarFacts};

/// Failures in some arms only, from this share of an arm's requests on, make latencies of arms incomparable.
const UNEVEN_FATAL: f64 = 0.01;

/// Above this share of failed calls, the application does noticeably other work than intended.
const FAILED_MAX: f64 = 0.01;
/// Above this share of failed calls, the figures are not to be believed.
const FAILED_FATAL: f64 = 0.1;

/// With fewer failures, an endpoint is judged only together with all others: one of three calls is already a third.
const ENDPOINT_FAILURES_MIN: u64 = 5;

/// Number of standard deviations by which failures may exceed a declared share by chance.
const CHANCE: f64 = 3.0;

/// Warns about failed requests of the client.
pub(super) fn errors(run: &Run) -> Vec<Caution> {
    let declared = run.observations.facts.declared.of_requests;
    let undeclared = |arm: &Witnessed| undeclared(arm.seen.errors().values().sum(), arm.requests(), declared);
    let counts: Vec<u64> = run.arms.iter().map(undeclared).collect();
    let spared = names(run, &counts, 0);
    let of_arm = |(arm, count): (&Witnessed, &u64)| {
        let kinds: Vec<String> = arm.seen.errors().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let failed: u64 = arm.seen.errors().values().sum();
        let meant = if declared > 0.0 { format!(", with {} declared", percent(declared)) } else { String::new() };
        let text = format!(
            "arm `{}` had {failed} failed requests ({}{meant}): no latency includes them, and an arm that fails early looks fast",
            arm.name,
            kinds.join(", ")
        );
        let hint = format!("{}see the logs in the run folder", response_flags(run, arm));
        let share = share(*count, arm.requests());
        let (kind, text, fatal) = if spared.is_empty() {
            (CautionKind::Errors, format!("{text}; {hint}"), share > FAILED_FATAL)
        } else {
            let text = format!("{text}, while {} had none; {hint}", spared.join(", "));
            (CautionKind::ErrorsUneven, text, share >= UNEVEN_FATAL)
        };
        if fatal { kind.fatal(text) } else { kind.caution(text) }.about([arm.name])
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// The response flags of an arm's sidecars, as words. They are the only record of why a sidecar refused a request or
/// gave up.
fn response_flags(run: &Run, arm: &Witnessed) -> String {
    let mut pods: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for facts in run.observations.facts.sidecars.iter().filter(|facts| facts.arm == arm.name) {
        for (flag, count) in &facts.response_flags {
            *pods.entry(&facts.pod).or_default().entry(flag).or_default() += count;
        }
    }
    let told = |(pod, flags): (&str, BTreeMap<&str, u64>)| {
        let flags: Vec<String> = flags.iter().map(|(flag, count)| format!("{flag} {count}")).collect();
        format!("`{pod}` {}", flags.join(", "))
    };
    let told: Vec<String> = pods.into_iter().map(told).collect();
    if told.is_empty() {
        String::new()
    } else {
        format!("its sidecars report Envoy's response flags {}; ", told.join("; "))
    }
}

/// Warns about failed calls between services. A caller may still answer, but then does other work than intended.
pub(super) fn calls(run: &Run) -> Vec<Caution> {
    run.arms.iter().filter_map(|arm| calls_of(run, arm)).collect()
}

/// Calls to one endpoint, from all callers.
#[derive(Clone, Copy, Default)]
struct EndpointCalls {
    calls: u64,
    failures: u64,
    undeclared: u64,
}

fn calls_of(run: &Run, arm: &Witnessed) -> Option<Caution> {
    let mut endpoints: BTreeMap<(&str, &str), EndpointCalls> = BTreeMap::new();
    for edge in arm.told.iter().flat_map(|told| &told.edges) {
        let called = endpoints.entry((&edge.to, &edge.path)).or_default();
        called.calls += edge.calls;
        called.failures += edge.failures;
    }
    for ((to, path), called) in &mut endpoints {
        let declared = run.observations.facts.declared.of_call(to, path);
        called.undeclared = undeclared(called.failures, called.calls, declared);
    }
    let sum = |part: fn(&EndpointCalls) -> u64| endpoints.values().map(part).sum::<u64>();
    let of_all = share(sum(|called| called.undeclared), sum(|called| called.calls));
    let counted = endpoints.values().filter(|called| called.undeclared >= ENDPOINT_FAILURES_MIN);
    let worst = counted.map(|called| share(called.undeclared, called.calls)).fold(of_all, f64::max);
    if worst <= FAILED_MAX {
        return None;
    }
    let failed = endpoints.iter().filter(|(_, called)| called.undeclared > 0);
    let told: Vec<String> =
        failed.map(|((to, path), called)| format!("`{to}{path}` {} of {}", called.failures, called.calls)).collect();
    let text = format!(
        "calls between services of arm `{}` failed ({}): a caller that answers without them does other work than intended, \
         whether or not all arms fail alike; see the logs in the run folder, or declare expected failures with `errors:`",
        arm.name,
        told.join(", ")
    );
    let kind = CautionKind::CallsFailed;
    Some(if worst > FAILED_FATAL { kind.fatal(text) } else { kind.caution(text) }.about([arm.name]))
}

/// Failures beyond the declared share of all, and beyond what chance adds to it: three standard deviations of a
/// binomial count.
fn undeclared(failures: u64, of: u64, declared: f64) -> u64 {
    let expected = of as f64 * declared;
    let most = expected + CHANCE * (expected * (1.0 - declared)).sqrt();
    failures.saturating_sub(most.ceil() as u64)
}

fn share(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Warns about work that the client does not see: failed or repeated calls of services, and requests that sidecars
/// repeated.
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
            "{count} calls between services of arm `{}` failed or were repeated, while {} had none: its latency and CPU time \
             include work that the others did not do; see the edges and the logs in the run folder",
            arm.name,
            spared.join(", ")
        ))
        .about([arm.name])
    };
    run.arms.iter().zip(&counts).filter(|(_, count)| **count > 0).map(of_arm).collect()
}

/// Warns about requests that sidecars repeated. A repeated request that succeeds hides its failure from everybody else.
fn of_sidecars(run: &Run) -> Vec<Caution> {
    let counts: Vec<u64> = run.arms.iter().map(|arm| repeating(run, arm).map(|facts| facts.retries).sum()).collect();
    let spared = names(run, &counts, 0);
    if spared.is_empty() {
        return Vec::new();
    }
    let of_arm = |(arm, count): (&Witnessed, &u64)| {
        let pods: Vec<String> = repeating(run, arm).map(|facts| format!("`{}` {}", facts.pod, facts.retries)).collect();
        CautionKind::RetriesUneven.caution(format!(
            "sidecars of arm `{}` retried {count} requests by themselves ({}; `upstream_rq_retry` in their own metrics), and \
             those of {} none: failures that these hide are errors elsewhere, and its latency and CPU time include every \
             attempt;  see planes/{} in the run folder, or try `retries: 0`",
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

/// The names of the arms with this count.
fn names(run: &Run, counts: &[u64], count: u64) -> Vec<String> {
    let arms = run.arms.iter().zip(counts).filter(|(_, of_arm)| **of_arm == count);
    arms.map(|(arm, _)| format!("`{}`", arm.name)).collect()
}

/// Warns about containers that were restarted: they lost their caches, and their sidecars' counters began anew.
pub(super) fn restarts(run: &Run) -> Vec<Caution> {
    let of_arm = |arm: &String| {
        let ends = run.observations.facts.restarts.iter().filter(|end| end.arm == *arm);
        let told: BTreeMap<String, u64> = ends.fold(BTreeMap::new(), |mut told, end| {
            *told.entry(end.to_string()).or_default() += 1;
            told
        });
        let told: Vec<String> = told.into_iter().map(|(end, count)| format!("{end} {count} x")).collect();
        let text = format!(
            "containers of arm `{arm}` ended by themselves and were restarted: {}; its figures include the cost of the \
             starts and the failures meanwhile;  see the logs in the run folder",
            told.join(", ")
        );
        (!told.is_empty()).then(|| CautionKind::Restarted.caution(text).about([arm]))
    };
    run.observations.arms.iter().filter_map(of_arm).collect()
}
