//! What a service that is called sees.

use std::sync::Barrier;

use topology::{Call, Connections, Protocol, Service, Step};

use super::callee::{Callee, Received};
use super::decode;
use super::stand::{Stand, call, endpoint, header, service, tcp_service};
use crate::CallCount;

/// Five pages of a service that makes `calls` to `callee`: what the callee received, and what the caller counted.
fn check(caller: Service, calls: Vec<Call>, callee: &Callee) -> (Vec<Received>, Vec<CallCount>) {
    let page = endpoint("/", vec![Step::Calls(calls)]);
    let caller = Service { versions: service("web", vec![page]).versions, ..caller };
    let mut stand = Stand::up_beside(vec![caller, service("details", vec![])], &[("details", callee.address)]);
    let mut client = stand.connect("web");
    for _ in 0..5 {
        let answer = client.get_with("/", "x-request-id: 7\r\nuser-agent: curl\r\nx-other: 1\r\n");
        assert_eq!(answer.status, 200, "a page is answered whatever becomes of its calls");
    }
    (callee.all(), stand.counts("web").calls)
}

fn connections(received: &[Received]) -> Vec<usize> {
    let mut numbers: Vec<_> = received.iter().map(|request| request.connection).collect();
    numbers.dedup();
    numbers
}

#[test]
fn headers_are_those_of_a_client_and_those_passed_on() {
    let callee = Callee::up(200, Barrier::new(1));
    let propagate = vec!["x-request-id".to_owned(), "x-b3-traceid".to_owned()];
    let web = Service { propagate, ..service("web", vec![]) };
    let (received, _) = check(web, vec![call("details", "/details/0")], &callee);
    let head = &received[0].head;
    assert!(head.starts_with("GET /details/0 HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(head, "host"), Some("details:9080"));
    assert_eq!(header(head, "x-request-id"), Some("7"));
    assert_eq!(header(head, "user-agent"), Some(concat!("meshtax/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(
        (header(head, "x-other"), header(head, "x-b3-traceid"), header(head, "content-length")),
        (None, None, None)
    );
}

#[test]
fn headers_passed_on_have_precedence() {
    let callee = Callee::up(200, Barrier::new(1));
    let web = Service { propagate: vec!["user-agent".to_owned()], ..service("web", vec![]) };
    let (received, _) = check(web, vec![call("details", "/")], &callee);
    assert_eq!(header(&received[0].head, "user-agent"), Some("curl"));
}

#[test]
fn bodies_are_posted() {
    let callee = Callee::up(200, Barrier::new(1));
    let post = Call { request_bytes: 1_234, ..call("details", "/") };
    let (received, counted) = check(service("web", vec![]), vec![post], &callee);
    assert!(received.iter().all(|request| request.head.starts_with("POST / ") && request.body_bytes == 1_234));
    assert_eq!((counted[0].sent_bytes, counted[0].received_bytes), (5 * 1_234, 5 * 2));
}

#[test]
fn connections_are_kept_or_made_for_each_call() {
    for (policy, expect) in [(Connections::Pooled, vec![0]), (Connections::New, vec![0, 1, 2, 3, 4])] {
        let callee = Callee::up(200, Barrier::new(1));
        let web = Service { connections: policy, ..service("web", vec![]) };
        let (received, _) = check(web, vec![call("details", "/")], &callee);
        assert_eq!(connections(&received), expect, "{policy:?}");
    }
}

#[test]
fn tcp_connections_are_kept_or_made_for_each_call() {
    for (policy, expect) in [(Connections::Pooled, vec![0]), (Connections::New, vec![0, 1, 2, 3, 4])] {
        let callee = Callee::up_with_lines();
        let page = endpoint("/", vec![Step::Calls(vec![Call { request_bytes: 10, ..call("store", "") }])]);
        let web = Service { connections: policy, ..service("web", vec![page]) };
        let mut stand = Stand::up_beside(vec![web, tcp_service("store", vec![])], &[("store", callee.address)]);
        let mut client = stand.connect("web");
        (0..5).for_each(|_| assert_eq!(client.get("/").status, 200));
        let received = callee.all();
        assert_eq!(connections(&received), expect, "{policy:?}");
        assert!(received.iter().all(|line| line.head.len() == 10));
        let counted = &stand.counts("web").calls[0];
        assert_eq!((counted.calls, counted.failures, counted.sent_bytes, counted.received_bytes), (5, 0, 50, 15));
    }
}

/// The callee answers nobody before all three have asked.
#[test]
fn calls_of_a_step_are_made_at_once() {
    let callee = Callee::up(200, Barrier::new(3));
    let calls = vec![call("details", "/a"), call("details", "/b"), call("details", "/a")];
    let (received, counted) = check(service("web", vec![]), calls, &callee);
    assert_eq!(received.len(), 15);
    let counts: Vec<_> = counted.iter().map(|call| (&*call.path, call.calls, call.failures)).collect();
    assert_eq!(counts, [("/a", 10, 0), ("/b", 5, 0)]);
}

#[test]
fn failed_attempts_are_repeated_and_failed_calls_counted() {
    let callee = Callee::up(503, Barrier::new(1));
    let twice = Call { retries: 2, ..call("details", "/") };
    let (received, counted) = check(service("web", vec![]), vec![twice], &callee);
    assert_eq!(received.len(), 15);
    assert_eq!((counted[0].calls, counted[0].retries, counted[0].failures), (5, 10, 5));
    assert_eq!(counted[0].last_failure.as_deref(), Some("status 503 Service Unavailable"));
    assert_eq!(decode(&counted[0].latency).len(), 0);
}

/// The callee never answers, for a second request never comes.
#[test]
fn an_attempt_ends_when_its_time_is_over() {
    let callee = Callee::up(200, Barrier::new(100));
    let short = Call { timeout: std::time::Duration::from_millis(5), ..call("details", "/") };
    let (_, counted) = check(service("web", vec![]), vec![short], &callee);
    assert_eq!((counted[0].calls, counted[0].failures), (5, 5));
    assert_eq!(counted[0].last_failure.as_deref(), Some("no whole answer within 5ms"));
}

#[test]
fn a_service_that_is_not_there_is_a_failure_with_its_cause() {
    for protocol in [Protocol::Http, Protocol::Tcp] {
        let page = endpoint("/", vec![Step::Calls(vec![call("gone", "/")])]);
        let gone = Service { protocol, ..service("gone", vec![]) };
        let nowhere = super::stand::free_address();
        let mut stand = Stand::up_beside(vec![service("web", vec![page]), gone], &[("gone", nowhere)]);
        assert_eq!(stand.connect("web").get("/").status, 200);
        let call = stand.counts("web").calls.remove(0);
        assert_eq!(call.failures, 1);
        let cause = call.last_failure.expect("it failed");
        assert!(cause.contains("onnection refused"), "{cause}");
    }
}
