use super::{CautionKind, Run};
use crate::series::CLIENT;
use crate::{Caution, GATEWAY, SidecarFacts};

/// Istio's name for a connection that both sides authenticated.
const MUTUAL_TLS: &str = "mutual_tls";

/// Warns about sidecars with another number of workers than asked for. Envoy adapts the number to the machine unless it
/// is told.
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

/// Warns about sidecars that do not report their number of workers.
pub(super) fn concurrency_unverified(run: &Run) -> Vec<Caution> {
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        CautionKind::ConcurrencyUnverified.caution(format!(
            "sidecars of arm `{arm}` do not report how many worker threads they run ({}; `server.concurrency` in their own \
             metrics): it is not verified that they run {} as asked;  see planes/{arm} in the run folder",
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
            "sidecars of arm `{arm}` received {count} requests without mutual TLS ({}; `connection_security_policy` in their \
             own metrics): the figures do not include the cost of encryption;  see planes/{arm} in the run folder",
            pods(&facts)
        ))
    };
    in_arms(run, plain, by_arm)
}

/// Warns about sidecars that received requests and report nothing on mutual TLS.
pub(super) fn mutual_tls_unverified(run: &Run) -> Vec<Caution> {
    let is_silent = |facts: &&SidecarFacts| {
        let is_telling = facts.telemetry_asked && !facts.plaintext_asked;
        is_telling && facts.security_policies.is_empty() && has_received(run, facts)
    };
    let by_arm = |arm: &str, facts: Vec<&SidecarFacts>| {
        CautionKind::MtlsUnverified.caution(format!(
            "sidecars of arm `{arm}` received requests and do not report whether with mutual TLS ({}; no \
             `connection_security_policy` in their own metrics): it is not verified that the figures include the cost of \
             encryption;  see planes/{arm} in the run folder",
            pods(&facts)
        ))
    };
    in_arms(run, is_silent, by_arm)
}

/// Warns about limits that Istio's sidecars have and this host cannot set, because it lacks the controller.
pub(super) fn limits_missing(run: &Run) -> Vec<Caution> {
    let of_arm = |arm: &String| {
        let lacking = run.observations.facts.unlimited.iter().filter(|facts| facts.arm == *arm);
        let lacking: Vec<String> = lacking.map(|facts| format!("`{}`", facts.controller)).collect();
        let told = || {
            CautionKind::LimitsMissing.caution(format!(
                "sidecars of arm `{arm}` have no limit of {}, unlike Istio's (cpu 2, memory 1 GiB): this host's control \
                 groups have no such controller; `limits: {{}}` asks for no limits",
                lacking.join(" and ")
            ))
        };
        (!lacking.is_empty()).then(|| told().about([arm]))
    };
    run.observations.arms.iter().filter_map(of_arm).collect()
}

/// Whether the service behind a sidecar received requests, by its own count. For services that do not count, it is
/// assumed if the arm had requests and no sidecar of it reports any.
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

/// The names of the sidecars' pods.
fn pods(facts: &[&SidecarFacts]) -> String {
    let pods: Vec<String> = facts.iter().map(|facts| format!("`{}`", facts.pod)).collect();
    pods.join(", ")
}

/// Makes one caution for each arm with sidecars that match.
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
