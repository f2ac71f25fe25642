use super::{CautionKind, Run};
use crate::series::CLIENT;
use crate::{Caution, GATEWAY, SidecarFacts};

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

/// What nobody said is not what was asked for.
pub(super) fn concurrency_unverified(run: &Run) -> Vec<Caution> {
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        CautionKind::ConcurrencyUnverified.caution(format!(
            "sidecars of arm `{arm}` do not say how many worker threads they run ({}; `server.concurrency` of their own \
             metrics): whether it is the {} that were asked for is not verified; see planes/{arm} in the run folder",
            pods(&facts),
            facts[0].concurrency_asked
        ))
    };
    in_arms(run, |facts| facts.concurrency.is_none(), by_arm)
}

pub(super) fn mutual_tls(run: &Run) -> Vec<Caution> {
    let is_plain = |facts: &SidecarFacts| facts.security_policies.keys().any(|policy| policy != MUTUAL_TLS);
    let plain = |facts: &&SidecarFacts| !facts.plaintext_asked && is_plain(facts);
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        let others = facts.iter().flat_map(|facts| &facts.security_policies);
        let count: u64 = others.filter(|(policy, _)| *policy != MUTUAL_TLS).map(|(_, count)| count).sum();
        CautionKind::MtlsOff.fatal(format!(
            "sidecars of arm `{arm}` took {count} requests without mutual TLS ({}; `connection_security_policy` of their own \
             metrics): the cost of encryption is not in the figures; see planes/{arm} in the run folder",
            pods(&facts)
        ))
    };
    in_arms(run, plain, by_arm)
}

/// What nobody said is not what was asked for: requests came, and the sidecar that took them tells of none.
pub(super) fn mutual_tls_unverified(run: &Run) -> Vec<Caution> {
    let is_silent = |facts: &&SidecarFacts| {
        let is_telling = facts.telemetry_asked && !facts.plaintext_asked;
        is_telling && facts.security_policies.is_empty() && has_received(run, facts)
    };
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        CautionKind::MtlsUnverified.caution(format!(
            "sidecars of arm `{arm}` took requests and do not say whether with mutual TLS ({}; no \
             `connection_security_policy` in their own metrics): that the figures hold the cost of encryption is not \
             verified; see planes/{arm} in the run folder",
            pods(&facts)
        ))
    };
    in_arms(run, is_silent, by_arm)
}

/// Istio's sidecars stand under limits; where the host has no such controller, nobody can set one.
pub(super) fn limits_missing(run: &Run) -> Vec<Caution> {
    let of_arm = |arm: &String| {
        let lacking = run.observations.facts.unlimited.iter().filter(|facts| facts.arm == *arm);
        let lacking: Vec<String> = lacking.map(|facts| format!("`{}`", facts.controller)).collect();
        let told = || {
            CautionKind::LimitsMissing.caution(format!(
                "sidecars of arm `{arm}` stand under no limit of {}, which Istio's do (cpu 2, memory 1 GiB): this host's \
                 control groups have no such controller; `limits: {{}}` asks for none",
                lacking.join(" and ")
            ))
        };
        (!lacking.is_empty()).then(|| told().about([arm]))
    };
    run.observations.arms.iter().filter_map(of_arm).collect()
}

/// Whether the service behind a sidecar was asked anything, as it counted itself. Of services that do not count, one will
/// have been asked where the arm was and no sidecar of it tells of anything.
fn has_received(run: &Run, facts: &SidecarFacts) -> bool {
    if facts.pod == CLIENT || facts.pod == GATEWAY {
        return false;
    }
    let Some(arm) = run.arms.iter().find(|arm| arm.name == facts.arm) else { return false };
    let counts = arm.told.iter().flat_map(|told| &told.services);
    let counted = counts.filter(|count| count.pod == facts.pod).map(|count| count.requests).next();
    let of_arm = |other: &&SidecarFacts| other.arm == facts.arm;
    let mut others = run.observations.facts.sidecars.iter().filter(of_arm);
    counted.map_or_else(
        || arm.requests() > 0 && others.all(|other| other.security_policies.is_empty()),
        |requests| requests > 0,
    )
}

/// The pods of sidecars, in words.
fn pods(facts: &[&SidecarFacts]) -> String {
    let pods: Vec<String> = facts.iter().map(|facts| format!("`{}`", facts.pod)).collect();
    pods.join(", ")
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
        (!amiss.is_empty()).then(|| caution(arm, amiss).about([arm]))
    };
    run.observations.arms.iter().filter_map(of_arm).collect()
}
