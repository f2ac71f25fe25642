//! Connections of scrapers, and which of them end when there is no room.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::seats::{ScraperOrigin, Seat, Seats};
use super::turn::Turn;

/// Maximum number of connections. One more ends the oldest idle connection of the address that has most idle ones, so
/// addresses that only hold connections keep nobody out. There is always an idle one, because fewer than this can be
/// scraping.
const CONNECTIONS_MAX: usize = 640;

/// How often and how many times a waiting scrape looks for a slow one to end. Prometheus waits 10 seconds by default.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: usize = 10;

/// A scrape that reads fewer bytes per second than this is ended when others wait.
const RATE_MIN: u64 = 16 << 10;
/// Time after which a scrape's rate is judged.
const GRACE: Duration = Duration::from_secs(5);

/// All connections of scrapers.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Connections, the oldest first.
    open: RefCell<VecDeque<Weak<Turn>>>,
    seats: Seats,
}

impl Peers {
    /// Adds a connection, and ends another one if there are too many.
    pub fn welcome(&self, origin: ScraperOrigin) -> Rc<Turn> {
        let mut open = self.open.borrow_mut();
        open.retain(|turn| turn.strong_count() > 0);
        if open.len() >= CONNECTIONS_MAX
            && let Some(turn) = dispensable(&open)
        {
            turn.end();
        }
        let turn = Rc::new(Turn::new(origin));
        open.push_back(Rc::downgrade(&turn));
        turn
    }

    /// Takes a seat for a scrape, and waits if none is free. Returns false if there is none in time.
    pub async fn seat(&self, turn: &Turn) -> bool {
        turn.wait();
        let seat = self.next_free(turn.origin).await;
        let is_seated = seat.is_some();
        match seat {
            Some(seat) => turn.sit(seat),
            None => turn.give_up(),
        }
        is_seated
    }

    async fn next_free(&self, origin: ScraperOrigin) -> Option<Seat> {
        let mut ticket = self.seats.queue(origin)?;
        if let Some(seat) = ticket.seat_now() {
            return Some(seat);
        }
        for _ in 0..LOOKS {
            self.end_slowest(RATE_MIN);
            if let Ok(seat) = tokio::time::timeout(LOOK, ticket.seat()).await {
                return Some(seat);
            }
        }
        None
    }

    /// Ends the slowest scrape below `enough` bytes per second, among those of the address with most seats. Returns
    /// whether there was one.
    pub fn end_slowest(&self, enough: u64) -> bool {
        let open = self.open.borrow();
        let rated = open.iter().filter_map(Weak::upgrade).filter_map(|turn| Some((turn.rate(GRACE)?, turn)));
        let slow = rated.filter(|(rate, _)| *rate < enough);
        let slowest = slow.min_by_key(|(rate, turn)| (Reverse(self.seats.taken_by(turn.origin)), *rate));
        slowest.inspect(|(_, turn)| turn.end()).is_some()
    }
}

/// Returns the connection to end: an idle one of the address that has most idle connections.
fn dispensable(open: &VecDeque<Weak<Turn>>) -> Option<Rc<Turn>> {
    let idle: Vec<_> = open.iter().filter_map(Weak::upgrade).filter(|turn| turn.is_idle()).collect();
    let mut counts = HashMap::<_, usize>::new();
    for turn in &idle {
        *counts.entry(turn.origin).or_default() += 1;
    }
    // `max_by_key` returns the last of equals, so the reversed order yields the oldest.
    idle.into_iter().rev().max_by_key(|turn| counts.get(&turn.origin).copied())
}
