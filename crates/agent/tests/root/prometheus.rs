//! A real Prometheus scrapes the agent, and its answers equal what the applications did.

mod container;
mod dashboards;
mod mesh;
mod server;
mod stock;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;

pub use container::Group;
use server::{Prometheus, promtool};
use testbed::{
    Moved, Namespace, Peer, V4, Watching, insist_on_being_alone, insist_on_root, own_service, sample, scrape, words,
};

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

#[test]
fn the_agent_tells_what_its_programs_cost_and_how_full_its_maps_are() {
    insist_on_root();
    let value = |text: &str, series: &str| -> Option<f64> {
        let line = text.lines().find(|line| line.starts_with(series))?;
        Some(line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let server = Peer::listen(V4);
    let look = |options: &[&str]| {
        let agent = Watching::begin("agent", &[&AGENT, options].concat());
        for _ in 0..23 {
            server.exchange(1, 1, |_| ());
        }
        scrape(&agent.place())
    };
    let timed = look(&["--bpf-stats"]);
    // Both ends of a connection change state at least twice.
    assert!(
        value(&timed, "meshtax_agent_bpf_runs_total{witness=\"tcp\",program=\"on_state\"}").unwrap() >= 23.0 * 4.0,
        "{timed}"
    );
    assert!(
        value(&timed, "meshtax_agent_bpf_run_seconds_total{witness=\"tcp\",program=\"on_state\"}").unwrap() > 0.0,
        "{timed}"
    );
    for witness in ["tcp", "dns", "udp", "drops"] {
        let run = format!("meshtax_agent_bpf_runs_total{{witness=\"{witness}\"");
        assert!(timed.lines().any(|line| line.starts_with(&run) && !line.ends_with(" 0")), "{run} in {timed}");
    }
    assert_eq!(value(&timed, "meshtax_agent_map_max_entries{witness=\"udp\",map=\"series\"}"), Some(8192.0), "{timed}");
    assert!(value(&timed, "meshtax_agent_map_entries{witness=\"tcp\",map=\"series\"}").unwrap() >= 2.0, "{timed}");
    assert_eq!(value(&timed, "meshtax_agent_map_max_entries{witness=\"tcp\",map=\"series\"}"), Some(8192.0), "{timed}");
    let untimed = look(&[]);
    assert_eq!(value(&untimed, "meshtax_agent_bpf_run"), None, "nobody asked for it");
    let misses = value(&untimed, "meshtax_agent_bpf_misses_total{witness=\"tcp\",program=\"on_destroy\"}");
    assert!(misses.is_some(), "what passes a program by is counted whether or not it is timed: {untimed}");
}

#[test]
fn series_beyond_the_bound_are_summed_and_nothing_is_lost() {
    insist_on_root();
    let agent = Watching::begin("agent", &[&AGENT[..], &["--max-series", "3"]].concat());
    let servers: Vec<Peer> = (0..23).map(|_| Peer::listen(V4)).collect();
    let sent: u64 = servers.iter().map(|server| server.exchange(0, 1_000, |_| ()).down).sum();
    let text = scrape(&agent.place());
    let of_clients = |line: &&str| line.starts_with("istio_tcp_sent_bytes_total{reporter=\"source\"");
    let lines: Vec<&str> = text.lines().filter(of_clients).collect();
    // No other process may have used the network, so these are all lines.
    assert!(lines.len() <= 4, "{text}");
    let told: u64 = lines.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert!(told >= sent, "{told} of {sent} bytes: {text}");
    assert!(lines.iter().any(|line| line.contains("destination_service=\"other\"")), "{text}");
    assert!(!text.contains("meshtax_agent_series_overflow_total{place=\"exposition\"} 0\n"), "{text}");
}

#[test]
fn totals_stay_right_when_the_kernels_map_is_full() {
    insist_on_being_alone();
    const ADDRESSES: u32 = 9_000;
    const BYTES: usize = 5_000;
    let agent = Watching::begin("agent", &AGENT);
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Each address makes a series of its own, and the map has room for 8192.
    for number in 0..ADDRESSES {
        let address = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 256 + number);
        let mut client = TcpStream::connect((address, port)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; BYTES]).unwrap();
        drop(client);
        assert_eq!(server.read_to_end(&mut Vec::new()).unwrap(), BYTES);
    }
    // With a listener, all its addresses would get one name.
    drop(listener);
    let text = scrape(&agent.place());
    let lines_of = |name: &str| -> Vec<u64> {
        let start = format!("{name}{{reporter=\"source\"");
        let lines = text.lines().filter(|line| line.starts_with(&start));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    };
    let truth = u64::from(ADDRESSES) * BYTES as u64;
    let bytes = lines_of("istio_tcp_received_bytes_total");
    // Other processes on this machine may use the network meanwhile, but less.
    assert!((truth..truth * 11 / 10).contains(&bytes.iter().sum()), "{} of {truth}", bytes.iter().sum::<u64>());
    let opened: u64 = lines_of("istio_tcp_connections_opened_total").iter().sum();
    assert!((u64::from(ADDRESSES)..u64::from(ADDRESSES) * 11 / 10).contains(&opened), "{opened} connections");
    assert!(bytes.len() <= 1_001, "{} series", bytes.len());
    for place in ["kernel", "exposition"] {
        let none = format!("meshtax_agent_series_overflow_total{{place=\"{place}\"}} 0\n");
        assert!(!text.contains(&none), "{none}");
    }
    assert!(text.contains("meshtax_agent_map_entries{witness=\"tcp\",map=\"series\"} 8192\n"));
}

#[test]
fn a_namespace_that_is_gone_is_told_for_a_while_and_makes_room() {
    insist_on_root();
    let agent = Watching::begin("agent", &[&AGENT[..], &["--expire", "1s"]].concat());
    let namespace = Namespace::lossy("expires", 7702);
    namespace.exchange(7702, 1_000, 1_000);
    // No process listens there.
    namespace.within(|| UdpSocket::bind(V4).unwrap().send_to(&[7], "127.0.0.1:7702").unwrap());
    let name = namespace.name().to_owned();
    let text = scrape(&agent.place());
    for metric in ["istio_tcp_sent_bytes_total", "meshtax_udp_sent_datagrams_total", "meshtax_drops_total"] {
        assert!(text.lines().any(|line| line.starts_with(metric) && line.contains(&name)), "{metric} in {text}");
    }
    drop(namespace);
    let mut scrapes = 0;
    while scrape(&agent.place()).contains(&name) {
        scrapes += 1;
    }
    assert!(scrapes > 0, "it was told after its end");
}

#[test]
fn connections_that_are_older_than_the_agent_are_open_until_they_close() {
    insist_on_root();
    let server = Peer::listen(V4);
    let older: Vec<_> = (0..5).map(|_| server.open()).collect();
    let agent = Watching::begin("agent", &AGENT);
    let mut younger = server.open();
    younger.move_bytes(1, 1);
    let service = format!("destination_service=\"{}\"", own_service(server.port()));
    let open = || {
        let text = scrape(&agent.place());
        ["reporter=\"source\"", "reporter=\"destination\""]
            .map(|reporter| sample(&text, "meshtax_tcp_connections_open", &[reporter, &service]))
    };
    // A server is named once a scrape has seen its socket. The first scrape may come too early for that.
    while open() != [6, 6] {}
    for connection in older {
        connection.close(|_| ());
    }
    while open() != [1, 1] {}
    younger.close(|_| ());
    while open() != [0, 0] {}
}

/// Runs `promtool check metrics` on an answer.
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
        let service = own_service(server.port());
        let of_server = || moved.iter().filter(|moved| moved.server == server.port());
        let ask = |metric: &str| {
            let labels = |reporter| format!("reporter=\"{reporter}\",destination_service=\"{service}\"");
            let both = ["source", "destination"].map(|reporter| {
                prometheus.ask(&format!("sum by (destination_service) ({metric}{{{}}})", labels(reporter)))
            });
            assert_eq!(both[0], both[1], "both sides tell of {service} under one name");
            both[0]
        };
        assert_eq!(ask("istio_tcp_sent_bytes_total"), of_server().map(|moved| moved.down).sum::<u64>() as f64);
        assert_eq!(ask("istio_tcp_received_bytes_total"), of_server().map(|moved| moved.up).sum::<u64>() as f64);
        assert_eq!(ask("istio_tcp_connections_opened_total"), 23.0);
        assert_eq!(ask("istio_tcp_connections_closed_total"), 23.0);
    }
    assert_eq!(prometheus.ask("up"), 1.0);
}
