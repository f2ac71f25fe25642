//! What each witness of an arm counts that may tell of a fault.

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;

use anyhow::Context;
use lab::{Node, Stop};
use measure::{FULL_ACCEPT_QUEUES, Histogram, LISTEN_DROPS, NXDOMAIN, RESETS, RETRANSMITS};
use plane::Plane;
use probe::Tcp;

use crate::experiment::Experiment;
use crate::kernel::{Beyond, Kernel};
use crate::sidecar::response_flags;
use crate::witness;

const APPLICATION: &str = "application";
const SIDECARS: &str = "sidecars";
const KERNEL: &str = "kernel";

/// A call is slow if it takes this many times as long as the longest in the calm.
const SLOW: u64 = 2;

/// Something that a witness counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sign {
    pub witness: &'static str,
    pub name: String,
}

/// The witnesses of one arm.
pub struct Signs {
    kernel: Option<Programs>,
    latency_before: Histogram,
    latency: Histogram,
    /// Above this a call is slow, in nanoseconds; none while the calm lasts.
    slow_ns: Option<u64>,
}

/// Programs in the kernel, as far as the arm is watched.
struct Programs {
    probe: Tcp,
    beyond: Option<Beyond>,
    namespaces: HashSet<u32>,
    /// Looks at listeners so far that found them full.
    full: u64,
}

impl Signs {
    /// Loads what the arm is watched by. Nothing that was seen until now counts.
    pub fn begin(experiment: &Experiment, node: &mut Node, kernel: &Kernel, stop: &Stop) -> anyhow::Result<Self> {
        let beyond = experiment.arms.iter().any(|arm| arm.name == node.name() && arm.watched_beyond);
        let programs = kernel.namespaces(node.name()).map(|namespaces| Programs::begin(namespaces.clone(), beyond));
        let kernel = programs.transpose()?;
        let (.., latency_before) = calls(node, stop)?;
        Ok(Self { kernel, latency: latency_before.clone(), latency_before, slow_ns: None })
    }

    /// Looks at every witness: how often each sign was seen.
    pub fn look(&mut self, node: &mut Node, stop: &Stop) -> anyhow::Result<BTreeMap<Sign, u64>> {
        let mut seen = self.kernel.as_mut().map(|programs| programs.look(node)).transpose()?.unwrap_or_default();
        if matches!(node.plane(), Plane::Sidecar(_)) {
            seen.extend(sidecars(node)?);
        }
        let (failed, latency) = calls(node, stop)?;
        self.latency = latency.since(&self.latency_before);
        let slow = self.slow_ns.map_or(0, |slow_ns| self.latency.count_above(slow_ns));
        seen.insert(sign(APPLICATION, "failed calls"), failed);
        seen.insert(sign(APPLICATION, "slow calls"), slow);
        Ok(seen)
    }

    /// The calm is over: what takes much longer than its calls is slow.
    pub fn end_calm(&mut self) {
        self.slow_ns = Some(self.latency.longest_ns().saturating_mul(SLOW));
    }
}

impl Programs {
    fn begin(namespaces: HashSet<u32>, beyond: bool) -> anyhow::Result<Self> {
        let mut probe = Tcp::load().context("cannot load the kernel witness")?;
        probe.attach().context("cannot attach the kernel witness")?;
        let beyond = beyond.then(Beyond::begin).transpose()?;
        Ok(Self { probe, beyond, namespaces, full: 0 })
    }

    fn look(&mut self, node: &Node) -> anyhow::Result<BTreeMap<Sign, u64>> {
        let series = self.probe.series().context("cannot read what the kernel witness has counted")?;
        let here = || series.iter().filter(|(key, _)| self.namespaces.contains(&key.netns)).map(|(_, series)| series);
        let mut seen = BTreeMap::from([
            (sign(KERNEL, RETRANSMITS), here().map(|series| series.retransmits).sum()),
            (sign(KERNEL, RESETS), here().map(|series| series.reset).sum()),
            (sign(KERNEL, "failed opens"), here().map(|series| series.failed).sum()),
        ]);
        let sockets = self.probe.connections().context("cannot read the kernel witness's sockets")?;
        let listeners = sockets.iter().filter(|socket| self.namespaces.contains(&socket.netns));
        let listeners: Vec<_> = listeners.filter(|socket| socket.state.name() == "LISTEN").collect();
        // The kernel lets one more wait than the limit says.
        self.full += listeners.iter().filter(|listener| listener.queue > listener.queue_max).count() as u64;
        seen.insert(sign(KERNEL, FULL_ACCEPT_QUEUES), self.full);
        seen.insert(sign(KERNEL, LISTEN_DROPS), listeners.iter().map(|listener| u64::from(listener.drops)).sum());
        if let Some(beyond) = &self.beyond {
            let passed = beyond.passed(&self.namespaces, node.dns().pid())?;
            seen.insert(sign(KERNEL, NXDOMAIN), passed.nonexistent);
            seen.insert(sign(KERNEL, "DNS timeouts"), passed.timeouts);
        }
        Ok(seen)
    }
}

/// What Istio's standard metrics say of requests and connections that ended badly, by Envoy's response flag.
fn sidecars(node: &Node) -> anyhow::Result<BTreeMap<Sign, u64>> {
    let mut seen = BTreeMap::new();
    for pod in node.pods() {
        let (_, text) = pod
            .http_get(Ipv4Addr::LOCALHOST, plane::ADMIN_PORT, "/stats/prometheus")
            .with_context(|| format!("cannot read the metrics of the sidecar of `{}`", pod.name()))?;
        for (flag, count) in response_flags(&text) {
            *seen.entry(sign(SIDECARS, &format!("response flag {flag}"))).or_default() += count;
        }
    }
    Ok(seen)
}

/// Attempts that failed, and the latency of calls that did not, as the arm's services count their own.
fn calls(node: &mut Node, stop: &Stop) -> anyhow::Result<(u64, Histogram)> {
    let (mut failed, mut latency) = (0, Histogram::new());
    for call in witness::counts(node, stop)?.iter().flat_map(|counts| &counts.calls) {
        failed += call.failures + call.retries;
        latency.merge(&Histogram::decode(&call.latency).context("a service's histogram is damaged")?);
    }
    Ok((failed, latency))
}

fn sign(witness: &'static str, name: &str) -> Sign {
    Sign { witness, name: name.to_owned() }
}
