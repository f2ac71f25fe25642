use std::mem;
use std::sync::mpsc::Sender;

use measure::{LoadTally, SecondTally, WireBytes};

use crate::RequestOutcome;
use crate::exchange::Finished;

/// Keeps the books of one thread: everything in total, and each second apart for whoever listens.
pub(crate) struct Books {
    pub(crate) tally: LoadTally,
    /// When the load began, in nanoseconds.
    start_ns: u64,
    /// When the last request ended, in nanoseconds.
    last_ns: u64,
    second: SecondTally,
    /// When the second that is being kept ends, in nanoseconds.
    second_end_ns: u64,
    seconds: Option<Sender<SecondTally>>,
}

impl Books {
    /// Empty books of a load that begins at `start_ns`. Finished seconds go to `seconds`.
    pub(crate) fn new(start_ns: u64, seconds: Option<Sender<SecondTally>>) -> Self {
        let second_end_ns = if seconds.is_some() { start_ns } else { u64::MAX };
        Self {
            tally: LoadTally::default(),
            start_ns,
            last_ns: start_ns,
            second: SecondTally::default(),
            second_end_ns,
            seconds,
        }
    }

    /// Enters a request that is over.
    pub(crate) fn enter(&mut self, finished: &Finished) {
        let Finished { exchange, end_ns, outcome, received, .. } = finished;
        if *end_ns >= self.second_end_ns {
            self.turn_second(*end_ns);
        }
        let is_success = outcome.is_success();
        let latency_ns = end_ns - exchange.due_ns;
        let lag_ns = exchange.began_ns - exchange.due_ns;
        if is_success {
            self.tally.samples.succeeded(latency_ns, lag_ns);
            self.tally.samples.service.record(end_ns - exchange.sent_ns.max(exchange.began_ns));
        } else {
            self.tally.samples.failed(outcome.to_string(), lag_ns);
        }
        if self.seconds.is_some() {
            self.second.requests += 1;
            self.second.errors += u64::from(!is_success);
            if is_success {
                self.second.latency.record(latency_ns);
            }
        }
        if let RequestOutcome::Answered { status } = outcome {
            *self.tally.statuses.entry(*status).or_default() += 1;
            // An answer may come before the request is sent whole: then there is no such time.
            if exchange.sent_ns > 0 {
                self.tally.first_byte.record(exchange.first_ns.saturating_sub(exchange.sent_ns));
            }
        }
        if exchange.connect_ns > 0 {
            self.tally.connect.record(exchange.connect_ns);
        }
        if exchange.sent_ns > 0 {
            let body = exchange.request.body_bytes as u64;
            self.tally.sent += WireBytes { head: exchange.request.http1.len() as u64 - body, body };
        }
        self.tally.received += *received;
        self.last_ns = self.last_ns.max(*end_ns);
    }

    /// Ends the books.
    pub(crate) fn close(mut self) -> LoadTally {
        self.send_second();
        self.tally.samples.wall_s = (self.last_ns - self.start_ns) as f64 / 1e9;
        self.tally
    }

    /// Passes the second on that was kept, and begins the one in which `now_ns` lies.
    fn turn_second(&mut self, now_ns: u64) {
        self.send_second();
        self.second.second = now_ns.saturating_sub(self.start_ns) / 1_000_000_000;
        self.second_end_ns = self.start_ns + (self.second.second + 1) * 1_000_000_000;
    }

    fn send_second(&mut self) {
        let second = mem::take(&mut self.second);
        if let Some(seconds) = &self.seconds
            && second.requests > 0
        {
            // Nobody listens any more: the totals have it all the same.
            seconds.send(second).ok();
        }
    }
}
