use records::{TcpKey, TcpLosses, TcpSeries};

use crate::account::tests::Scripted;
use crate::ledger::Bounds;
use crate::metric::{Exposition, exposition};
use crate::registry::tests::Imagined;

use super::*;

const CLIENT: TcpKey = TcpKey {
    role: ConnectionRole::Client,
    cgroup: 0,
    netns: 7,
    comm: String::new(),
    remote: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)),
    port: 80,
};

fn text(series: Vec<(TcpKey, TcpSeries)>) -> String {
    let tcp = Scripted::with(series, TcpLosses { series: 3, ..TcpLosses::default() });
    let mut ledger = Ledger::new(Imagined::default(), Bounds::default(), tcp);
    ledger.read().unwrap();
    exposition(&families(&Scrape::default(), &mut ledger, Duration::ZERO), Exposition::Classic)
}

#[test]
fn what_the_server_sent_is_sent_whoever_reports() {
    let moved = TcpSeries { sent: 10, received: 4000, opened: 2, closed: 1, ..TcpSeries::default() };
    let key = TcpKey { comm: "curl".to_owned(), ..CLIENT };
    let client = text(vec![(key.clone(), moved)]);
    let labels = "reporter=\"source\",source_workload=\"curl\",";
    assert!(
        client.contains(&format!("istio_tcp_sent_bytes_total{{{labels}source_canonical_service=\"curl\"")),
        "{client}"
    );
    assert!(
        client.contains(&format!("meshtax_tcp_retransmitted_bytes_total{{{labels}destination_workload=")),
        "{client}"
    );
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(value(&client, "istio_tcp_sent_bytes_total"), "4000");
    assert_eq!(value(&client, "istio_tcp_received_bytes_total"), "10");
    assert_eq!(value(&client, "istio_tcp_connections_opened_total"), "2");

    let server = text(vec![(TcpKey { role: ConnectionRole::Server, comm: "nginx".to_owned(), ..key }, moved)]);
    assert_eq!(value(&server, "istio_tcp_sent_bytes_total"), "10");
    assert!(server.contains("reporter=\"destination\""), "{server}");
}

#[test]
fn a_process_that_nobody_knows_is_unknown() {
    let key = TcpKey { role: ConnectionRole::Server, ..CLIENT };
    let text = text(vec![(key, TcpSeries { opened: 1, ..TcpSeries::default() }), (CLIENT, TcpSeries::default())]);
    assert!(!text.contains("=\"\"") && !text.contains("=\":"), "no name is empty: {text}");
    let unknown = "destination_workload=\"unknown\",destination_service=\"unknown:80\"";
    assert!(text.contains(unknown), "{text}");
}

#[test]
fn istios_labels_are_in_what_istio_has_and_opentelemetrys_elsewhere() {
    let text =
        text(vec![(TcpKey { comm: "curl".to_owned(), ..CLIENT }, TcpSeries { opened: 1, ..TcpSeries::default() })]);
    let samples = text.lines().filter(|line| line.contains("_workload=\"curl\""));
    let (istio, own): (Vec<&str>, Vec<&str>) = samples.partition(|line| line.starts_with("istio_tcp_"));
    assert_eq!(istio.len(), 4, "{text}");
    assert!(istio.iter().all(|line| line.contains("request_protocol=\"tcp\"")), "{text}");
    assert!(own.iter().all(|line| line.contains("network_transport=\"tcp\"")), "{text}");
    for direction in ["transmit", "receive"] {
        let labels = format!("network_io_direction=\"{direction}\"");
        assert!(
            own.iter().any(|line| line.starts_with("meshtax_tcp_resets_total") && line.contains(&labels)),
            "{text}"
        );
    }
}

#[test]
fn what_found_no_room_is_a_series_of_its_own_and_counted() {
    let other = TcpKey { netns: 0, ..CLIENT };
    let text = text(vec![(other, TcpSeries { sent: 5, ..TcpSeries::default() })]);
    assert!(text.contains("istio_tcp_received_bytes_total{reporter=\"source\",source_workload=\"other\""), "{text}");
    assert!(text.contains("meshtax_agent_series_overflow_total{place=\"kernel\"} 3"), "{text}");
}

#[test]
fn of_listeners_that_share_a_port_the_fullest_is_told() {
    let at = |queue, queue_max| Connection {
        queue,
        queue_max,
        ..crate::place::tests::socket(ConnectionRole::Listener, 7, "web", "10.0.0.2:80")
    };
    let families = listeners(&[at(3, 128), at(4, 4), at(0, 0)], &mut Namer::new(Imagined::default()));
    let text = exposition(&families, Exposition::Classic);
    for sample in [
        "accept_queue_length{workload=\"web\",server_port=\"80\"} 4",
        "accept_queue_limit{workload=\"web\",server_port=\"80\"} 4",
    ] {
        assert!(text.contains(&format!("meshtax_tcp_{sample}\n")), "{text}");
    }
}
