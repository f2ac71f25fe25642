//! What the simulated services counted within the blocks, all stand-ups of the lab together.

use measure::{CallLatency, Edge, Recorded, ServiceCount};

use super::counted::{Called, Counted};

/// By arm, then by pod.
#[derive(Clone, Debug, Default)]
pub struct Tally(Vec<Vec<Counted>>);

impl Tally {
    /// Adds what the services of an arm counted in a block: between two countings of them, pod by pod.
    pub fn add(&mut self, arm: usize, before: &[Counted], after: &[Counted]) {
        let more: Vec<Counted> = before.iter().zip(after).map(|(before, after)| after.since(before)).collect();
        if self.0.len() <= arm {
            self.0.resize_with(arm + 1, Vec::new);
        }
        let counted = &mut self.0[arm];
        if counted.is_empty() {
            *counted = more;
        } else {
            counted.iter_mut().zip(&more).for_each(|(counted, more)| counted.add(more));
        }
    }

    /// Requests that each pod of an arm received; `pods` names the service of each pod.
    pub fn services(&self, arm: usize, pods: &[(String, String)]) -> Vec<ServiceCount> {
        let service_of = |pod: &str| pods.iter().find(|(name, _)| name == pod).map_or("", |(_, service)| service);
        let count = |counted: &Counted| ServiceCount {
            service: service_of(&counted.pod).to_owned(),
            pod: counted.pod.clone(),
            requests: counted.requests,
            errors: counted.errors,
        };
        self.arm(arm).iter().map(count).collect()
    }

    /// What the services of an arm recorded of their own work, per request of the load; none where nothing is simulated
    /// or nothing was asked.
    pub fn recorded(&self, arm: usize, requests: u64) -> Option<Recorded> {
        let arm = self.arm(arm);
        if arm.is_empty() || requests == 0 {
            return None;
        }
        let per_request = |part: fn(&Counted) -> u64| arm.iter().map(part).sum::<u64>() as f64 / requests as f64;
        Some(Recorded {
            wait_ms_per_request: in_ms(per_request(|counted| counted.waited_ns)),
            cpu_ms_per_request: in_ms(per_request(|counted| counted.burned_ns)),
            answer_bytes_per_request: per_request(|counted| counted.sent_bytes),
        })
    }

    /// Calls that each pod of an arm made.
    pub fn edges(&self, arm: usize) -> Vec<Edge> {
        let edge = |(pod, called): (&str, &Called)| Edge {
            from: pod.to_owned(),
            to: called.service.clone(),
            path: called.path.clone(),
            calls: called.calls,
            failures: called.failures,
            retries: called.retries,
            latency_ms_p50: called.latency.quantile_ns(0.5).map(in_ms),
            latency_ms_mean: called.latency.mean_ns().map(in_ms),
        };
        self.calls(arm).map(edge).collect()
    }

    /// Latency of the calls of each pod of an arm.
    pub fn call_latencies(&self, arm: usize, name: &str) -> Vec<CallLatency> {
        let latency = |(pod, called): (&str, &Called)| CallLatency {
            arm: name.to_owned(),
            from: pod.to_owned(),
            to: called.service.clone(),
            path: called.path.clone(),
            latency: called.latency.clone(),
        };
        self.calls(arm).map(latency).collect()
    }

    fn calls(&self, arm: usize) -> impl Iterator<Item = (&str, &Called)> {
        self.arm(arm).iter().flat_map(|counted| counted.calls.iter().map(|called| (&*counted.pod, called)))
    }

    fn arm(&self, arm: usize) -> &[Counted] {
        self.0.get(arm).map_or(&[], Vec::as_slice)
    }
}

/// Nanoseconds in milliseconds.
fn in_ms(ns: f64) -> f64 {
    ns / 1e6
}
