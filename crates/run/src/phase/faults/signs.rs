//! What each witness of an arm counts that may tell of a fault.

use std::collections::BTreeMap;

use measure::{Histogram, Sign};

use crate::kernel_witness::{KernelSigns, KernelWitness};
use crate::node::Node;

/// A call is slow if it takes this many times as long as the longest in the calm.
const SLOW: u64 = 2;

/// The witnesses of one arm.
pub struct Signs<K> {
    /// Programs in the kernel, where the arm is watched.
    kernel: Option<K>,
    latency_before: Histogram,
    latency: Histogram,
    /// Above this a call is slow, in nanoseconds; none while the calm lasts.
    slow_ns: Option<u64>,
}

impl<K: KernelSigns> Signs<K> {
    /// Loads what the arm is watched by. Nothing that was seen until now counts.
    pub fn begin(arm: &str, node: &mut impl Node, witness: &impl KernelWitness<Signs = K>) -> anyhow::Result<Self> {
        let kernel = witness.signs(arm)?;
        let (.., latency_before) = calls(node)?;
        Ok(Self { kernel, latency: latency_before.clone(), latency_before, slow_ns: None })
    }

    /// Looks at every witness: how often each sign was seen.
    pub fn look(&mut self, node: &mut impl Node) -> anyhow::Result<BTreeMap<Sign, u64>> {
        let mut seen = self.kernel.as_mut().map(KernelSigns::look).transpose()?.unwrap_or_default();
        let flags = node.response_flags()?.into_iter();
        seen.extend(flags.map(|(flag, count)| (Sign::ResponseFlag(flag), count)));
        let (failed, latency) = calls(node)?;
        self.latency = latency.since(&self.latency_before);
        let slow = self.slow_ns.map_or(0, |slow_ns| self.latency.count_above(slow_ns));
        seen.insert(Sign::FailedCalls, failed);
        seen.insert(Sign::SlowCalls, slow);
        Ok(seen)
    }

    /// The calm is over: what takes much longer than its calls is slow.
    pub fn end_calm(&mut self) {
        self.slow_ns = Some(self.latency.longest_ns().saturating_mul(SLOW));
    }
}

/// Attempts that failed, and the latency of calls that did not, as the arm's services count their own.
fn calls(node: &mut impl Node) -> anyhow::Result<(u64, Histogram)> {
    let (mut failed, mut latency) = (0, Histogram::new());
    for called in node.counts()?.iter().flat_map(|counted| &counted.calls) {
        failed += called.failures + called.retries;
        latency.merge(&called.latency);
    }
    Ok((failed, latency))
}
