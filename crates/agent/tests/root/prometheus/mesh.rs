use std::fs;
use std::net::TcpStream;

use super::dashboards;
use super::server::Prometheus;
use testbed::{A, Kept, Namespace, Peer, Server, V4, Watching, ask, insist_on_root, query, scrape, words};

/// Calls from `front` to `basket` in each arm, one connection each.
const CALLS: u64 = 46;
/// Calls at the start of each of the two blocks, which are in no figure.
const ALL: u64 = CALLS + 2 * 5;
/// Calls after all figures are taken, in watched arms: the BPF programs are timed on them.
const ALL_WATCHED: u64 = ALL + CALLS + 5;
const ANSWER_BYTES: u64 = 640;

/// Prefix of pod names. The agent sees the labs of tests that run at the same time, so these names are used nowhere
/// else.
const TOPOLOGY: &str = "
name: twice
services:
  front:
    port: 8080
    connections: new
    endpoints: {/: {script: [{call: basket}]}}
  basket: {port: 6379, protocol: tcp, response: 640 B}
";

const EXPERIMENT: &str = "
name: twice
topology: topology.yaml
arms:
  none: {plane: none}
  both: {plane: sidecar, watch: on}
load:
  sequential: {target: 'http://front:8080/', requests: CALLS}
warmup: 0
rounds: 2
stands: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn no_connection_of_a_mesh_is_counted_twice_and_dashboards_have_their_metrics() {
    insist_on_root();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--bpf-stats"]);
    let prometheus = Prometheus::scraping(&agent.place());
    let home = tempfile::tempdir().unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(&experiment, EXPERIMENT.replace("CALLS", &CALLS.to_string())).unwrap();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);
    // While the lab stands, its proxies listen and its pods have names.
    prometheus.scrapes_anew();

    without_sidecars_the_agent_counts_for_istio(&prometheus);
    behind_sidecars_it_leaves_that_to_them(&prometheus, &lab);

    move_what_is_rare();
    // Rates need two scrapes.
    prometheus.scrapes_anew();
    prometheus.scrapes_anew();
    dashboards::ask_for_what_the_agent_tells(&scrape(&agent.place()));
    dashboards::are_answered(&prometheus);
}

fn without_sidecars_the_agent_counts_for_istio(prometheus: &Prometheus) {
    let of_server = |metric: &str| {
        let labels = "reporter=\"destination\",destination_workload=\"none-basket-v1\",source_workload!~\"both-.+\"";
        prometheus.ask(&format!("sum(istio_tcp_{metric}{{{labels}}})"))
    };
    assert_eq!(of_server("connections_opened_total"), ALL as f64);
    assert_eq!(of_server("sent_bytes_total"), (ALL * ANSWER_BYTES) as f64);
    let of_client = |metric: &str| {
        let labels = "reporter=\"source\",source_workload=\"none-front-v1\",destination_service=~\".+:6379\"";
        prometheus.ask(&format!("sum(istio_tcp_{metric}{{{labels}}})"))
    };
    assert_eq!(of_client("connections_opened_total"), ALL as f64);
    assert_eq!(of_client("sent_bytes_total"), (ALL * ANSWER_BYTES) as f64);
    assert_eq!(prometheus.all("meshtax_tcp_connections_opened_total{destination_workload=~\"none-.+\"}"), []);
}

/// Checks that the server's sidecar counts each connection once, and that the agent does so under its own metric names.
fn behind_sidecars_it_leaves_that_to_them(prometheus: &Prometheus, lab: &Kept) {
    // The node has no sidecar, and its kubelet may have probed pods by now.
    let in_arm = |reporter: &str, end: &str| {
        format!("{{reporter=\"{reporter}\",{end}_workload=~\"both-.+\",{end}_workload!=\"both-node\"}}")
    };
    for labels in [in_arm("source", "source"), in_arm("destination", "destination")] {
        let all = |metric: &str| prometheus.all(&format!("istio_tcp_{metric}_total{labels} > 0"));
        assert_eq!(all("connections_opened"), [], "Istio's metrics of a mesh are its sidecars'");
        assert_eq!(all("sent_bytes"), []);
    }
    assert_eq!(opened_by_sidecar(lab, "basket-v1"), ALL_WATCHED);
    let labels = "reporter=\"destination\",destination_service=\"basket.default.svc.cluster.local\",destination_cluster=\"both\"";
    assert_eq!(prometheus.ask(&format!("sum(meshtax_tcp_connections_opened_total{{{labels}}})")), ALL_WATCHED as f64);
    // The application behind the sidecar sees each connection, and so does the sidecar.
    let labels = "{reporter=\"destination\",destination_workload=\"both-basket-v1\",destination_service=\"both-basket-v1:6379\"}";
    assert_eq!(prometheus.ask(&format!("sum(meshtax_tcp_connections_opened_total{labels})")), ALL_WATCHED as f64);
    assert_eq!(
        prometheus.ask(&format!("sum(meshtax_tcp_sent_bytes_total{labels})")),
        (ALL_WATCHED * ANSWER_BYTES) as f64
    );
}

/// Returns how many outside connections a pod's sidecar has counted so far.
fn opened_by_sidecar(lab: &Kept, pod: &str) -> u64 {
    let curl = ["curl", "--silent", "--show-error", "--fail", "http://127.0.0.1:15000/stats/prometheus"];
    let output = lab.inside("both", pod, &curl);
    assert!(output.status.success(), "{}", words(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let series = text.lines().filter(|line| line.starts_with("envoy_istio_tcp_connections_opened_total{"));
    let of_server = series.filter(|line| line.contains("reporter=\"destination\""));
    of_server.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Causes failed connects, aborted connections, lost segments and DNS queries.
fn move_what_is_rare() {
    let server = Peer::listen(V4);
    server.exchange(10, 10, |stream| {
        socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    let port = server.port();
    drop(server);
    TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    Namespace::lossy("rare", 7703).exchange(7703, 3_000_000, 3_000_000);
    let asking = Namespace::new("rare-names");
    let server = Server::start(&asking, "127.0.0.1");
    ask(&server.datagrams(&asking), &query(1, "db.example", A));
}
