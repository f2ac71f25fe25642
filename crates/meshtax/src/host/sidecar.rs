//! Reads what a sidecar reports about itself in Prometheus's text format.

use std::collections::BTreeMap;

use measure::{SidecarFacts, Signal};
use plane::Sidecar;

const CONCURRENCY: &str = "envoy_server_concurrency";
/// The counters of requests and of TCP connections that a sidecar received.
const RECEIVED: [&str; 2] = ["envoy_istio_requests_total", "envoy_istio_tcp_connections_opened_total"];

/// The start and end of the name of each cluster's counter of retried requests.
const RETRIES: (&str, &str) = ("envoy_cluster_", "_upstream_rq_retry");

/// Istio's standard metrics, and the signal that each belongs to.
const SIGNALS: [(&str, Signal); 5] = [
    ("envoy_istio_requests_total", Signal::Requests),
    ("envoy_istio_request_duration_milliseconds_count", Signal::RequestDuration),
    ("envoy_istio_response_bytes_count", Signal::RequestBytes),
    ("envoy_istio_tcp_connections_opened_total", Signal::Connections),
    ("envoy_istio_tcp_sent_bytes_total", Signal::TcpBytes),
];

/// A metric of the text format: `name{label="value",..} number`.
struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    value: u64,
}

/// Reads the facts in the metrics of one sidecar.
pub fn sidecar_facts(arm: &str, pod: &str, options: &Sidecar, text: &str) -> SidecarFacts {
    let samples: Vec<Sample> = text.lines().filter_map(Sample::parse).collect();
    let concurrency = samples.iter().find(|sample| sample.name == CONCURRENCY).map(|sample| sample.value);
    let mut security_policies = BTreeMap::new();
    // The caller's side does not know the connection security policy, as in Istio.
    let received = |sample: &&Sample| {
        RECEIVED.contains(&sample.name) && sample.label("reporter") == Some("destination") && sample.value > 0
    };
    for sample in samples.iter().filter(received) {
        let policy = sample.label("connection_security_policy").unwrap_or("unknown").to_owned();
        *security_policies.entry(policy).or_default() += sample.value;
    }
    let is_told = |name: &str| samples.iter().any(|sample| sample.name == name);
    let signals = SIGNALS.into_iter().filter(|(name, _)| is_told(name)).map(|(_, signal)| signal).collect();
    let is_retries = |sample: &&Sample| sample.name.starts_with(RETRIES.0) && sample.name.ends_with(RETRIES.1);
    SidecarFacts {
        arm: arm.to_owned(),
        pod: pod.to_owned(),
        concurrency_asked: options.concurrency.into(),
        plaintext_asked: !options.is_mutual(),
        concurrency,
        telemetry_asked: options.telemetry,
        security_policies,
        retries: samples.iter().filter(is_retries).map(|sample| sample.value).sum(),
        signals,
        response_flags: response_flags(text).into_iter().map(|(flag, count)| (flag.to_owned(), count)).collect(),
    }
}

/// Counts requests and TCP connections that ended badly, by Envoy's response flag. Each side of a call reports its own.
pub fn response_flags(text: &str) -> BTreeMap<&str, u64> {
    const ENDED: [&str; 2] = ["envoy_istio_requests_total", "envoy_istio_tcp_connections_closed_total"];
    let mut flags = BTreeMap::new();
    for sample in text.lines().filter_map(Sample::parse).filter(|sample| ENDED.contains(&sample.name)) {
        for flag in sample.label("response_flags").unwrap_or("-").split(' ').filter(|flag| *flag != "-") {
            *flags.entry(flag).or_default() += sample.value;
        }
    }
    flags
}

impl<'a> Sample<'a> {
    /// Parses one line. Returns `None` for comments, values that are not whole numbers, and names without a value.
    fn parse(line: &'a str) -> Option<Self> {
        let (metric, value) = line.rsplit_once(' ')?;
        let (name, labels) = metric.split_once('{').unwrap_or((metric, ""));
        Some(Self { name, labels: labels.strip_suffix('}').unwrap_or(labels), value: value.parse().ok()? })
    }

    /// The value of a label. The labels that are read here contain no escapes.
    fn label(&self, name: &str) -> Option<&'a str> {
        let mut labels = self.labels.split(',').filter_map(|label| label.split_once("=\""));
        labels.find_map(|(key, value)| (key == name).then_some(value)?.strip_suffix('"'))
    }
}

#[cfg(test)]
mod tests;
