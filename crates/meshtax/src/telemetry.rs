//! What each arm let its operators see, beside what others counted exactly.

use std::collections::BTreeMap;

use measure::{SidecarFacts, Sighting, Signal};
use service::Counts;

use crate::kernel::Watched;

const SIDECARS: &str = "sidecars";
const KERNEL: &str = "kernel";

/// Requests that an arm's services received since they stand, as they say themselves.
#[derive(Clone, Debug, Default)]
pub struct Asked(BTreeMap<String, u64>);

impl Asked {
    /// Adds the services of an arm.
    pub fn add(&mut self, arm: &str, counts: &[Counts]) {
        let endpoints = counts.iter().flat_map(|counts| &counts.endpoints);
        *self.0.entry(arm.to_owned()).or_default() += endpoints.map(|endpoint| endpoint.requests).sum::<u64>();
    }
}

/// What the sidecars and the kernel witness told of each of these arms.
pub fn sightings(
    arms: &[String],
    sidecars: &[SidecarFacts],
    asked: &Asked,
    watched: &BTreeMap<String, Watched>,
) -> Vec<Sighting> {
    let of_arm = |arm: &String| {
        let of_kernel = watched.get(arm).map(|watched| of_kernel(arm, watched));
        [of_sidecars(arm, sidecars, asked), of_kernel.unwrap_or_default()].concat()
    };
    arms.iter().flat_map(of_arm).collect()
}

fn of_sidecars(arm: &str, sidecars: &[SidecarFacts], asked: &Asked) -> Vec<Sighting> {
    // A gateway counts only what the services behind it receive, too.
    let is_sidecar = |facts: &&SidecarFacts| facts.arm == arm && facts.pod != plane::GATEWAY;
    let here = || sidecars.iter().filter(is_sidecar);
    let told = |signal: &Signal| here().any(|sidecar| sidecar.signals.contains(signal));
    let sighting = |signal| {
        let (seen, truth) = match signal {
            Signal::Requests => {
                let seen = here().flat_map(|sidecar| sidecar.security_policies.values()).sum::<u64>();
                (Some(seen as f64), asked.0.get(arm).filter(|asked| **asked > 0).map(|asked| *asked as f64))
            }
            _ => (None, None),
        };
        Sighting { arm: arm.to_owned(), signal, witness: SIDECARS.to_owned(), seen, truth }
    };
    Signal::ALL.into_iter().filter(told).map(sighting).collect()
}

fn of_kernel(arm: &str, watched: &Watched) -> Vec<Sighting> {
    let Watched { moved, truth, passed } = watched;
    let count = |seen: u64, truth: Option<u64>| (Some(seen as f64), truth.map(|truth| truth as f64));
    let mut told = vec![
        (Signal::Connections, count(moved.opened + moved.failed, Some(truth.active_opens + truth.passive_opens))),
        (Signal::TcpBytes, count(moved.sent_bytes + moved.received_bytes, None)),
        (Signal::RoundTripTimes, (None, None)),
        (Signal::Retransmits, count(moved.retransmits, Some(truth.retransmits))),
        (Signal::FailedOpens, count(moved.failed, Some(truth.failed_opens))),
        (Signal::AcceptQueues, (None, None)),
    ];
    if let Some(passed) = passed {
        let datagrams = truth.datagrams_sent + truth.datagrams_received;
        told.push((Signal::Drops, count(passed.dropped, None)));
        told.push((Signal::Udp, count(passed.datagrams, Some(datagrams))));
        told.push((Signal::Dns, count(passed.queries, Some(passed.asked))));
    }
    let sighting =
        |(signal, (seen, truth))| Sighting { arm: arm.to_owned(), signal, witness: KERNEL.to_owned(), seen, truth };
    told.into_iter().map(sighting).collect()
}
