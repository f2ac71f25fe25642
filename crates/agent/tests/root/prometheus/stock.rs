//! Queries of Istio's stock dashboards, word for word: mesh, service and workload of istio/istio,
//! `manifests/addons/dashboards`.

use std::fs;

use serde_json::Value;

use super::super::nat::AtWork;
use super::server::Prometheus;
use testbed::{Kept, Watching, insist_on_root};

const TOPOLOGY: &str = "
name: stock
services:
  front: {port: 8080, endpoints: {/: {script: [{call: cache}]}}}
  cache: {port: 6379, protocol: tcp, response: 640 B}
";

/// Asks an address several times, on a new connection each time, and keeps the last connection.
const ASK: &str = "
import socket, sys
for _ in range(int(sys.argv[2])):
    sock = socket.create_connection((sys.argv[1], 6379))
    sock.sendall(b'ask\\n')
    while not sock.recv(1000).endswith(b'\\n'): pass
print('ready', flush=True)
sys.stdin.read()
";

const TCP_WORKLOADS: &str = "label_join(sum by (destination_workload,destination_workload_namespace,destination_service) \
    (rate(istio_tcp_sent_bytes_total{reporter=~\"source|waypoint\"}[$__rate_interval])), \
    \"destination_workload_var\", \".\", \"destination_workload\", \"destination_workload_namespace\")";

const CLIENT_CLUSTERS: &str = "sum(istio_requests_total{reporter=~\"$qrep\", destination_service=\"$service\"}) by \
    (source_cluster) or sum(istio_tcp_sent_bytes_total{reporter=~\"$qrep\", destination_service=~\"$service\"}) by \
    (source_cluster)";

const SERVICE_SENT: &str =
    "sum(irate(istio_tcp_sent_bytes_total{reporter=~\"$qrep\", destination_service=~\"$service\"}[1m]))";

const INBOUND_SENT: &str = "sum(irate(istio_tcp_sent_bytes_total{reporter=~\"$qrep\", \
    destination_workload=~\"$workload\", destination_workload_namespace=~\"$namespace\", source_workload=~\"$srcwl\", \
    source_workload_namespace=~\"$srcns\"}[1m])) by (source_workload, source_workload_namespace)";

const SERVICE: &str = "cache.default.svc.cluster.local";

/// Replaces the dashboard's variables by the values that a person may choose.
fn chosen(question: &str) -> String {
    [
        ("$__rate_interval", "1m"),
        ("$qrep", "destination"),
        ("$service", SERVICE),
        ("$workload", "none-cache-v1"),
        ("$namespace", "default"),
        ("$srcwl", "none-client"),
        ("$srcns", "default"),
    ]
    .iter()
    .fold(question.to_owned(), |question, (variable, value)| question.replace(variable, value))
}

/// Replaces rates by the totals behind them.
fn in_total(question: &str) -> String {
    question.replace("irate(", "(").replace("rate(", "(").replace("[1m]", "")
}

#[test]
fn questions_of_istios_dashboards_are_answered_exactly() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let topology = home.path().join("topology.yaml");
    fs::write(&topology, TOPOLOGY).unwrap();
    let lab = Kept::stand(&topology);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let found = String::from_utf8(lab.enter("none", "client", &["getent", "hosts", "cache"]).stdout).unwrap();
    let address = found.split_whitespace().next().expect("the service has an address");
    let _client = AtWork::begin(&mut lab.command_inside("none", "client", &["python3", "-c", ASK, address, "23"]));
    // Rates need two scrapes.
    let prometheus = Prometheus::scraping(&agent.place());
    prometheus.scrapes_anew();
    prometheus.scrapes_anew();

    let service = ("destination_service", SERVICE);
    check(&prometheus, TCP_WORKLOADS, &[("destination_workload_var", "none-cache-v1.default"), service]);
    check(&prometheus, CLIENT_CLUSTERS, &[("source_cluster", "none")]);
    check(&prometheus, SERVICE_SENT, &[]);
    check(&prometheus, INBOUND_SENT, &[("source_workload", "none-client"), ("source_workload_namespace", "default")]);
}

/// Checks that a rate has one answer with these labels, and that its total is the number of bytes that were answered.
fn check(prometheus: &Prometheus, question: &str, labels: &[(&str, &str)]) {
    let is_meant = |metric: &Value| labels.iter().all(|(name, value)| metric[name] == *value);
    let answers = |question: &str| -> Vec<(Value, f64)> {
        prometheus.all(question).into_iter().filter(|(metric, _)| is_meant(metric)).collect()
    };
    let question = chosen(question);
    assert_eq!(answers(&question).len(), 1, "`{question}` is answered {:?}", prometheus.all(&question));
    let totals = answers(&in_total(&question));
    assert_eq!(totals.iter().map(|(_, total)| *total).collect::<Vec<_>>(), [23.0 * 640.0], "`{question}`: {totals:?}");
}
