use std::collections::BTreeMap;

use crate::interval::{mean, stddev};
use crate::{ContainerUse, Histogram, LinkUse, LoadBlock, Metric, NODE, Observations, Phase, Reading, Stands, Value};

const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;
const MS_PER_S: f64 = 1e3;
const BYTES_PER_MIB: f64 = 1_048_576.0;

/// Name of the pod where requests start. What it uses is the load's cost, not the application's.
pub(crate) const CLIENT: &str = "client";

/// One metric of one arm: the figure, and the value of each round (or idle window) from which effects are computed.
pub(crate) struct Series {
    pub(crate) value: Option<f64>,
    pub(crate) count: u64,
    pub(crate) by_round: BTreeMap<u32, f64>,
    /// Whether the rounds' values are figures of the same kind, so that their spread is the figure's. This is false for
    /// a sum, a maximum, and a quantile that a block has too few samples for.
    is_alike: bool,
}

/// The observations of one arm, by round or number of the idle window.
pub(crate) struct ArmObservations<'a> {
    load: BTreeMap<u32, &'a LoadBlock>,
    loaded: BTreeMap<u32, &'a Reading>,
    idle: BTreeMap<u32, &'a Reading>,
    idle_warm: BTreeMap<u32, &'a Reading>,
    stands: Option<Stands>,
}

/// The containers that a figure includes.
#[derive(Clone, Copy)]
pub(crate) enum ContainerSet {
    All,
    App,
    Proxy,
    /// The proxy beside the client, which none of the above includes.
    ClientProxy,
    /// All proxies, including the client's.
    AllProxies,
    /// Applications and every proxy that a request passes.
    WithClientProxy,
    /// The node's DNS server, which none of the above includes.
    Dns,
    /// The kubelet that probes pods, which none of the above includes.
    Kubelet,
}

impl ArmObservations<'_> {
    /// The number of proxies whose use the arm's metrics include; `None` without a block.
    pub(crate) fn proxies(&self) -> Option<u32> {
        let reading = self.loaded.values().next()?;
        let proxies = reading.containers.iter().filter(|container| ContainerSet::Proxy.holds(container));
        u32::try_from(proxies.count()).ok()
    }
}

impl Series {
    /// A figure that is computed over all rounds at once.
    fn pooled(value: Option<f64>, by_round: BTreeMap<u32, f64>) -> Self {
        Self { value, count: by_round.len() as u64, by_round, is_alike: true }
    }

    fn of_sum(by_round: BTreeMap<u32, f64>) -> Self {
        Self { is_alike: false, ..Self::pooled((!by_round.is_empty()).then(|| by_round.values().sum()), by_round) }
    }

    fn of_mean(by_round: BTreeMap<u32, f64>) -> Self {
        Self::pooled(mean(&values(&by_round)), by_round)
    }

    fn of_max(by_round: BTreeMap<u32, f64>) -> Self {
        Self { is_alike: false, ..Self::pooled(by_round.values().copied().reduce(f64::max), by_round) }
    }

    /// The figure as the contract shows it.
    pub(crate) fn value(&self, metric: Metric) -> Value {
        let stddev = stddev(&values(&self.by_round)).filter(|_| self.is_alike);
        Value { value: self.value, unit: metric.unit().to_owned(), count: self.count, stddev }
    }
}

impl<'a> ArmObservations<'a> {
    /// Selects one arm of a run.
    pub(crate) fn of(observations: &'a Observations, arm: &str) -> Self {
        let readings = |phase| {
            let of_arm = observations.meters.iter().filter(move |reading| reading.arm == arm && reading.phase == phase);
            of_arm.map(|reading| (reading.round, reading)).collect()
        };
        let load = observations.load.iter().filter(|block| block.arm == arm);
        Self {
            load: load.map(|block| (block.round, block)).collect(),
            loaded: readings(Phase::Load),
            idle: readings(Phase::Idle),
            idle_warm: readings(Phase::IdleWarm),
            stands: observations.stands,
        }
    }

    /// The rounds in which this arm was under load.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = u32> {
        self.load.keys().copied()
    }

    /// One metric of this arm.
    pub(crate) fn series(&self, metric: Metric) -> Series {
        match metric {
            Metric::LatencyMsMean => self.latency_ms(Histogram::mean_ns, Histogram::mean_ns),
            Metric::LatencyMsP50 | Metric::LatencyMsP90 | Metric::LatencyMsP99 => {
                let q = metric.quantile().expect("these metrics are quantiles");
                let series = self.latency_ms(|pooled| pooled.quantile_ns(q), |block| block.block_quantile_ns(q));
                let is_alike = self.load.values().all(|block| block.samples.latency.quantile_ns(q).is_some());
                Series { is_alike, ..series }
            }
            Metric::WaitSTotal => Series::of_sum(by_round(&self.load, |block| Some(wait_s(block)))),
            Metric::Requests => Series::of_sum(by_round(&self.load, |block| Some(block.samples.requests as f64))),
            Metric::Errors => Series::of_sum(by_round(&self.load, |block| Some(errors(block) as f64))),
            Metric::CpuMsPerRequest => self.cpu_ms_per_request(ContainerSet::All),
            Metric::CpuAppMsPerRequest => self.cpu_ms_per_request(ContainerSet::App),
            Metric::CpuProxyMsPerRequest => self.cpu_ms_per_request(ContainerSet::Proxy),
            Metric::CpuSTotal => {
                Series::of_sum(by_round(&self.loaded, |reading| Some(cpu_s(reading, ContainerSet::All))))
            }
            Metric::CpuIdleCores => Series::of_mean(by_round(&self.idle, cores)),
            Metric::CpuPeakCores => Series::of_max(by_round(&self.loaded, cores)),
            Metric::CpuNodePercent => self.node_percent(),
            Metric::MemoryIdleMib => Series::of_mean(memory_mib(&self.idle, ContainerSet::All)),
            Metric::MemoryLoadedMib => self.memory_loaded_mib(ContainerSet::All),
            Metric::MemoryGrowthMib => self.memory_growth_mib(),
            Metric::MemoryProxyMib => self.memory_loaded_mib(ContainerSet::Proxy),
            Metric::WireBytesPerRequest => self.sent_per_request(|link| link.sent_bytes),
            Metric::WireFramesPerRequest => self.sent_per_request(|link| link.sent_frames),
            Metric::CpuWithClientProxyMsPerRequest => self.cpu_ms_per_request(ContainerSet::WithClientProxy),
            Metric::CpuDnsMsPerRequest => self.known_cpu_ms_per_request(ContainerSet::Dns),
            Metric::CpuKubeletMsPerRequest => self.known_cpu_ms_per_request(ContainerSet::Kubelet),
            Metric::CpuIdleWarmCores => Series::of_mean(by_round(&self.idle_warm, cores)),
            Metric::MemoryIdleWarmMib => Series::of_mean(memory_mib(&self.idle_warm, ContainerSet::All)),
            Metric::MemoryIdleWithClientProxyMib => {
                Series::of_mean(memory_mib(&self.idle, ContainerSet::WithClientProxy))
            }
            Metric::MemoryIdleWarmWithClientProxyMib => {
                Series::of_mean(memory_mib(&self.idle_warm, ContainerSet::WithClientProxy))
            }
            Metric::MemoryLoadedWithClientProxyMib => self.memory_loaded_mib(ContainerSet::WithClientProxy),
        }
    }

    /// The latencies of this arm and another in the rounds in which both have some, by round.
    pub(crate) fn latencies_beside(&self, other: &ArmObservations<'a>) -> Vec<(u32, [&'a Histogram; 2])> {
        let both = self.load.iter().filter_map(|(round, block)| {
            Some((*round, [&block.samples.latency, &other.load.get(round)?.samples.latency]))
        });
        both.filter(|(_, latencies)| latencies.iter().all(|latency| latency.count() > 0)).collect()
    }

    /// The latencies of all blocks together.
    pub(crate) fn latency(&self) -> Histogram {
        merged(self.load.values().map(|block| &block.samples.latency))
    }

    /// The generator's lateness, all blocks together.
    pub(crate) fn lag(&self) -> Histogram {
        merged(self.load.values().map(|block| &block.samples.lag))
    }

    /// The errors of all blocks, by kind.
    pub(crate) fn errors(&self) -> BTreeMap<&'a str, u64> {
        let mut errors = BTreeMap::new();
        for (kind, count) in self.load.values().flat_map(|block| &block.samples.errors) {
            *errors.entry(kind.as_str()).or_default() += count;
        }
        errors
    }

    /// The share of the machine's capacity that the hypervisor took while this arm was under load; `None` without
    /// capacity.
    pub(crate) fn stolen(&self) -> Option<f64> {
        let steal_s: f64 = self.loaded.values().map(|reading| reading.machine.steal_s).sum();
        let capacity_s: f64 = self.loaded.values().map(|reading| reading.machine.capacity_s).sum();
        (capacity_s > 0.0).then_some(steal_s / capacity_s)
    }

    fn latency_ms(
        &self,
        of_pool: impl Fn(&Histogram) -> Option<f64>,
        of_block: impl Fn(&Histogram) -> Option<f64>,
    ) -> Series {
        let pooled = self.latency();
        let by_round = by_round(&self.load, |block| Some(of_block(&block.samples.latency)? / NS_PER_MS));
        Series { value: of_pool(&pooled).map(|ns| ns / NS_PER_MS), count: pooled.count(), by_round, is_alike: true }
    }

    /// CPU time per request. The figure is total over total, so that a short block has little weight.
    pub(crate) fn cpu_ms_per_request(&self, part: ContainerSet) -> Series {
        let cost = |round: &u32| {
            let (reading, block) = (self.loaded.get(round)?, self.load.get(round)?);
            (block.samples.requests > 0).then(|| (cpu_s(reading, part) * MS_PER_S, block.samples.requests as f64))
        };
        self.over(cost)
    }

    /// CPU time per request of a part of the node; empty in runs that did not meter it.
    fn known_cpu_ms_per_request(&self, part: ContainerSet) -> Series {
        let is_known = |reading: &&Reading| reading.containers.iter().any(|container| container.pod == NODE);
        if self.loaded.values().any(is_known) {
            self.cpu_ms_per_request(part)
        } else {
            Series::of_mean(BTreeMap::new())
        }
    }

    /// Memory at the end of a block.
    pub(crate) fn memory_loaded_mib(&self, part: ContainerSet) -> Series {
        Series::of_mean(memory_mib(&self.loaded, part))
    }

    /// What all links sent, per request.
    fn sent_per_request(&self, part: fn(&LinkUse) -> u64) -> Series {
        let sent = |round: &u32| {
            let (reading, block) = (self.loaded.get(round)?, self.load.get(round)?);
            let sent: u64 = reading.links.iter().map(part).sum();
            (block.samples.requests > 0 && !reading.links.is_empty())
                .then_some((sent as f64, block.samples.requests as f64))
        };
        self.over(sent)
    }

    fn node_percent(&self) -> Series {
        let share = |round: &u32| {
            let machine = self.loaded.get(round)?.machine;
            (machine.capacity_s > 0.0).then_some((machine.busy_s * 100.0, machine.capacity_s))
        };
        self.over(share)
    }

    /// A quotient by round. The figure is the quotient of the sums.
    fn over(&self, quotient: impl Fn(&u32) -> Option<(f64, f64)>) -> Series {
        let parts: BTreeMap<u32, (f64, f64)> =
            self.loaded.keys().filter_map(|round| Some((*round, quotient(round)?))).collect();
        let over: f64 = parts.values().map(|(over, _)| over).sum();
        let under: f64 = parts.values().map(|(_, under)| under).sum();
        let by_round = parts.into_iter().map(|(round, (over, under))| (round, over / under)).collect();
        Series::pooled((under > 0.0).then(|| over / under), by_round)
    }

    /// Memory at the end of a block beyond what the same stand-up held while idle.
    fn memory_growth_mib(&self) -> Series {
        let stand = |number, of: fn(Stands, u32) -> u32| self.stands.map_or(0, |stands| of(stands, number));
        let mut idle: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (window, mib) in memory_mib(&self.idle, ContainerSet::All) {
            idle.entry(stand(window, Stands::of_window)).or_default().push(mib);
        }
        let growth = |(round, mib)| Some((round, mib - mean(idle.get(&stand(round, Stands::of_round))?)?));
        Series::of_mean(memory_mib(&self.loaded, ContainerSet::All).into_iter().filter_map(growth).collect())
    }
}

impl ContainerSet {
    fn holds(self, container: &ContainerUse) -> bool {
        let (is_client, is_proxy) = (container.pod == CLIENT, container.container == "proxy");
        let is_node = container.pod == NODE;
        match self {
            Self::All => !is_client && !is_node,
            Self::App => !is_client && container.container == "app",
            Self::Proxy => !is_client && is_proxy,
            Self::ClientProxy => is_client && is_proxy,
            Self::AllProxies => is_proxy,
            Self::WithClientProxy => (!is_client || is_proxy) && !is_node,
            Self::Dns => is_node && container.container == "dns",
            Self::Kubelet => is_node && container.container == "kubelet",
        }
    }
}

fn by_round<T>(seen: &BTreeMap<u32, &T>, value: impl Fn(&T) -> Option<f64>) -> BTreeMap<u32, f64> {
    seen.iter().filter_map(|(round, one)| Some((*round, value(one)?))).collect()
}

fn values(by_round: &BTreeMap<u32, f64>) -> Vec<f64> {
    by_round.values().copied().collect()
}

fn merged<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Histogram {
    let mut merged = Histogram::new();
    histograms.for_each(|histogram| merged.merge(histogram));
    merged
}

fn wait_s(block: &LoadBlock) -> f64 {
    block.samples.latency.mean_ns().unwrap_or(0.0) * block.samples.latency.count() as f64 / NS_PER_S
}

fn errors(block: &LoadBlock) -> u64 {
    block.samples.errors.values().sum()
}

fn cpu_s(reading: &Reading, part: ContainerSet) -> f64 {
    // The fold starts at +0, because an empty `sum` of floats is -0.
    let parts = reading.containers.iter().filter(|container| part.holds(container));
    parts.fold(0.0, |sum, container| sum + container.cpu_s)
}

fn cores(reading: &Reading) -> Option<f64> {
    (reading.wall_s > 0.0).then(|| cpu_s(reading, ContainerSet::All) / reading.wall_s)
}

fn memory_mib(readings: &BTreeMap<u32, &Reading>, part: ContainerSet) -> BTreeMap<u32, f64> {
    by_round(readings, |reading| {
        let containers = reading.containers.iter().filter(|container| part.holds(container));
        Some(containers.map(|container| container.memory_bytes).sum::<u64>() as f64 / BYTES_PER_MIB)
    })
}
