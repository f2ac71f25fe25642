//! Istio's metrics without Istio.

use testbed::{Moved, Peer, V4, Watching, insist_on_root, own_service, scrape};

#[test]
fn the_agent_counts_what_was_moved_under_istios_names() {
    insist_on_root();
    let server = Peer::listen(V4);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let moved: Vec<Moved> = (1..=23).map(|n| server.exchange(n * 1_000, n * 10_000, |_| ())).collect();
    let place = agent.place();
    let text = scrape(&place);
    let service = format!("destination_service=\"{}\"", own_service(server.port()));
    let value = |name: &str| {
        let of_client =
            |line: &&str| line.starts_with(&format!("{name}{{reporter=\"source\"")) && line.contains(&service);
        let line = text.lines().find(of_client).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(value("istio_tcp_received_bytes_total"), moved.iter().map(|moved| moved.up).sum::<u64>());
    assert_eq!(value("istio_tcp_sent_bytes_total"), moved.iter().map(|moved| moved.down).sum::<u64>());
    assert_eq!(value("istio_tcp_connections_opened_total"), 23);
    assert_eq!(value("istio_tcp_connections_closed_total"), 23);
}
