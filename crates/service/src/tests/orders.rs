//! The life of a service, as whoever gives the orders sees it.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::Duration;

use topology::{Step, Topology, Work};

use super::callee::Callee;
use super::stand::{PORT, Stand, call, endpoint, free_address, resolver, service};
use crate::ServeError;
use crate::network::PodNetwork;
use crate::serve::Server;

fn plain() -> Stand {
    Stand::up(vec![service("web", vec![endpoint("/", vec![])])])
}

#[test]
fn the_end_of_orders_ends_it() {
    let mut stand = plain();
    // A connection that is idle must not delay the end.
    let mut client = stand.connect("web");
    client.get("/");
    stand.end_orders("web");
    assert!(stand.join("web").is_ok());
    assert!(TcpStream::connect(stand.address("web")).is_err());
}

#[test]
fn keep_outlives_the_orders() {
    let mut stand = plain();
    stand.order("web", "keep");
    assert_eq!(stand.ask("web", "settle"), r#"{"settled":true}"#);
    stand.end_orders("web");
    assert_eq!(stand.connect("web").get("/").status, 200);
    stand.leave("web");
}

#[test]
fn deaf_is_obeyed_while_connections_pour_in() {
    let mut stand = plain();
    let address = stand.address("web");
    let mut callers = Vec::new();
    for _ in 0..100 {
        // Some of them arrive as the order does.
        callers.extend((0..4).map(|_| std::thread::spawn(move || TcpStream::connect(address))));
        assert_eq!(stand.ask("web", "deaf"), r#"{"deaf":true}"#);
        while backlog(address) != "0" {
            std::thread::yield_now();
        }
        stand.ask("web", "hear");
        while backlog(address) == "0" {
            std::thread::yield_now();
        }
    }
    for caller in callers {
        caller.join().unwrap().unwrap();
    }
}

/// How many connections may wait at a listener.
fn backlog(address: SocketAddr) -> String {
    let arguments = ["--no-header", "--numeric", "--tcp", "--listening", "src", &address.to_string()];
    let told = std::process::Command::new("ss").args(arguments).output().unwrap();
    let line = String::from_utf8(told.stdout).unwrap();
    line.split_whitespace().nth(2).expect("ss tells of a listener").to_owned()
}

#[test]
fn unknown_orders_are_refused() {
    assert_eq!(plain().ask("web", "dance"), r#"{"error":"unknown order `dance`"}"#);
}

#[test]
fn settle_waits_for_background_work() {
    let script = vec![Step::Compute { cpu: Duration::from_millis(30), background: true }];
    let mut stand = Stand::up(vec![service("web", vec![endpoint("/", script)])]);
    let mut client = stand.connect("web");
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 200);
    }
    assert!(stand.counts("web").in_flight > 0, "answers wait for background work");
    assert_eq!(stand.ask("web", "settle"), r#"{"settled":true}"#);
    let counts = stand.counts("web");
    assert_eq!((counts.in_flight, counts.cpu_asked_ns), (0, 90_000_000));
    assert!(counts.cpu_burned_ns >= counts.cpu_asked_ns);
}

#[test]
fn what_is_in_flight_is_finished_before_the_end() {
    let callee = Callee::up(200, Barrier::new(2));
    let page = |path: &str, called: &str| endpoint(path, vec![Step::Calls(vec![call(called, "/")])]);
    let web = service("web", vec![page("/", "details")]);
    let other = service("other", vec![page("/", "details")]);
    let services = vec![web, other, service("details", vec![])];
    let mut stand = Stand::up_beside(services, &[("details", callee.address)]);
    let mut client = stand.connect("web");
    client.send("/", "");
    callee.next();
    stand.end_orders("web");
    // The callee lets the first request go when a second one comes.
    assert_eq!(stand.connect("other").get("/").status, 200);
    assert_eq!(client.receive().status, 200);
    assert!(stand.join("web").is_ok());
}

#[test]
fn what_cannot_serve_says_why() {
    let address = free_address();
    let mut command = service("command", vec![]);
    command.versions[0].work = Work::Command { command: vec!["true".to_owned()], environment: vec![], volumes: vec![] };
    let mut loud = service("loud", vec![]);
    loud.propagate = vec!["not a header".to_owned()];
    let services = vec![service("web", vec![]), command, loud];
    let topology = Topology { name: "test".to_owned(), description: String::new(), services };
    let serve = |pod: &str| {
        let network = PodNetwork { address, resolver: resolver(HashMap::new()) };
        Server { pod, topology: &topology, network }.serve(std::io::empty(), std::io::sink())
    };
    assert!(matches!(serve("web-v7"), Err(ServeError::UnknownPod { pod }) if pod == "web-v7"));
    assert!(matches!(serve("command-v1"), Err(ServeError::Command { .. })));
    assert!(matches!(serve("loud-v1"), Err(ServeError::Http { .. })));
    let _taken = std::net::TcpListener::bind((address, PORT)).unwrap();
    assert!(matches!(serve("web-v1"), Err(ServeError::Listen { .. })));
}
