use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use measure::ConnectionUse;
use traffic::{Sequential, Target};

use crate::RequestOutcome;
use crate::answer::{HttpAnswer, read_answer};
use crate::inflow::Inflow;
use crate::pace::{now_ns, pass};
use crate::standstill::{GLANCE, Standstill};

/// What a client has from one block to the next: its connection, if it keeps one.
#[derive(Default)]
pub(crate) struct Kept {
    inflow: Inflow,
    open: Option<(Target, TcpStream)>,
}

impl Kept {
    /// Closes the connection unless a block of this load goes on with it.
    fn suit(&mut self, load: &Sequential) {
        self.open.take_if(|(target, _)| load.connection == ConnectionUse::New || *target != load.target);
    }
}

/// A client that sends one GET after the other to one target, in one block.
pub(crate) struct Http1<'a> {
    load: &'a Sequential,
    request: Vec<u8>,
    kept: &'a mut Kept,
    reconnects: u64,
    connections: u64,
    stopped: Standstill,
}

/// What became of a request, and when.
pub(crate) struct SentRequest {
    pub(crate) outcome: RequestOutcome,
    /// Instant of the last byte or of the failure, in nanoseconds of the monotonic clock.
    pub(crate) end_ns: u64,
}

impl<'a> Http1<'a> {
    pub(crate) fn new(load: &'a Sequential, kept: &'a mut Kept) -> Self {
        kept.suit(load);
        Self {
            load,
            request: request(&load.target),
            kept,
            reconnects: 0,
            connections: 0,
            stopped: Standstill::default(),
        }
    }

    /// Kept connections that the peer had closed when the next request was sent.
    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// Connections opened.
    pub(crate) fn connections(&self) -> u64 {
        self.connections
    }

    /// Time for which this process did not run while it waited for a peer, in nanoseconds.
    pub(crate) fn stopped_ns(&self) -> u64 {
        self.stopped.ns()
    }

    /// Sends one request and reads the answer whole. Afterwards the connection is kept or closed, as asked; closing
    /// comes after the end and is in no latency.
    pub(crate) fn ask(&mut self) -> SentRequest {
        let deadline_ns = now_ns().saturating_add(u64::try_from(self.load.timeout.as_nanos()).unwrap_or(u64::MAX));
        let answer = self.exchange(deadline_ns);
        let end_ns = now_ns();
        if self.load.connection == ConnectionUse::New || !answer.is_ok_and(|answer| answer.reusable) {
            self.kept.open = None;
        }
        let outcome =
            answer.map_or_else(|outcome| outcome, |HttpAnswer { status, .. }| RequestOutcome::Answered { status });
        SentRequest { outcome, end_ns }
    }

    fn exchange(&mut self, deadline_ns: u64) -> Result<HttpAnswer, RequestOutcome> {
        if let Some((_, kept)) = self.kept.open.take() {
            pass(self.load.round_trip);
            let answer = self.ask_on(kept, deadline_ns);
            // The peer closed while the connection lay idle, perhaps while the request was on its way: not an error but
            // an ordinary race, which every client answers with a new connection (RFC 9112, section 9.3.1).
            let unanswered =
                !self.kept.inflow.any() && matches!(answer, Err(RequestOutcome::Closed | RequestOutcome::Reset));
            if !unanswered {
                return answer;
            }
            self.reconnects += 1;
        }
        // Both before connecting: over a long way, too, the server sees connection and request arrive together.
        pass(self.load.round_trip * 2);
        let stream = connect(&self.load.target, deadline_ns)?;
        self.connections += 1;
        self.ask_on(stream, deadline_ns)
    }

    fn ask_on(&mut self, stream: TcpStream, deadline_ns: u64) -> Result<HttpAnswer, RequestOutcome> {
        let Kept { inflow, open } = &mut *self.kept;
        inflow.clear();
        let (_, stream) = open.insert((self.load.target.clone(), stream));
        let mut timed = Timed { stream, deadline_ns, stopped: &mut self.stopped };
        timed.write_all(&self.request)?;
        read_answer(inflow, &mut timed)
    }
}

fn request(target: &Target) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let (path, host) = (target.path(), target.authority());
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: meshtax/{version}\r\nAccept: */*\r\n\r\n").into_bytes()
}

/// Looks the name up and connects to the first address that takes the connection.
fn connect(target: &Target, deadline_ns: u64) -> Result<TcpStream, RequestOutcome> {
    let addresses = (target.host(), target.port()).to_socket_addrs().map_err(|_| RequestOutcome::Resolve)?;
    let mut outcome = RequestOutcome::Resolve;
    for address in addresses {
        match connect_to(&address, deadline_ns) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => outcome = RequestOutcome::Timeout,
            Err(_) => outcome = RequestOutcome::Connect,
        }
    }
    Err(outcome)
}

fn connect_to(address: &SocketAddr, deadline_ns: u64) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, left(deadline_ns)?)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Time left until the deadline.
fn left(deadline_ns: u64) -> io::Result<Duration> {
    match deadline_ns.saturating_sub(now_ns()) {
        0 => Err(io::ErrorKind::TimedOut.into()),
        left_ns => Ok(Duration::from_nanos(left_ns)),
    }
}

/// A connection whose reads and writes end at one deadline, however slowly bytes drip.
struct Timed<'a> {
    stream: &'a TcpStream,
    deadline_ns: u64,
    stopped: &'a mut Standstill,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let glance = left(self.deadline_ns)?.min(GLANCE);
            self.stream.set_read_timeout(Some(glance))?;
            let due_ns = now_ns() + glance.as_nanos() as u64;
            let read = self.stream.read(buffer);
            self.stopped.awaited(due_ns, now_ns());
            // Whether the time is up, not only the piece of it, is seen when the next one begins.
            if !read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return read;
            }
        }
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline_ns)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
