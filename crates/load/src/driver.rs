//! Waits until requests are due, puts them on connections, and enters what became of them. It knows neither the inside of
//! a schedule nor of a protocol.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use measure::{ConnectionUse, LoadTally};
use traffic::Load;

use crate::RequestOutcome;
use crate::books::Books;
use crate::connection::ClientConnection;
use crate::endpoint::TargetAddresses;
use crate::exchange::{Exchange, Finished};
use crate::pace::{NAP_NS, SPIN_NS, now_ns, wait_until};
use crate::pool::{ConnectionKey, ConnectionPool, Event};
use crate::schedule::Schedule;
use crate::standstill::Standstill;

/// Bytes that are read at once.
const ROOM_BYTES: usize = 64 * 1024;

/// One block, as one thread performs it.
pub(crate) struct Driver<'a, S, C> {
    load: &'a Load,
    endpoint: &'a mut TargetAddresses,
    pool: &'a mut ConnectionPool<C>,
    schedule: S,
    books: Books,
    /// Requests on a connection.
    under_way: u64,
    /// Requests that wait for a connection, the oldest first.
    waiting: VecDeque<Exchange>,
    /// Requests of a far client that are on their way to their connection, by the time of their arrival there.
    travelling: BinaryHeap<Reverse<Travelling>>,
    /// No request's time is up before this.
    deadline_ns: u64,
    standstill: Standstill,
    over: Vec<Finished>,
    room: Box<[u8]>,
}

/// A request that reaches its connection at this time.
struct Travelling(u64, Exchange);

impl<'a, S: Schedule, C: ClientConnection> Driver<'a, S, C> {
    pub(crate) fn new(
        load: &'a Load,
        endpoint: &'a mut TargetAddresses,
        pool: &'a mut ConnectionPool<C>,
        schedule: S,
        books: Books,
    ) -> Self {
        Self {
            load,
            endpoint,
            pool,
            schedule,
            books,
            under_way: 0,
            waiting: VecDeque::new(),
            travelling: BinaryHeap::new(),
            deadline_ns: u64::MAX,
            standstill: Standstill::default(),
            over: Vec::new(),
            room: vec![0; ROOM_BYTES].into(),
        }
    }

    /// Performs the block. A set `stop` ends it after the requests that are under way; those that wait are dropped then.
    ///
    /// # Errors
    ///
    /// The kernel cannot say what happens on connections.
    pub(crate) fn perform(mut self, stop: &AtomicBool) -> io::Result<LoadTally> {
        let mut happened = Vec::new();
        loop {
            let stopped = stop.load(Ordering::Relaxed);
            let now_ns = now_ns();
            if stopped {
                self.books.tally.samples.dropped += self.waiting.drain(..).len() as u64;
            } else {
                self.begin(now_ns);
            }
            self.arrive(now_ns);
            self.expire(now_ns);
            if self.is_quiet() && (stopped || self.schedule.next_ns().is_none()) {
                break;
            }
            self.wait(stop, stopped, &mut happened)?;
            for Event { key, hung_up } in happened.drain(..) {
                if let Some(connection) = self.pool.get(key) {
                    connection.advance(hung_up, &mut self.room, &mut self.over);
                    self.tidy(key, !stopped);
                }
            }
        }
        self.books.tally.samples.stopped_s = self.standstill.ns() as f64 / 1e9;
        Ok(self.books.close())
    }

    /// Nothing is under way or about to be.
    fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.waiting.is_empty() && self.travelling.is_empty()
    }

    /// Sets to work on everything that is due.
    fn begin(&mut self, now_ns: u64) {
        while let Some(arrival) = self.schedule.take(now_ns) {
            if self.under_way + self.waiting.len() as u64 >= self.load.in_flight_max {
                self.books.tally.samples.dropped += 1;
                continue;
            }
            self.standstill.awaited(arrival.due_ns, now_ns);
            let timeout_ns = u64::try_from(self.load.timeout.as_nanos()).unwrap_or(u64::MAX);
            let exchange = Exchange::begin(arrival, now_ns, timeout_ns);
            self.deadline_ns = self.deadline_ns.min(exchange.deadline_ns);
            self.send_off(exchange, now_ns);
        }
    }

    /// Lets a request travel to its connection; a near one is there at once.
    fn send_off(&mut self, exchange: Exchange, now_ns: u64) {
        if self.load.round_trip.is_zero() {
            return self.place(exchange);
        }
        // Both round trips before connecting: over a long way, too, the server sees connection and request together.
        let trips = if self.pool.has_room() { 1 } else { 2 };
        let travel_ns = self.load.round_trip.as_nanos() as u64 * trips;
        self.travelling.push(Reverse(Travelling(now_ns + travel_ns, exchange)));
    }

    /// Places requests that have travelled far enough.
    fn arrive(&mut self, now_ns: u64) {
        while self.travelling.peek().is_some_and(|Reverse(travelling)| travelling.0 <= now_ns) {
            let Some(Reverse(Travelling(_, exchange))) = self.travelling.pop() else { return };
            self.place(exchange);
        }
    }

    /// Puts a request on a connection: one that has room, else a new one; else it waits.
    fn place(&mut self, exchange: Exchange) {
        match self.pool.take() {
            Some(key) => self.ask(key, exchange),
            None if self.pool.len() < self.load.connections as usize => self.open(exchange),
            None => self.waiting.push_back(exchange),
        }
    }

    fn open(&mut self, exchange: Exchange) {
        let Some(address) = self.endpoint.address() else {
            return self.fail(exchange, RequestOutcome::Resolve);
        };
        match self.pool.open(&address) {
            Err(_) => self.fail(exchange, RequestOutcome::Connect),
            Ok(key) => {
                self.books.tally.samples.connections += 1;
                self.books.tally.samples.reconnects += u64::from(self.pool.replaces_lost());
                self.ask(key, exchange);
            }
        }
    }

    fn ask(&mut self, key: ConnectionKey, exchange: Exchange) {
        self.under_way += 1;
        if let Some(connection) = self.pool.get(key) {
            connection.ask(exchange, &mut self.over);
            self.tidy(key, true);
        }
    }

    fn fail(&mut self, exchange: Exchange, outcome: RequestOutcome) {
        let finished = exchange.end(now_ns(), outcome);
        self.books.enter(&finished);
        self.schedule.ended(finished.exchange.user, &finished);
    }

    /// After something happened on a connection: enters what is over, keeps or closes the connection, and goes on.
    fn tidy(&mut self, key: ConnectionKey, go_on: bool) {
        if let Some(connection) = self.pool.get(key) {
            let done = !self.over.is_empty() && self.load.connection == ConnectionUse::New;
            let (closed, lost, room) = (connection.is_closed(), connection.is_lost(), connection.has_room());
            if closed || (done && connection.is_idle()) {
                self.pool.close(key, lost);
            } else if room && !self.over.is_empty() {
                self.pool.offer(key);
            }
        }
        while let Some(finished) = self.over.pop() {
            self.under_way -= 1;
            self.conclude(finished);
        }
        if go_on {
            self.go_on();
        }
    }

    /// Enters a request that is over, or asks again on a new connection.
    fn conclude(&mut self, finished: Finished) {
        if finished.unanswered && !finished.exchange.again {
            let exchange = Exchange { again: true, sent_ns: 0, ..finished.exchange };
            return self.send_off(exchange, finished.end_ns);
        }
        self.books.enter(&finished);
        self.schedule.ended(finished.exchange.user, &finished);
    }

    /// Puts waiting requests on connections that have room now.
    fn go_on(&mut self) {
        while !self.waiting.is_empty() && (self.pool.has_room() || self.pool.len() < self.load.connections as usize) {
            if let Some(exchange) = self.waiting.pop_front() {
                self.place(exchange);
            }
        }
    }

    /// Fails requests whose time is up.
    fn expire(&mut self, now_ns: u64) {
        if now_ns < self.deadline_ns {
            return;
        }
        self.deadline_ns = u64::MAX;
        for key in self.pool.keys() {
            let Some(connection) = self.pool.get(key) else { continue };
            let earliest_ns = connection.expire(now_ns, &mut self.over);
            self.deadline_ns = self.deadline_ns.min(earliest_ns.unwrap_or(u64::MAX));
            self.tidy(key, false);
        }
        while self.waiting.front().is_some_and(|exchange| exchange.deadline_ns <= now_ns) {
            let Some(exchange) = self.waiting.pop_front() else { return };
            self.fail(exchange, RequestOutcome::Timeout);
        }
        let travelling = self.travelling.iter().map(|Reverse(travelling)| travelling.1.deadline_ns);
        let rest = self.waiting.front().map(|exchange| exchange.deadline_ns).into_iter().chain(travelling);
        self.deadline_ns = rest.fold(self.deadline_ns, u64::min);
        self.go_on();
    }

    /// Waits until something happens or is due: asleep until shortly before what is due, then awake.
    fn wait(&mut self, stop: &AtomicBool, stopped: bool, happened: &mut Vec<Event>) -> io::Result<()> {
        let travelled_ns = self.travelling.peek().map(|Reverse(travelling)| travelling.0);
        let begun_ns = if stopped { None } else { self.schedule.next_ns() };
        let due_ns = [travelled_ns, begun_ns].into_iter().flatten().min().unwrap_or(u64::MAX);
        if self.under_way == 0 {
            // Nobody owes an answer: the clock is all that matters until then, and a system call would only disturb others.
            // A peer may have closed a kept connection meanwhile.
            wait_until(if due_ns == u64::MAX { now_ns() + NAP_NS } else { due_ns }, stop);
            return self.pool.look(happened);
        }
        let now_ns = now_ns();
        let asleep_ns = due_ns.saturating_sub(SPIN_NS).min(self.deadline_ns).min(now_ns + NAP_NS);
        if asleep_ns > now_ns {
            self.pool.wait_until(asleep_ns, now_ns, happened)?;
            self.standstill.awaited(asleep_ns, crate::pace::now_ns());
            return Ok(());
        }
        while happened.is_empty() && crate::pace::now_ns() < due_ns.min(self.deadline_ns) {
            self.pool.look(happened)?;
        }
        Ok(())
    }
}

impl PartialEq for Travelling {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Travelling {}

impl PartialOrd for Travelling {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Travelling {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
