use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering as Memory};
use std::thread;
use std::time::Duration;

use measure::{ConnectionUse, Samples};
use traffic::{Load, Model, Order, Request, Target};

use super::*;

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A server on loopback that gives the same answer to every request.
struct Server {
    target: Target,
    connections: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

/// What a server does after an answer.
#[derive(Clone, Copy)]
enum After {
    Keep,
    Close,
}

impl Server {
    fn new(answer: &'static str, after: After) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("http://{}/page", listener.local_addr().unwrap()).parse().unwrap();
        let server = Self { target, connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Memory::SeqCst);
                attend(stream.unwrap(), answer, after, &requests);
            }
        });
        server
    }

    /// Runs 23 requests without think time.
    fn load(&self, connection: ConnectionUse) -> Samples {
        run_block(&load(self.target.clone(), connection), &AtomicBool::new(false))
    }
}

/// A block of a client that has asked nothing before.
fn run_block(load: &Load, stop: &AtomicBool) -> Samples {
    Client::default().perform(load, stop).unwrap()
}

fn load(target: Target, connection: ConnectionUse) -> Load {
    Load {
        request: Request::get(target),
        model: user(Duration::ZERO),
        requests: Some(23),
        time: None,
        connections: 1,
        connection,
        round_trip: Duration::ZERO,
        timeout: Duration::from_secs(20),
        in_flight_max: 1,
        seed: 1,
    }
}

/// One user who pauses.
fn user(pause: Duration) -> Model {
    Model::Closed { users: 1, think: pause.into(), pace: Duration::ZERO }
}

/// Serves one connection until either side ends it.
fn attend(mut stream: TcpStream, answer: &str, after: After, requests: &AtomicU64) {
    while read_request(&mut stream).is_some() {
        requests.fetch_add(1, Memory::SeqCst);
        if stream.write_all(answer.as_bytes()).is_err() || matches!(after, After::Close) {
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        request.extend(byte);
    }
    String::from_utf8(request).ok()
}

/// 23 requests: so many are latencies, the rest failed for one reason.
fn check(server: &Server, connection: ConnectionUse, succeeded: u64, failure: Option<&str>) -> Samples {
    let block = server.load(connection);
    assert_eq!((block.requests, server.requests.load(Memory::SeqCst)), (23, 23));
    assert_eq!((block.latency.count(), block.lag.count()), (succeeded, 23));
    assert_eq!((block.sequence.len() as u64, block.connections), (succeeded, server.connections.load(Memory::SeqCst)));
    let expected = failure.map(|kind| (kind.to_owned(), 23 - succeeded));
    assert_eq!(block.errors, expected.into_iter().collect());
    assert!(block.wall_s > 0.0);
    block
}

#[test]
fn a_kept_connection_carries_all() {
    for answer in [HELLO, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        let server = Server::new(answer, After::Keep);
        let block = check(&server, ConnectionUse::Keep, 23, None);
        assert_eq!((server.connections.load(Memory::SeqCst), block.reconnects), (1, 0));
    }
}

#[test]
fn a_new_connection_for_each() {
    let server = Server::new(HELLO, After::Keep);
    check(&server, ConnectionUse::New, 23, None);
    assert_eq!(server.connections.load(Memory::SeqCst), 23);
}

#[test]
fn a_kept_connection_that_the_peer_closed_is_opened_again() {
    let server = Server::new(HELLO, After::Close);
    let block = check(&server, ConnectionUse::Keep, 23, None);
    assert_eq!((server.connections.load(Memory::SeqCst), block.reconnects), (23, 22));
}

/// Connections opened and opened again in each of three blocks of one client.
fn blocks(server: &Server, connections: [ConnectionUse; 3]) -> [(u64, u64); 3] {
    let mut client = Client::default();
    connections.map(|connection| {
        let block = client.perform(&load(server.target.clone(), connection), &AtomicBool::new(false)).unwrap();
        assert_eq!((block.requests, block.latency.count()), (23, 23));
        (block.connections, block.reconnects)
    })
}

#[test]
fn a_kept_connection_outlives_the_block() {
    let server = Server::new(HELLO, After::Keep);
    assert_eq!(blocks(&server, [ConnectionUse::Keep; 3]), [(1, 0), (0, 0), (0, 0)]);
    assert_eq!(server.connections.load(Memory::SeqCst), 1);
    // A new one for each is no kept one, and leaves none.
    assert_eq!(
        blocks(&server, [ConnectionUse::Keep, ConnectionUse::New, ConnectionUse::Keep]),
        [(1, 0), (23, 0), (1, 0)]
    );
    // A peer that closes does so between blocks as well.
    let closing = Server::new(HELLO, After::Close);
    assert_eq!(blocks(&closing, [ConnectionUse::Keep; 3]), [(23, 22), (23, 23), (23, 23)]);
}

#[test]
fn a_connection_is_kept_for_its_own_target_only() {
    let [one, other] = [(); 2].map(|()| Server::new(HELLO, After::Keep));
    let mut client = Client::default();
    for server in [&one, &one, &other, &one] {
        client.perform(&load(server.target.clone(), ConnectionUse::Keep), &AtomicBool::new(false)).unwrap();
    }
    assert_eq!([&one, &other].map(|server| server.connections.load(Memory::SeqCst)), [2, 1]);
    assert_eq!([&one, &other].map(|server| server.requests.load(Memory::SeqCst)), [69, 23]);
}

#[test]
fn an_announced_close_is_no_reconnect() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    let block = check(&Server::new(answer, After::Close), ConnectionUse::Keep, 23, None);
    assert_eq!(block.reconnects, 0);
    check(&Server::new("HTTP/1.1 200 OK\r\n\r\nto the end", After::Close), ConnectionUse::Keep, 23, None);
}

#[test]
fn errors_are_no_latencies() {
    let refused = Server::new("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno", After::Keep);
    check(&refused, ConnectionUse::Keep, 0, Some("status_503"));
    assert_eq!(refused.connections.load(Memory::SeqCst), 1);
    let half = Server::new("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", After::Close);
    check(&half, ConnectionUse::New, 0, Some("closed"));
    check(&Server::new("", After::Close), ConnectionUse::New, 0, Some("closed"));
    check(&Server::new("220 mail ready\r\n\r\n", After::Close), ConnectionUse::New, 0, Some("bad_answer"));
}

/// An answer that was begun is an error even on a kept connection: asking again would count one request twice.
#[test]
fn half_an_answer_on_a_kept_connection_is_no_reconnect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in [HELLO, &HELLO[..HELLO.len() - 1]] {
            read_request(&mut stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let block = run_block(&Load { requests: Some(2), ..load(target, ConnectionUse::Keep) }, &AtomicBool::new(false));
    assert_eq!((block.latency.count(), block.reconnects), (1, 0));
    assert_eq!(block.errors, [("closed".to_owned(), 1)].into());
}

#[test]
fn silence_is_a_timeout() {
    let server = Server::new("", After::Keep);
    let load = Load { requests: Some(2), timeout: Duration::from_millis(5), ..load(server.target, ConnectionUse::New) };
    let block = run_block(&load, &AtomicBool::new(false));
    assert_eq!(block.errors, [("timeout".to_owned(), 2)].into());
}

#[test]
fn nobody_there_is_a_refused_connection() {
    let target = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()
    };
    let block = run_block(&load(target, ConnectionUse::New), &AtomicBool::new(false));
    assert_eq!(block.errors, [("connect".to_owned(), 23)].into());
}

/// A far client waits a round trip for each request and another for each connection, and that is part of its latency.
#[test]
fn a_far_client_waits_for_the_way() {
    let shortest = |connection| {
        let server = Server::new(HELLO, After::Keep);
        let round_trip = Duration::from_millis(3);
        let load = Load { round_trip, ..load(server.target.clone(), connection) };
        *run_block(&load, &AtomicBool::new(false)).sequence[1..].iter().min().unwrap()
    };
    let (kept_ns, new_ns) = (shortest(ConnectionUse::Keep), shortest(ConnectionUse::New));
    assert!(kept_ns >= 3_000_000 && new_ns >= 6_000_000, "{kept_ns} {new_ns}");
}

#[test]
fn a_set_stop_ends_the_block() {
    let server = Server::new(HELLO, After::Keep);
    let load = Load { model: user(Duration::from_secs(3600)), ..load(server.target, ConnectionUse::Keep) };
    let stop = AtomicBool::new(false);
    let block = thread::scope(|scope| {
        let block = scope.spawn(|| run_block(&load, &stop));
        while server.requests.load(Memory::SeqCst) == 0 {
            thread::yield_now();
        }
        stop.store(true, Memory::SeqCst);
        block.join().unwrap()
    });
    assert_eq!((block.requests, block.latency.count()), (1, 1));
}

#[test]
fn the_request_is_an_ordinary_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream).unwrap();
        stream.write_all(HELLO.as_bytes()).unwrap();
        request
    });
    let load =
        Load { requests: Some(1), ..load(format!("http://{address}/page?u=1").parse().unwrap(), ConnectionUse::New) };
    run_block(&load, &AtomicBool::new(false));
    let expected = format!(
        "GET /page?u=1 HTTP/1.1\r\nHost: {address}\r\nUser-Agent: meshtax/{}\r\nAccept: */*\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(asked.join().unwrap(), expected);
}

#[test]
fn the_role_performs_orders_until_they_end() {
    let server = Server::new(HELLO, After::Keep);
    let order = Order::Load(Box::new(load(server.target, ConnectionUse::New)));
    let mut answers = Vec::new();
    serve(std::io::Cursor::new(format!("{order}\n{order}\n")), &mut answers).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    let (ready, blocks) = answers.split_once('\n').unwrap();
    assert_eq!(ready, r#"{"ready":true}"#);
    let blocks: Vec<Samples> = blocks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(blocks.iter().map(|block| block.latency.count()).collect::<Vec<_>>(), [23, 23]);
}

#[test]
fn a_stopped_block_is_answered() {
    let server = Server::new(HELLO, After::Keep);
    let load = Load { model: user(Duration::from_secs(3600)), ..load(server.target, ConnectionUse::New) };
    let mut answers = Vec::new();
    serve(std::io::Cursor::new(format!("{}\nstop\n", Order::Load(Box::new(load)))), &mut answers).unwrap();
    assert_eq!(String::from_utf8(answers).unwrap().lines().count(), 2);
}
