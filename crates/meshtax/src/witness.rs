//! What watches a run: meters of every container, the services' own counts, the sidecars' own metrics.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use lab::{Lab, LabError, Node, Stop};
use measure::{
    CallLatency, ClockFacts, Edge, Histogram, MemorySource, Phase, Reading, Recorded, ServiceCount, SidecarFacts,
};
use meter::{Cgroups, Container, Machine, Snapshot};
use service::Counts;

use crate::folder::RunFolder;
use crate::sidecar::sidecar_facts;

/// How long a service may take to answer an order.
const PATIENCE: Duration = Duration::from_secs(30);

/// The meters of every arm.
pub struct Meters {
    machine: Machine,
    arms: Vec<Vec<Container>>,
    opened: Instant,
}

impl Meters {
    /// Opens the meters of every container of the lab.
    pub fn open(lab: &Lab) -> anyhow::Result<Meters> {
        let cgroups = Cgroups::discover(Path::new("/"))?;
        let arm = |node: &Node| {
            let pods = node.pods().iter();
            let groups = pods.flat_map(|pod| pod.groups().map(move |(container, path)| (pod.name(), container, path)));
            groups.map(|(pod, container, path)| cgroups.container(pod, container, &path)).collect()
        };
        let arms = lab.nodes().iter().map(arm).collect::<Result<_, _>>()?;
        Ok(Meters { machine: Machine::open(Path::new("/"))?, arms, opened: Instant::now() })
    }

    /// Where memory figures come from.
    pub fn memory_source(&self) -> MemorySource {
        self.arms.iter().flatten().next().map_or(MemorySource::Pss, Container::memory_source)
    }

    /// Reads the meters of one arm.
    pub fn snapshot(&self, arm: usize) -> anyhow::Result<Snapshot> {
        Ok(Snapshot::take(&self.arms[arm], &self.machine)?)
    }

    /// Reads the meters of every arm.
    pub fn snapshots(&self) -> anyhow::Result<Vec<Snapshot>> {
        (0..self.arms.len()).map(|arm| self.snapshot(arm)).collect()
    }

    /// What the machine's clocks follow now.
    pub fn clock(&self) -> anyhow::Result<ClockFacts> {
        Ok(meter::clock(Path::new("/"))?)
    }

    /// What was used between two snapshots of an arm.
    pub fn reading(&self, phase: Phase, arm: &str, round: u32, from: &Snapshot, to: &Snapshot) -> Reading {
        let used = from.until(to);
        Reading {
            phase,
            arm: arm.to_owned(),
            round,
            started_s: from.taken_s(self.opened),
            wall_s: used.wall_s,
            containers: used.containers,
            machine: used.machine,
        }
    }
}

/// Waits until no simulated service of the arm has a request or background work in flight.
pub fn settle(node: &mut Node, stop: &Stop) -> Result<(), LabError> {
    order(node, "settle", stop).map(|_| ())
}

/// What the arm's simulated services have counted since they started.
pub fn counts(node: &mut Node, stop: &Stop) -> anyhow::Result<Vec<Counts>> {
    let answers = order(node, "counts", stop)?;
    let parse = |answer: &String| serde_json::from_str(answer).context("a service's counts are damaged");
    answers.iter().map(parse).collect()
}

/// Gives an order to every simulated service, then collects the answers.
fn order(node: &mut Node, order: &str, stop: &Stop) -> Result<Vec<String>, LabError> {
    let is_service = |pod: &&mut lab::Pod| pod.name() != lab::address::CLIENT;
    let services = node.pods_mut().iter_mut().filter(is_service);
    let mut apps: Vec<_> = services.filter_map(|pod| pod.container("app")).filter(|app| app.takes_orders()).collect();
    apps.iter_mut().try_for_each(|app| app.order(order))?;
    apps.iter_mut().map(|app| app.answer(PATIENCE, stop)).collect()
}

/// Keeps what each sidecar says of itself, in Prometheus's text format, and reads the facts in it.
pub fn scrape(node: &Node, folder: &RunFolder) -> anyhow::Result<Vec<SidecarFacts>> {
    let plane::Plane::Sidecar(options) = node.plane() else { return Ok(Vec::new()) };
    let mut facts = Vec::new();
    for pod in node.pods() {
        let name = format!("planes/{}/{}/stats.prom", node.name(), pod.name());
        let (_, text) = pod
            .http_get(std::net::Ipv4Addr::LOCALHOST, plane::ADMIN_PORT, "/stats/prometheus")
            .with_context(|| format!("cannot read the metrics of the sidecar of `{}`", pod.name()))?;
        folder.write(&name, &text)?;
        facts.push(sidecar_facts(node.name(), pod.name(), options.concurrency.into(), &text));
    }
    Ok(facts)
}

/// Requests that each pod received between two countings.
pub fn service_counts(pods: &[(String, String)], earlier: &[Counts], later: &[Counts]) -> Vec<ServiceCount> {
    let pair = |service: &str, before: &Counts, after: &Counts| {
        let sum =
            |counts: &Counts, part: fn(&service::EndpointCount) -> u64| counts.endpoints.iter().map(part).sum::<u64>();
        ServiceCount {
            service: service.to_owned(),
            pod: after.pod.clone(),
            requests: sum(after, |count| count.requests) - sum(before, |count| count.requests),
            errors: sum(after, |count| count.errors) - sum(before, |count| count.errors),
        }
    };
    let service_of = |pod: &str| pods.iter().find(|(name, _)| name == pod).map_or("", |(_, service)| service);
    later.iter().zip(earlier).map(|(after, before)| pair(service_of(&after.pod), before, after)).collect()
}

/// What the services recorded of their own work between two countings, per request of the load; none where nothing is
/// simulated or nothing was asked.
pub fn recorded(earlier: &[Counts], later: &[Counts], requests: u64) -> Option<Recorded> {
    if later.is_empty() || requests == 0 {
        return None;
    }
    let total = |part: fn(&Counts) -> u64| later.iter().map(part).sum::<u64>() - earlier.iter().map(part).sum::<u64>();
    let per_request = |total: u64| total as f64 / requests as f64;
    Some(Recorded {
        wait_ms_per_request: in_ms(per_request(total(|counts| counts.waited_ns))),
        cpu_ms_per_request: in_ms(per_request(total(|counts| counts.cpu_burned_ns))),
        answer_bytes_per_request: per_request(total(|counts| {
            counts.endpoints.iter().map(|endpoint| endpoint.sent_bytes).sum()
        })),
    })
}

/// Latency of the calls of each pod between two countings.
pub fn call_latencies(arm: &str, earlier: &[Counts], later: &[Counts]) -> anyhow::Result<Vec<CallLatency>> {
    let mut latencies = Vec::new();
    for (before, after) in earlier.iter().zip(later) {
        for (first, last) in before.calls.iter().zip(&after.calls) {
            let latency = Histogram::decode(&last.latency)?.since(&Histogram::decode(&first.latency)?);
            let (from, to, path) = (after.pod.clone(), last.service.clone(), last.path.clone());
            latencies.push(CallLatency { arm: arm.to_owned(), from, to, path, latency });
        }
    }
    Ok(latencies)
}

/// Calls that each pod made between two countings.
pub fn edges(earlier: &[Counts], later: &[Counts]) -> anyhow::Result<Vec<Edge>> {
    let mut edges = Vec::new();
    for (before, after) in earlier.iter().zip(later) {
        for (first, last) in before.calls.iter().zip(&after.calls) {
            let latency = Histogram::decode(&last.latency)?.since(&Histogram::decode(&first.latency)?);
            edges.push(Edge {
                from: after.pod.clone(),
                to: last.service.clone(),
                path: last.path.clone(),
                calls: last.calls - first.calls,
                failures: last.failures - first.failures,
                retries: last.retries - first.retries,
                latency_ms_p50: latency.quantile_ns(0.5).map(in_ms),
                latency_ms_mean: latency.mean_ns().map(in_ms),
            });
        }
    }
    Ok(edges)
}

fn in_ms(ns: f64) -> f64 {
    ns / 1e6
}
