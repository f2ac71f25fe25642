//! Everything at once that peers and neighbours can do to an agent with little memory. It answers scrapes all the time.

use std::env;
use std::io::{Read, Write, stderr};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::{Domain, Socket, Type};
use testbed::{Group, Open, Peer, V4, Watching, binary, insist_on_being_alone, scrape};

use crate::nat::children;

/// Memory limit of a DaemonSet's agent.
const MEMORY_MAX: u64 = 128 << 20;

/// How long Prometheus waits by default.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many idle connections are opened per second, and how many are held.
const KNOCKS: u32 = 300;
const HELD: usize = 400;

const SLOW_READERS: usize = 64;

const METRICS: &str = "GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";

/// Variable with the length of a siege in seconds. If it is set, figures are printed.
const LENGTH: &str = "SIEGE_SECONDS";

fn length() -> Duration {
    Duration::from_secs(env::var(LENGTH).map_or(15, |seconds| seconds.parse().unwrap()))
}

/// An agent with a thousand series and a memory limit.
struct Besieged {
    agent: Watching,
    place: SocketAddr,
    _traffic: Vec<(Peer, Open)>,
    group: Group,
    is_over: AtomicBool,
}

/// Answers to well-behaved scrapers.
#[derive(Debug, Default)]
struct Answers {
    times: Vec<Duration>,
    unanswered: usize,
}

impl Besieged {
    fn begin() -> Self {
        insist_on_being_alone();
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
        let group = Group::with_memory("siege", MEMORY_MAX);
        let mut command = group.command(binary());
        command.args(["agent", "--listen", "127.0.0.1:0"]);
        let agent = Watching::of(command);
        let traffic = (0..500).map(|_| {
            let server = Peer::listen(V4);
            let mut open = server.open();
            open.move_bytes(100, 50);
            (server, open)
        });
        let traffic = traffic.collect();
        let place = agent.place().parse().unwrap();
        Self { agent, place, _traffic: traffic, group, is_over: AtomicBool::new(false) }
    }

    /// Opens a connection with a small receive buffer, so that unread data stays with the agent.
    fn connect(&self, from: Ipv4Addr) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(4_096)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect_timeout(&self.place.into(), PATIENCE)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Asks for metrics and reads less than a kilobyte of them per second, again and again.
    fn read_slowly(&self, from: Ipv4Addr) {
        while self.goes_on() {
            // A client that is refused or cut off comes back.
            let Ok(mut stream) = self.connect(from) else { continue };
            let is_sent = stream.write_all(METRICS.as_bytes()).is_ok();
            let mut some = [0; 512];
            while is_sent && self.goes_on() && stream.read(&mut some).is_ok_and(|length| length > 0) {
                thread::sleep(Duration::from_secs(1));
            }
        }
    }

    /// Opens connections that send nothing.
    fn knock(&self, from: Ipv4Addr) {
        let mut held = Vec::new();
        while self.goes_on() {
            held.extend(self.connect(from));
            if held.len() > HELD {
                held.remove(0);
            }
            thread::sleep(Duration::from_secs(1) / KNOCKS);
        }
    }

    /// Asks for a path every `pause`, until the siege is over.
    fn ask(&self, path: &str, pause: Duration) -> Answers {
        let mut answers = Answers::default();
        while self.goes_on() {
            let asked = Instant::now();
            match self.answer(path) {
                Some(time) => answers.times.push(time),
                None => answers.unanswered += 1,
            }
            thread::sleep(pause.saturating_sub(asked.elapsed()));
        }
        answers
    }

    /// Returns how long a whole answer takes; `None` without one.
    fn answer(&self, path: &str) -> Option<Duration> {
        let asked = Instant::now();
        let mut stream = TcpStream::connect_timeout(&self.place, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let is_whole = head.starts_with("HTTP/1.1 200") && body.len() == length.parse::<usize>().ok()?;
        is_whole.then(|| asked.elapsed())
    }

    /// Returns the process that reads tables of translated connections.
    fn reader(&self) -> Option<Pid> {
        let keeper = children(self.agent.id()).into_iter().next()?;
        Some(Pid::from_raw(children(keeper).first().copied()?.try_into().unwrap()))
    }

    /// Runs the siege. The processes beside the agent are stopped after a third of it, and killed after two thirds.
    fn last(&self) {
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            thread::sleep(length() / 3);
            self.reader().map(|reader| kill(reader, signal));
        }
        thread::sleep(length() / 3);
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Answers {
    fn figures(&self) -> String {
        let longest = self.times.iter().max().copied().unwrap_or_default();
        let in_time = self.times.iter().filter(|time| **time <= Duration::from_secs(1)).count();
        let (answered, unanswered) = (self.times.len(), self.unanswered);
        format!("{answered} answered, {in_time} within a second, the last after {longest:?}; {unanswered} not")
    }

    fn are_complete(&self) -> bool {
        self.unanswered == 0 && !self.times.is_empty()
    }
}

/// Checks that one scrape per second is answered during a siege from the address `hostile`.
fn hold_out(hostile: Ipv4Addr) {
    let besieged = Besieged::begin();
    let bytes = scrape(&besieged.place.to_string()).len();
    let (scrapes, health) = thread::scope(|scope| {
        for _ in 0..SLOW_READERS {
            scope.spawn(|| besieged.read_slowly(hostile));
        }
        scope.spawn(|| besieged.knock(hostile));
        let scrapes = scope.spawn(|| besieged.ask("/metrics", Duration::from_secs(1)));
        let health = scope.spawn(|| besieged.ask("/healthz", Duration::from_millis(250)));
        besieged.last();
        (scrapes.join().unwrap(), health.join().unwrap())
    });
    let memory = besieged.group.memory_max();
    let figures = format!(
        "{bytes} bytes a scrape, {memory} of memory at most\n/metrics: {}\n/healthz: {}\n",
        scrapes.figures(),
        health.figures()
    );
    if env::var_os(LENGTH).is_some() {
        stderr().write_all(figures.as_bytes()).unwrap();
    }
    assert!(scrapes.are_complete() && health.are_complete() && besieged.group.killed() == 0, "{figures}");
    let Besieged { mut agent, group, _traffic, .. } = besieged;
    agent.end();
    drop(group);
}

#[test]
fn an_agent_in_little_memory_answers_during_a_siege() {
    hold_out(Ipv4Addr::LOCALHOST);
}

#[test]
fn an_agent_in_little_memory_answers_while_another_address_besieges_it() {
    hold_out(Ipv4Addr::new(127, 0, 0, 2));
}
