use super::{CautionKind, Run};
use crate::{Caution, SidecarFacts};

/// What Istio's metrics call a connection that both sides authenticated.
const MUTUAL_TLS: &str = "mutual_tls";

/// Envoy adjusts its workers to the machine where it is not told, or not heard: another product than the one asked for.
pub(super) fn concurrency(run: &Run) -> Vec<Caution> {
    let differs = |facts: &&SidecarFacts| facts.concurrency.is_some_and(|workers| workers != facts.concurrency_asked);
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        let pods: Vec<String> = facts.iter().map(|facts| workers(facts)).collect();
        CautionKind::Concurrency.fatal(format!(
            "sidecars of arm `{arm}` do not run {} worker threads as asked ({}): their CPU, memory and latency are those of \
             another configuration; see the sidecars' logs and arguments in the run folder",
            facts[0].concurrency_asked,
            pods.join(", ")
        ))
    };
    in_arms(run, differs, by_arm)
}

fn workers(facts: &SidecarFacts) -> String {
    format!("`{}` {}", facts.pod, facts.concurrency.unwrap_or_default())
}

pub(super) fn mutual_tls(run: &Run) -> Vec<Caution> {
    let is_plain = |facts: &SidecarFacts| facts.security_policies.keys().any(|policy| policy != MUTUAL_TLS);
    let plain = |facts: &&SidecarFacts| !facts.plaintext_asked && is_plain(facts);
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        let others = facts.iter().flat_map(|facts| &facts.security_policies);
        let count: u64 = others.filter(|(policy, _)| *policy != MUTUAL_TLS).map(|(_, count)| count).sum();
        let pods: Vec<String> = facts.iter().map(|facts| format!("`{}`", facts.pod)).collect();
        CautionKind::MtlsOff.fatal(format!(
            "sidecars of arm `{arm}` took {count} requests without mutual TLS ({}; `connection_security_policy` of their own \
             metrics): the cost of encryption is not in the figures; see planes/{arm} in the run folder",
            pods.join(", ")
        ))
    };
    in_arms(run, plain, by_arm)
}

/// One caution for each arm with sidecars of which that is true.
fn in_arms<'a>(
    run: &Run<'a>,
    is_amiss: impl Fn(&&'a SidecarFacts) -> bool,
    caution: impl Fn(&str, Vec<&'a SidecarFacts>) -> Caution,
) -> Vec<Caution> {
    let of_arm = |arm: &'a String| {
        let sidecars = run.observations.facts.sidecars.iter().filter(|facts| facts.arm == *arm);
        let amiss: Vec<&SidecarFacts> = sidecars.filter(&is_amiss).collect();
        (!amiss.is_empty()).then(|| caution(arm, amiss))
    };
    run.observations.arms.iter().filter_map(of_arm).collect()
}
