use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use experiment::PlannedFault;
use lab::{ChecksMade, Ending, LabError, Pod, Stop};
use measure::{Histogram, RestartFacts, Samples, SidecarFacts};
use plane::Plane;
use run::{Called, Counted, HealthChecks, Interrupted, Node};
use service::Counts;
use traffic::{Load, Order};

use super::sidecar::{response_flags, sidecar_facts};

/// How long a service or a kubelet may take to answer an order. The load generator may take as long beyond its last
/// request's time limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// Extra time for the load generator to report, beyond its requests' own timeouts: on a busy machine it may be slow.
const GRACE: Duration = Duration::from_secs(30);

/// An arm of a lab on this machine.
pub struct HostNode<'a> {
    /// The arm itself.
    pub node: &'a mut lab::Node,
    /// The folder for the files of its stand-up.
    pub folder: &'a Path,
    /// Set once the user asks to stop.
    pub stop: &'a Stop,
}

impl Node for HostNode<'_> {
    fn ask(&mut self, load: &Load) -> anyhow::Result<Samples> {
        let order = Order::Load(Box::new(load.clone())).to_string();
        let answer = self.node.ask_client(&order, load.longest() + GRACE, self.stop).map_err(told)?;
        samples(&answer)
    }

    fn begin_load(&mut self, load: &Load) -> anyhow::Result<()> {
        self.node.client().order(&Order::Load(Box::new(load.clone())).to_string()).map_err(told)
    }

    fn end_load(&mut self, load: &Load) -> anyhow::Result<Samples> {
        self.node.client().order(&Order::Stop.to_string()).map_err(told)?;
        let answer = self.node.client().answer(load.timeout + PATIENCE, self.stop).map_err(told)?;
        samples(&answer)
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        order(self.node, "settle", self.stop).map(drop).map_err(told)
    }

    fn counts(&mut self) -> anyhow::Result<Vec<Counted>> {
        counts(self.node, self.stop)
    }

    fn last_counts(&mut self) -> anyhow::Result<Vec<Counted>> {
        counts(self.node, &Stop::default())
    }

    fn health_checks(&mut self) -> anyhow::Result<Option<HealthChecks>> {
        let Some(kubelet) = self.node.kubelet() else { return Ok(None) };
        let answer = kubelet.ask("counts", PATIENCE, self.stop).map_err(told)?;
        let ChecksMade { asked, failed } = serde_json::from_str(&answer).context("a kubelet's counts are damaged")?;
        Ok(Some(HealthChecks { asked, failed }))
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.node.tend().map_err(told)
    }

    fn take_endings(&mut self) -> Vec<RestartFacts> {
        let endings = self.node.take_endings().into_iter();
        let arm = self.node.name();
        let facts = |(pod, Ending { container, status })| RestartFacts { arm: arm.to_owned(), pod, container, status };
        endings.map(facts).collect()
    }

    fn scrape(&mut self) -> anyhow::Result<Vec<SidecarFacts>> {
        let arm = self.node.name();
        let scrape = |(pod, options): (&Pod, &_)| {
            let text = metrics(pod)?;
            let file = self.folder.join(format!("planes/{arm}/{}/stats.prom", pod.name()));
            lab::write_anew(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
            Ok(sidecar_facts(arm, pod.name(), options, &text))
        };
        self.node.proxies().map(scrape).collect()
    }

    fn response_flags(&mut self) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut seen = BTreeMap::new();
        if !matches!(self.node.plane(), Plane::Sidecar(_)) {
            return Ok(seen);
        }
        for pod in self.node.pods() {
            for (flag, count) in response_flags(&metrics(pod)?) {
                *seen.entry(flag.to_owned()).or_default() += count;
            }
        }
        Ok(seen)
    }

    fn inject(&mut self, fault: &PlannedFault) -> anyhow::Result<()> {
        self.node.inject(&fault.injection, self.stop).map_err(told)
    }

    fn mend(&mut self, fault: &PlannedFault) -> anyhow::Result<Option<u64>> {
        self.node.mend(&fault.injection, &Stop::default()).map_err(told)
    }
}

/// Turns a lab's error into one that `run` knows: an interruption by the user becomes `Interrupted`.
pub fn told(error: LabError) -> anyhow::Error {
    match error {
        LabError::Interrupted => Interrupted.into(),
        error => error.into(),
    }
}

/// Parses the load generator's answer to a load.
fn samples(answer: &str) -> anyhow::Result<Samples> {
    serde_json::from_str(answer).context("the load generator's answer is damaged")
}

fn counts(node: &mut lab::Node, stop: &Stop) -> anyhow::Result<Vec<Counted>> {
    let answers = order(node, "counts", stop).map_err(told)?;
    let counted = |answer: &String| -> anyhow::Result<Counted> { counted(&serde_json::from_str(answer)?) };
    answers.iter().map(|answer| counted(answer).context("a service's counts are damaged")).collect()
}

/// Parses what a service has counted.
fn counted(counts: &Counts) -> anyhow::Result<Counted> {
    let calls = counts.calls.iter().map(|call| {
        Ok(Called {
            service: call.service.clone(),
            path: call.path.clone(),
            calls: call.calls,
            failures: call.failures,
            retries: call.retries,
            latency: Histogram::decode(&call.latency)?,
        })
    });
    Ok(Counted {
        pod: counts.pod.clone(),
        requests: counts.endpoints.iter().map(|endpoint| endpoint.requests).sum(),
        errors: counts.endpoints.iter().map(|endpoint| endpoint.errors).sum(),
        sent_bytes: counts.endpoints.iter().map(|endpoint| endpoint.sent_bytes).sum(),
        waited_ns: counts.waited_ns,
        burned_ns: counts.cpu_burned_ns,
        calls: calls.collect::<anyhow::Result<_>>()?,
    })
}

/// Gives an order to every simulated service, then collects the answers.
fn order(node: &mut lab::Node, order: &str, stop: &Stop) -> Result<Vec<String>, LabError> {
    let is_service = |pod: &&mut Pod| pod.name() != topology::CLIENT;
    let services = node.pods_mut().iter_mut().filter(is_service);
    let mut apps: Vec<_> = services.filter_map(|pod| pod.container("app")).filter(|app| app.takes_orders()).collect();
    apps.iter_mut().try_for_each(|app| app.order(order))?;
    apps.iter_mut().map(|app| app.answer(PATIENCE, stop)).collect()
}

/// Reads the metrics of the Envoy beside a pod, in Prometheus's text format.
fn metrics(pod: &Pod) -> anyhow::Result<String> {
    let (_, text) = pod
        .http_get(Ipv4Addr::LOCALHOST, plane::ADMIN_PORT, "/stats/prometheus")
        .with_context(|| format!("cannot read the metrics of the sidecar of `{}`", pod.name()))?;
    Ok(text)
}
