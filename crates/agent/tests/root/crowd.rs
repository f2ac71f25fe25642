//! Many short connections, while several readers read.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use testbed::{Peer, V4, Watching, insist_on_being_alone, scrape};

/// Number of connections. `make bench` uses more.
fn connections() -> u64 {
    env::var("WITNESS_CONNECTIONS").map_or(20_000, |count| count.parse().unwrap())
}

#[test]
fn short_connections_add_up_while_top_and_a_scraper_read_as_fast_as_they_can() {
    insist_on_being_alone();
    let connections = connections();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let place = agent.place();
    let mut top = Watching::begin("top", &["--json", "--interval", "1ms", "--rows", "100000", "--port", &port]);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            // Both ends of every connection are printed, in one interval or several.
            let mut moved = [0, 0];
            while moved.iter().any(|moved| *moved < connections * 300) {
                let line = &top.lines(1)[0];
                moved[0] += line["bytes_sent"].as_u64().unwrap();
                moved[1] += line["bytes_received"].as_u64().unwrap();
            }
            (moved, top.end().len())
        });
        let scraper = scope.spawn(|| {
            let mut scrapes = 0;
            while !is_over.load(Ordering::Relaxed) {
                scrape(&place);
                scrapes += 1;
            }
            scrapes
        });
        for _ in 0..connections {
            server.exchange(100, 200, |_| ());
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(scraper.join().unwrap() > 0);
        assert_eq!(reader.join().unwrap(), ([connections * 300; 2], 0));
    });
    let text = scrape(&place);
    let service = format!(":{port}\"");
    for reporter in ["source", "destination"] {
        let value = |name: &str| -> u64 {
            let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(&service));
            let lines = lines.filter(|line| line.contains(&format!("reporter=\"{reporter}\"")));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        assert_eq!(value("istio_tcp_received_bytes_total"), connections * 100);
        assert_eq!(value("istio_tcp_sent_bytes_total"), connections * 200);
        assert_eq!(value("istio_tcp_connections_opened_total"), connections);
        assert_eq!(value("istio_tcp_connections_closed_total"), connections);
    }
}
