//! Scrapers that read slowly, ask too much, or only hold connections: what they cost, and that other scrapers are
//! served.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};
use testbed::{Open, Peer, V4, Watching, insist_on_being_alone, insist_on_root, scrape};

/// Another host's address.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How long the agent may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent with many series.
struct Talker {
    agent: Watching,
    place: String,
    /// Length of a scrape in bytes.
    length: usize,
    _traffic: Vec<(Peer, Open)>,
}

impl Talker {
    fn begin() -> Self {
        insist_on_root();
        let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
        let place = agent.place();
        let traffic = (0..300).map(|_| {
            let server = Peer::listen(V4);
            let mut open = server.open();
            open.move_bytes(100, 50);
            (server, open)
        });
        let traffic = traffic.collect();
        let length = scrape(&place).len();
        // The kernel buffers up to 4 MB of an answer.
        assert!(length > 5 << 20, "{length} bytes are too few to be held up");
        Self { agent, place, length, _traffic: traffic }
    }

    /// Opens a connection with a small receive buffer.
    fn connect(&self) -> TcpStream {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }

    fn connect_from(&self, address: Ipv4Addr) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
        socket.connect(&self.place.parse::<SocketAddr>().unwrap().into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Opens a connection and asks for metrics.
    fn asker(&self) -> TcpStream {
        self.asker_from(Ipv4Addr::LOCALHOST)
    }

    fn asker_from(&self, address: Ipv4Addr) -> TcpStream {
        let mut stream = self.connect_from(address);
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").unwrap();
        stream
    }

    /// Opens a connection, asks for metrics, and reads their first bytes.
    fn reader(&self) -> TcpStream {
        self.reader_from(Ipv4Addr::LOCALHOST)
    }

    fn reader_from(&self, address: Ipv4Addr) -> TcpStream {
        let mut stream = self.asker_from(address);
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    }

    fn is_well(&self) -> bool {
        let mut stream = self.connect();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok_and(|_| answer.starts_with("HTTP/1.1 200"))
    }

    /// Returns the peak of the agent's resident memory in bytes.
    fn memory_max(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.agent.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
    }
}

/// Reads the rest of an answer. Returns whether it is complete.
fn is_whole(mut stream: TcpStream) -> bool {
    let mut answer = String::new();
    if stream.read_to_string(&mut answer).is_err() {
        return false;
    }
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() == length.parse::<usize>().unwrap()
}

#[test]
fn slow_readers_take_little_memory_and_keep_nobody_waiting() {
    let talker = Talker::begin();
    let before = talker.memory_max();
    let readers: Vec<TcpStream> = (0..32).map(|_| talker.reader()).collect();
    let more = talker.memory_max() - before;
    assert!(more < 8 * talker.length, "{more} bytes for 32 times {}", talker.length);
    assert!(talker.is_well());
    assert!(scrape(&talker.place).ends_with('\n'));
    assert!(is_whole(readers.into_iter().next_back().unwrap()));
}

#[test]
fn a_scrape_that_is_being_served_is_not_ended_for_those_who_only_hold_connections() {
    let talker = Talker::begin();
    let reader = talker.reader();
    let held: Vec<TcpStream> = (0..700).map(|_| talker.connect()).collect();
    // A client that is answered came after all of them.
    assert!(talker.is_well());
    assert!(is_whole(reader));
    drop(held);
}

#[test]
fn scrapes_at_once_are_all_answered() {
    // A scrape that has waited ten seconds is told to come again, and a busy machine takes that long.
    insist_on_being_alone();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let place = agent.place();
    let together = Barrier::new(200);
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                together.wait();
                assert!(scrape(&place).contains("meshtax_agent_cpu_seconds_total"));
            });
        }
    });
}

#[test]
fn scrapes_beyond_those_that_are_served_and_wait_are_told_to_come_again() {
    let talker = Talker::begin();
    let askers: Vec<TcpStream> = (0..400).map(|_| talker.asker()).collect();
    assert!(talker.is_well());
    let refused = askers.into_iter().rev().take(40).filter(|asker| {
        let mut head = [0; 512];
        let mut asker: &TcpStream = asker;
        let length = asker.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..length]);
        head.starts_with("HTTP/1.1 503") && head.contains("retry-after: 1\r\n")
    });
    assert!(refused.count() > 0);
}

#[test]
fn one_address_leaves_places_for_the_scrapes_of_others() {
    let talker = Talker::begin();
    let askers: Vec<TcpStream> = (0..400).map(|_| talker.asker()).collect();
    // A client that is answered came after all of them.
    assert!(talker.is_well());
    assert!(is_whole(talker.reader_from(ELSEWHERE)));
    drop(askers);
}

#[test]
fn the_connections_of_one_address_end_none_of_others() {
    let talker = Talker::begin();
    let outlasts = || {
        let mut kept = talker.connect_from(ELSEWHERE);
        let held: Vec<TcpStream> = (0..660).map(|_| talker.connect()).collect();
        assert!(talker.is_well());
        let asks = kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").is_ok();
        let mut answer = String::new();
        let is_answered = asks && kept.read_to_string(&mut answer).is_ok_and(|length| length > 0);
        drop(held);
        is_answered
    };
    // On a busy machine, the others take longer than an idle connection is allowed to.
    assert!((0..5).any(|_| outlasts()));
}

#[test]
fn who_asks_on_and_does_not_read_is_not_heard() {
    let talker = Talker::begin();
    for question in ["HEAD / HTTP/1.1\r\nHost: agent\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: agent\r\n\r\n"] {
        let mut stream = talker.connect();
        stream.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
        let questions = question.repeat(1_000);
        let stopped = (0..300).find_map(|_| stream.write_all(questions.as_bytes()).err());
        let kind = stopped.expect("the agent takes megabytes of questions").kind();
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind}");
        assert!(talker.is_well());
    }
}

#[test]
fn who_does_not_read_is_cut_off() {
    let talker = Talker::begin();
    let reader = talker.reader();
    let mut ended = [PollFd::new(reader.as_fd(), PollFlags::empty())];
    let patience = PollTimeout::try_from(PATIENCE).unwrap();
    assert_eq!(poll(&mut ended, patience).unwrap(), 1, "it is served for ever");
    assert!(talker.is_well());
}
