//! What each arm let its operators see, beside what others counted exactly.

use measure::{Observations, SidecarFacts, Sighting, Signal, WitnessKind};

use super::asked::RequestsReceived;
use super::seen::Seen;
use super::sight::Watched;

/// What the sidecars and the kernel witness told of each arm.
pub fn sightings(seen: &Seen) -> Vec<Sighting> {
    let Observations { arms, facts, .. } = &seen.observations;
    let of_arm = |arm: &String| {
        let of_kernel = seen.watched.get(arm).map(|watched| of_kernel(arm, watched));
        [of_sidecars(arm, &facts.sidecars, &seen.asked), of_kernel.unwrap_or_default()].concat()
    };
    arms.iter().flat_map(of_arm).collect()
}

fn of_sidecars(arm: &str, sidecars: &[SidecarFacts], asked: &RequestsReceived) -> Vec<Sighting> {
    // A gateway counts only what the services behind it receive, too.
    let is_sidecar = |facts: &&SidecarFacts| facts.arm == arm && facts.pod != plane::GATEWAY;
    let here = || sidecars.iter().filter(is_sidecar);
    let told = |signal: &Signal| here().any(|sidecar| sidecar.signals.contains(signal));
    let sighting = |signal| {
        let (seen, truth) = match signal {
            Signal::Requests => {
                let seen = here().flat_map(|sidecar| sidecar.security_policies.values()).sum::<u64>();
                (Some(seen as f64), asked.of(arm).map(|asked| asked as f64))
            }
            _ => (None, None),
        };
        Sighting { arm: arm.to_owned(), signal, witness: WitnessKind::Sidecars, seen, truth }
    };
    Signal::ALL.into_iter().filter(told).map(sighting).collect()
}

fn of_kernel(arm: &str, watched: &Watched) -> Vec<Sighting> {
    let Watched { tcp, totals, packets } = watched;
    let count = |seen: u64, truth: Option<u64>| (Some(seen as f64), truth.map(|truth| truth as f64));
    let mut told = vec![
        (Signal::Connections, count(tcp.opened + tcp.failed, Some(totals.opens))),
        (Signal::TcpBytes, count(tcp.sent_bytes + tcp.received_bytes, None)),
        (Signal::RoundTripTimes, (None, None)),
        (Signal::Retransmits, count(tcp.retransmits, Some(totals.retransmits))),
        (Signal::FailedOpens, count(tcp.failed, Some(totals.failed_opens))),
        (Signal::AcceptQueues, (None, None)),
    ];
    if let Some(packets) = packets {
        told.push((Signal::Drops, count(packets.dropped, None)));
        told.push((Signal::Udp, count(packets.datagrams, Some(totals.datagrams))));
        told.push((Signal::Dns, count(packets.queries, Some(packets.asked))));
    }
    let sighting =
        |(signal, (seen, truth))| Sighting { arm: arm.to_owned(), signal, witness: WitnessKind::Kernel, seen, truth };
    told.into_iter().map(sighting).collect()
}
