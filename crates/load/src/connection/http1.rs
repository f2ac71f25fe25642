use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use measure::WireBytes;
use socket2::{Domain, Socket, Type};

use super::ClientConnection;
use crate::RequestOutcome;
use crate::answer::{AnswerReader, HttpAnswer};
use crate::exchange::{Exchange, Finished};
use crate::pace::now_ns;

/// A connection that carries one HTTP/1.1 request at a time.
pub(crate) struct Http1 {
    stream: TcpStream,
    state: Http1State,
    exchange: Option<Exchange>,
    /// When it began to connect, in nanoseconds.
    opened_ns: u64,
    /// Bytes of the request that are written.
    written: usize,
    reader: AnswerReader,
    /// Answers that were complete.
    answered: u64,
    /// The peer closed it while it was kept.
    lost: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Http1State {
    Connecting,
    Open,
    Closed,
}

impl Http1 {
    /// Writes what is left of the request.
    fn write(&mut self) -> Result<(), RequestOutcome> {
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        while exchange.sent_ns == 0 {
            match self.stream.write(&exchange.request.http1[self.written..]) {
                Ok(count) => {
                    self.written += count;
                    if self.written == exchange.request.http1.len() {
                        exchange.sent_ns = now_ns();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what has arrived.
    fn read(&mut self, hung_up: bool, room: &mut [u8], over: &mut Vec<Finished>) -> Result<(), RequestOutcome> {
        loop {
            match self.stream.read(room) {
                Ok(0) => return self.peer_closed(over),
                Ok(count) => {
                    self.received(&room[..count], over)?;
                    // A read that does not fill the room has emptied the socket; the next bytes are another event. The
                    // end that a peer has announced is none.
                    if (count < room.len() && !hung_up) || self.state == Http1State::Closed {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn received(&mut self, bytes: &[u8], over: &mut Vec<Finished>) -> Result<(), RequestOutcome> {
        let Some(exchange) = &mut self.exchange else {
            // Bytes that belong to no request of ours: nothing that follows could be trusted.
            self.state = Http1State::Closed;
            return Ok(());
        };
        let at_ns = now_ns();
        if exchange.first_ns == 0 {
            exchange.first_ns = at_ns;
        }
        if let Some((answer, used)) = self.reader.take(bytes)? {
            if !answer.reusable || used < bytes.len() {
                self.state = Http1State::Closed;
            }
            self.finish(at_ns, answer, over);
        }
        Ok(())
    }

    fn peer_closed(&mut self, over: &mut Vec<Finished>) -> Result<(), RequestOutcome> {
        if self.exchange.is_none() {
            self.lost = true;
            self.state = Http1State::Closed;
            return Ok(());
        }
        let answer = self.reader.close()?;
        self.state = Http1State::Closed;
        self.finish(now_ns(), answer, over);
        Ok(())
    }

    fn finish(&mut self, end_ns: u64, answer: HttpAnswer, over: &mut Vec<Finished>) {
        let exchange = self.exchange.take().expect("an answer is read for a request only");
        // An answer that came before the request was sent whole leaves the rest of it unsent.
        if exchange.sent_ns == 0 {
            self.state = Http1State::Closed;
        }
        self.answered += 1;
        let mut finished = exchange.end(end_ns, RequestOutcome::Answered { status: answer.status });
        finished.received = WireBytes { head: answer.head_bytes, body: answer.body_bytes };
        over.push(finished);
    }

    fn fail(&mut self, outcome: RequestOutcome, over: &mut Vec<Finished>) {
        self.state = Http1State::Closed;
        if let Some(exchange) = self.exchange.take() {
            let lost = matches!(outcome, RequestOutcome::Closed | RequestOutcome::Reset);
            let unanswered = lost && self.answered > 0 && !self.reader.has_begun() && exchange.request.is_idempotent;
            self.lost = unanswered;
            over.push(Finished { unanswered, ..exchange.end(now_ns(), outcome) });
        }
    }

    /// What became of the attempt to connect.
    fn connected(&mut self) -> Result<(), RequestOutcome> {
        match self.stream.take_error() {
            Ok(None) => {
                // Not connected yet where the event came before.
                if self.stream.peer_addr().is_ok() {
                    self.state = Http1State::Open;
                    if let Some(exchange) = &mut self.exchange {
                        exchange.connect_ns = now_ns() - self.opened_ns;
                    }
                }
                Ok(())
            }
            Ok(Some(error)) | Err(error) if error.kind() == ErrorKind::TimedOut => Err(RequestOutcome::Timeout),
            Ok(Some(_)) | Err(_) => Err(RequestOutcome::Connect),
        }
    }
}

impl ClientConnection for Http1 {
    fn open(address: &SocketAddr) -> io::Result<Self> {
        let opened_ns = now_ns();
        let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&(*address).into()) {
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
            done => done?,
        }
        Ok(Self {
            stream: socket.into(),
            state: Http1State::Connecting,
            exchange: None,
            opened_ns,
            written: 0,
            reader: AnswerReader::default(),
            answered: 0,
            lost: false,
        })
    }

    fn has_room(&self) -> bool {
        self.exchange.is_none() && self.state != Http1State::Closed
    }

    fn is_idle(&self) -> bool {
        self.exchange.is_none()
    }

    fn ask(&mut self, exchange: Exchange, over: &mut Vec<Finished>) {
        self.reader.restart(exchange.request.is_head);
        self.exchange = Some(exchange);
        self.written = 0;
        if self.state == Http1State::Open
            && let Err(outcome) = self.write()
        {
            self.fail(outcome, over);
        }
    }

    fn advance(&mut self, hung_up: bool, room: &mut [u8], over: &mut Vec<Finished>) {
        let went = (|| {
            if self.state == Http1State::Connecting {
                self.connected()?;
            }
            if self.state == Http1State::Open {
                // A server may answer and close before it has read the whole request.
                let wrote = self.write();
                self.read(hung_up, room, over)?;
                wrote?;
            }
            Ok(())
        })();
        if let Err(outcome) = went {
            self.fail(outcome, over);
        }
    }

    fn expire(&mut self, now_ns: u64, over: &mut Vec<Finished>) -> Option<u64> {
        let deadline_ns = self.exchange.as_ref()?.deadline_ns;
        if deadline_ns > now_ns {
            return Some(deadline_ns);
        }
        self.fail(RequestOutcome::Timeout, over);
        None
    }

    fn is_closed(&self) -> bool {
        self.state == Http1State::Closed
    }

    fn is_lost(&self) -> bool {
        self.lost
    }
}

impl AsFd for Http1 {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
