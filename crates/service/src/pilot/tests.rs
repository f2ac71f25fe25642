use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::tests::callee::Callee;
use crate::tests::stand::{PORT, free_address};

/// An agent with everything at loopback addresses of its own, until it is dropped.
struct Standing {
    address: SocketAddr,
    orders: Option<io::PipeWriter>,
    thread: Option<thread::JoinHandle<Result<(), ServeError>>>,
}

impl Standing {
    fn up(envoy: IpAddr, application: IpAddr) -> Standing {
        Standing::up_with_metrics(envoy, application, None)
    }

    fn up_with_metrics(envoy: IpAddr, application: IpAddr, application_metrics: Option<AppMetrics>) -> Standing {
        let address = SocketAddr::new(free_address(), 15020);
        let envoy = SocketAddr::new(envoy, PORT);
        let path = "/app-health/app/readyz".to_owned();
        let probes = vec![RewrittenCheck { path, port: PORT, target: "/health?deep=1".to_owned() }];
        let source = [127, 0, 0, 6].into();
        let pilot = Pilot {
            listen: address,
            admin: envoy,
            metrics: envoy,
            source,
            application,
            application_metrics,
            probes,
            user: None,
            hold_bytes: 0,
        };
        let (ordered, orders) = io::pipe().unwrap();
        let (answers, answered) = io::pipe().unwrap();
        let thread = thread::spawn(move || pilot.serve(BufReader::new(ordered), answered));
        let mut first = String::new();
        BufReader::new(answers).read_line(&mut first).unwrap();
        assert_eq!(first.trim_end(), r#"{"ready":true}"#);
        Standing { address, orders: Some(orders), thread: Some(thread) }
    }

    /// Status and body of what it answers to a request of this first line.
    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: agent\r\nX-Probe: 1\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn join(&mut self) -> Result<(), ServeError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let end = thread.join();
            assert!(thread::panicking() || matches!(end, Ok(Ok(()))), "{end:?}");
        }
    }
}

fn answering(body: impl Into<String>) -> Callee {
    Callee::up_with_body(body.into())
}

#[test]
fn ready_once_is_ready_for_good() {
    const READY: &str = "listener_manager.workers_started: 1\nserver.state: 0\n";
    for (stats, status) in [
        (READY, 200),
        ("listener_manager.workers_started: 0\nserver.state: 0\n", 503),
        ("listener_manager.workers_started: 1\nserver.state: 2\n", 503),
        ("", 503),
    ] {
        let envoy = answering(stats);
        let agent = Standing::up(envoy.address, free_address());
        assert_eq!(agent.ask("GET /healthz/ready").0, status, "{stats}");
        let asked = envoy.all();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].head.contains("GET /stats?usedonly&filter=^(server"), "{}", asked[0].head);
        assert_eq!(agent.ask("GET /healthz/ready").0, status);
        assert_eq!(envoy.all().is_empty(), status == 200, "what was ready once is asked no more");
    }
    let agent = Standing::up(free_address(), free_address());
    assert_eq!(agent.ask("GET /healthz/ready").0, 503, "nobody is there");
}

#[test]
fn applications_are_asked_in_the_kubelets_place() {
    let app = answering("x".repeat(20_000));
    let agent = Standing::up(free_address(), app.address);
    let (status, body) = agent.ask("GET /app-health/app/readyz");
    assert_eq!((status, body.len()), (200, 10 * 1024), "10 KiB of the body come back");
    agent.ask("GET /app-health/app/readyz");
    let asked = app.all();
    assert_eq!(asked.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 1], "a connection for each");
    let head = asked[0].head.to_ascii_lowercase();
    let host = format!("host: {}:{PORT}\r\n", app.address);
    for line in ["get /health?deep=1 http/1.1\r\n", &host, "x-probe: 1\r\n"] {
        assert!(head.contains(line), "no `{line}` in {head}");
    }
    assert_eq!(agent.ask("GET /app-health/app/livez").0, 404, "nobody declared that probe");
    let refusing = Callee::up(503, Barrier::new(1));
    assert_eq!(Standing::up(free_address(), refusing.address).ask("GET /app-health/app/readyz").0, 503);
    let agent = Standing::up(free_address(), free_address());
    assert_eq!(agent.ask("GET /app-health/app/readyz").0, 500, "no application");
}

#[test]
fn metrics_of_envoy_and_of_the_agent_are_one_text() {
    let envoy = answering("istio_requests_total 23\n");
    let agent = Standing::up(envoy.address, free_address());
    let (status, text) = agent.ask("GET /stats/prometheus");
    assert_eq!(status, 200);
    for line in ["istio_requests_total 23", "istio_agent_scrapes_total 1"] {
        assert!(text.lines().any(|known| known == line), "no `{line}` in {text}");
    }
    let (status, text) = Standing::up(free_address(), free_address()).ask("GET /stats/prometheus");
    assert!(status == 200 && text.contains("istio_agent_scrape_failures_total{type=\"envoy\"} 1\n"), "{text}");
}

#[test]
fn metrics_of_the_application_come_last() {
    let (envoy, app) = (answering("istio_requests_total 23\n"), answering("pages_total 7\n"));
    let of = |address| Some(AppMetrics { at: SocketAddr::new(address, PORT), path: "/metrics?all=1".to_owned() });
    let agent = Standing::up_with_metrics(envoy.address, app.address, of(app.address));
    let (status, text) = agent.ask("GET /stats/prometheus");
    assert_eq!(status, 200);
    assert!(text.ends_with("istio_requests_total 23\npages_total 7\n"), "{text}");
    assert!(text.contains("istio_agent_scrape_failures_total{type=\"application\"} 0\n"), "{text}");
    assert!(app.next().head.starts_with("GET /metrics?all=1 HTTP/1.1\r\n"));

    // What the application does not tell is counted, and the rest is told all the same.
    let refusing = Callee::up(503, Barrier::new(1));
    for address in [free_address(), refusing.address] {
        let agent = Standing::up_with_metrics(envoy.address, app.address, of(address));
        let (status, text) = agent.ask("GET /stats/prometheus");
        assert!(status == 200 && text.ends_with("istio_requests_total 23\n"), "{text}");
        assert!(text.contains("istio_agent_scrape_failures_total{type=\"application\"} 1\n"), "{text}");
    }
}

#[test]
fn it_quits_with_envoy_when_it_is_told_to_by_post() {
    let envoy = answering("");
    let mut agent = Standing::up(envoy.address, free_address());
    assert_eq!(agent.ask("GET /quitquitquit").0, 405);
    assert!(envoy.all().is_empty());
    assert_eq!(agent.ask("POST /quitquitquit").0, 200);
    assert!(envoy.next().head.starts_with("POST /quitquitquit "));
    agent.join().unwrap();
}
