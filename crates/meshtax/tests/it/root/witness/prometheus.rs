//! A real Prometheus scrapes the agent: what its questions are answered equals what the applications did.

mod server;

use std::io::Write;
use std::process::Stdio;

use super::traffic::{Moved, Peer, V4};
use super::watching::Watching;
use super::{Namespace, scrape};
use crate::tool::{insist_on_root, words};
use server::{Prometheus, promtool};

/// Options of an agent that is scraped.
const AGENT: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn promtool_has_no_objection_to_the_metrics() {
    insist_on_root();
    let agent = Watching::begin("agent", &AGENT);
    let server = Peer::listen(V4);
    server.exchange(1_000, 100_000, |_| ());
    let namespace = Namespace::lossy("promtool", 7701);
    namespace.exchange(7701, 1_000_000, 1_000_000);
    check_metrics(&scrape(&agent.place()));
}

/// What `promtool check metrics` says of an answer.
fn check_metrics(answer: &str) {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut promtool = promtool();
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && words(&output).is_empty(), "{}\n{body}", words(&output));
}

#[test]
fn prometheus_adds_up_bytes_and_connections_of_each_service() {
    insist_on_root();
    let agent = Watching::begin("agent", &AGENT);
    let prometheus = Prometheus::scraping(&agent.place());
    let servers = [Peer::listen(V4), Peer::listen(V4)];
    let mut moved: Vec<Moved> = Vec::new();
    for n in 1..=23 {
        moved.push(servers[0].exchange(n * 1_000, n * 10_000, |_| ()));
        moved.push(servers[1].exchange(n, 3, |_| ()));
    }
    prometheus.scrapes_anew();
    for server in &servers {
        let service = format!("127.0.0.1:{}", server.port());
        let of_server = || moved.iter().filter(|moved| moved.server == server.port());
        let ask = |metric: &str| {
            let labels = format!("reporter=\"source\",destination_service=\"{service}\"");
            prometheus.ask(&format!("sum by (destination_service) ({metric}{{{labels}}})"))
        };
        assert_eq!(ask("istio_tcp_sent_bytes_total"), of_server().map(|moved| moved.down).sum::<u64>() as f64);
        assert_eq!(ask("istio_tcp_received_bytes_total"), of_server().map(|moved| moved.up).sum::<u64>() as f64);
        assert_eq!(ask("istio_tcp_connections_opened_total"), 23.0);
        assert_eq!(ask("istio_tcp_connections_closed_total"), 23.0);
    }
    assert_eq!(prometheus.ask("up"), 1.0);
}
