//! What a client sees, and what the service counts of it.

use std::time::Duration;

use topology::{Endpoint, Step};

use super::decode;
use super::stand::{Stand, call, endpoint, service, tcp_service};

#[test]
fn every_service_counts_twenty_three_pages() {
    let page = endpoint("/page", vec![Step::Calls(vec![call("back", "/a"), call("back", "/b")])]);
    let back = vec![endpoint("/a", vec![]), endpoint("/b", vec![Step::Calls(vec![call("store", "")])])];
    let mut stand = Stand::up(vec![service("front", vec![page]), service("back", back), tcp_service("store", vec![])]);
    let mut client = stand.connect("front");
    for _ in 0..23 {
        let answer = client.get("/page?user=1");
        assert_eq!((answer.status, answer.body.len()), (200, 100));
    }

    let front = stand.counts("front");
    assert_eq!((front.endpoints[0].requests, front.endpoints[0].sent_bytes), (23, 2_300));
    for (call, path) in front.calls.iter().zip(["/a", "/b"]) {
        assert_eq!((&*call.service, &*call.path), ("back", path));
        assert_eq!((call.calls, call.failures, call.received_bytes), (23, 0, 2_300));
        assert_eq!(decode(&call.latency).len(), 23);
    }
    assert_eq!(stand.counts("back").endpoints.iter().map(|count| count.requests).collect::<Vec<_>>(), [23, 23]);
    assert_eq!(stand.counts("back").calls[0].sent_bytes, 23);
    let store = stand.counts("store").endpoints[0].clone();
    assert_eq!((store.requests, store.received_bytes, store.sent_bytes), (23, 23, 2_300));
}

#[test]
fn errors_have_their_share_and_the_same_size() {
    let flaky = Endpoint { error_rate: 0.25, ..endpoint("/", vec![]) };
    let mut stand = Stand::up(vec![service("flaky", vec![flaky])]);
    let mut client = stand.connect("flaky");
    let answers: Vec<_> = (0..20).map(|_| client.get("/")).collect();
    assert_eq!(answers.iter().filter(|answer| answer.status == 500).count(), 5);
    assert!(answers.iter().all(|answer| answer.body.len() == 100));
    let count = &stand.counts("flaky").endpoints[0];
    assert_eq!((count.requests, count.errors), (20, 5));
}

#[test]
fn probes_and_unknown_paths_are_no_requests() {
    let mut stand = Stand::up(vec![service("web", vec![endpoint("/", vec![])])]);
    let mut client = stand.connect("web");
    assert_eq!(client.get("/ready").status, 200);
    assert_eq!(client.get("/favicon.ico").status, 404);
    assert_eq!(client.get("/").status, 200);
    let counts = stand.counts("web");
    assert_eq!((counts.ready_probes, counts.unknown_paths, counts.endpoints[0].requests), (1, 1, 1));
}

/// Whole heads, since their bytes are compared with a mesh's.
#[test]
fn answers_say_what_they_are() {
    let typed = |path: &str, kind: &str| Endpoint { content_type: kind.to_owned(), ..endpoint(path, vec![]) };
    let json = Endpoint { response_bytes: 31, ..typed("/ready", "application/json") };
    let mut stand = Stand::up(vec![service("web", vec![typed("/", "text/html; charset=utf-8"), json])]);
    let mut client = stand.connect("web");
    let head = |kind, length| format!("HTTP/1.1 200 OK\ncontent-type: {kind}\ncontent-length: {length}\ndate: ");
    for (path, kind, length) in [("/", "text/html; charset=utf-8", 100), ("/ready", "application/json", 31)] {
        let answer = client.get(path);
        let lines: Vec<&str> = answer.head.lines().map(str::trim_end).collect();
        assert!(lines.join("\n").starts_with(&head(kind, length)), "{}", answer.head);
        assert_eq!((lines.len(), answer.body.len()), (5, length), "{}", answer.head);
    }
    let counts = stand.counts("web");
    assert_eq!((counts.ready_probes, counts.endpoints[0].requests, counts.endpoints[1].requests), (1, 1, 0));
}

#[test]
fn bodies_are_read_and_counted() {
    let mut stand = Stand::up(vec![service("web", vec![endpoint("/", vec![])])]);
    let mut client = stand.connect("web");
    client.write("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(client.receive().status, 200);
    assert_eq!(stand.counts("web").endpoints[0].received_bytes, 5);
}

#[test]
fn empty_and_large_answers_have_the_size_asked_for() {
    let sized = |path: &str, response_bytes| Endpoint { response_bytes, ..endpoint(path, vec![]) };
    let stand = Stand::up(vec![service("web", vec![sized("/0", 0), sized("/1", 1), sized("/m", 1_000_000)])]);
    let mut client = stand.connect("web");
    for (path, bytes) in [("/0", 0), ("/1", 1), ("/m", 1_000_000)] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.body.len()), (200, bytes), "{}", answer.head);
    }
}

#[test]
fn lines_are_answered_on_one_connection_until_one_fails() {
    let mut store = tcp_service("store", vec![]);
    let topology::Work::Simulated { endpoints, .. } = &mut store.versions[0].work else { unreachable!() };
    endpoints[0].error_rate = 0.5;
    let mut stand = Stand::up(vec![store]);
    let mut client = stand.connect("store");
    let answer = client.line("GET key");
    assert_eq!((answer.len(), answer.ends_with('\n')), (100, true));
    assert_eq!(client.line("GET key"), "");
    let count = &stand.counts("store").endpoints[0];
    assert_eq!((count.requests, count.errors, count.received_bytes, count.sent_bytes), (2, 1, 16, 100));
}

#[test]
fn cpu_and_waits_are_recorded() {
    let script = vec![
        Step::Compute { cpu: Duration::from_micros(300), background: false },
        Step::Wait(Duration::from_micros(200)),
        Step::Compute { cpu: Duration::from_micros(100), background: false },
    ];
    let mut stand = Stand::up(vec![service("web", vec![endpoint("/", script)])]);
    let mut client = stand.connect("web");
    for _ in 0..10 {
        client.get("/");
    }
    let counts = stand.counts("web");
    assert_eq!(counts.cpu_asked_ns, 10 * 400_000);
    assert!(counts.cpu_burned_ns >= counts.cpu_asked_ns, "{counts:?}");
    assert_eq!(decode(&counts.wait_excess).len(), 10);
}

/// The runtime has two workers, and the one that burns may be the one that watches the sockets.
#[test]
fn others_are_served_while_one_burns() {
    let script = vec![Step::Compute { cpu: Duration::from_millis(400), background: false }];
    let mut stand = Stand::up(vec![service("web", vec![endpoint("/burn", script)])]);
    let mut burning = stand.connect("web");
    burning.send("/burn", "");
    while stand.counts("web").in_flight == 0 {}
    assert_eq!(stand.connect("web").get("/ready").status, 200);
    assert_eq!(stand.counts("web").in_flight, 1, "the probe had to wait for the request that burns");
    assert_eq!(burning.receive().status, 200);
}
