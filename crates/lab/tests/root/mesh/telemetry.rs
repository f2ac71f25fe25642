//! What sidecars count equals what the services counted.

use super::REQUESTS;
use testbed::Kept;

/// Bytes of `cache`'s answer.
const ANSWER_BYTES: u64 = 64;

pub fn http_requests_are_counted_on_both_sides(lab: &Kept) {
    let truth = [lab.run.requests("sidecar", "front"), lab.run.requests("sidecar", "back")].concat();
    // Nobody but the callers counts for a command.
    for (pod, requests) in truth.into_iter().chain([("echo-v1".to_owned(), REQUESTS)]) {
        let metrics = Metrics::of(lab, &pod);
        let received = |labels: &[_]| metrics.sum("requests_total", &[labels, &[("reporter", "destination")]].concat());
        assert_eq!(received(&[]), requests, "{pod}");
        assert_eq!(
            received(&[("connection_security_policy", "mutual_tls"), ("response_code", "200")]),
            requests,
            "{pod}"
        );
        let caller = if pod == "front-v1" { "client" } else { "front" };
        let principal = format!("spiffe://cluster.local/ns/default/sa/{caller}");
        assert_eq!(received(&[("source_principal", &*principal)]), requests, "{pod}");
    }
    for (pod, service) in [("client", "front"), ("front-v1", "back"), ("front-v1", "echo")] {
        let labels = [("reporter", "source"), ("destination_service_name", service), ("response_code", "200")];
        assert_eq!(Metrics::of(lab, pod).sum("requests_total", &labels), REQUESTS, "{pod} to {service}");
    }
}

pub fn tcp_connections_are_counted_on_both_sides(lab: &Kept) {
    let opened = "tcp_connections_opened_total";
    let policy = ("connection_security_policy", "mutual_tls");
    let cache = Metrics::of(lab, "cache-v1");
    assert_eq!(cache.sum(opened, &[("reporter", "destination"), policy]), REQUESTS, "a connection for each call");
    assert_eq!(Metrics::of(lab, "front-v1").sum(opened, &[("reporter", "source")]), REQUESTS);
    // Bytes are counted when a connection ends, and the last one may not have.
    let sent = cache.sum("tcp_sent_bytes_total", &[("reporter", "destination"), policy]);
    assert!((ANSWER_BYTES * (REQUESTS - 1)..=ANSWER_BYTES * REQUESTS).contains(&sent), "{sent} bytes");
}

pub fn off_means_none(lab: &Kept) {
    for pod in ["client", "front-v1", "cache-v1", "echo-v1"] {
        let text = lab.run.file(&format!("planes/quiet/{pod}/stats.prom"));
        assert!(text.contains("envoy_server_live"), "{pod} says nothing");
        assert!(!text.contains("istio_"), "{pod}: {text}");
    }
}

/// What a sidecar said of itself, in Prometheus's text format.
struct Metrics(String);

impl Metrics {
    fn of(lab: &Kept, pod: &str) -> Metrics {
        Metrics(lab.run.file(&format!("planes/sidecar/{pod}/stats.prom")))
    }

    /// Sum over all series of one of Istio's metrics that have these labels.
    fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> u64 {
        let start = format!("envoy_istio_{metric}{{");
        let series = self.0.lines().filter_map(|line| line.strip_prefix(&start)?.rsplit_once("} "));
        let has = |series: &str, (name, value): &(&str, &str)| {
            let label = format!("{name}=\"{value}\"");
            series.starts_with(&label) || series.contains(&format!(",{label}"))
        };
        let wanted = series.filter(|(series, _)| labels.iter().all(|label| has(series, label)));
        wanted.map(|(_, value)| value.parse::<u64>().expect("counters are whole numbers")).sum()
    }
}
