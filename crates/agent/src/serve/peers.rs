//! Who is connected, and who has to go where there is no room.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::seats::{ScraperOrigin, Seat, Seats};
use super::turn::Turn;

/// Most connections at a time. One more ends the oldest that is idle of who has most of these: so those who only hold connections
/// keep nobody out. There is always an idle one, for fewer than so many can be scraping.
const CONNECTIONS_MAX: usize = 640;

/// How often a scrape that waits looks for somebody slow, and for how many times. Prometheus waits no longer by default.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: usize = 10;

/// Who takes fewer bytes a second than this over so long has to go where others wait.
const RATE_MIN: u64 = 16 << 10;
const GRACE: Duration = Duration::from_secs(5);

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// The oldest first.
    open: RefCell<VecDeque<Weak<Turn>>>,
    seats: Seats,
}

impl Peers {
    /// One more.
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

    /// Whether a scrape has a seat, for which it waits if need be.
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

    /// Ends a scrape that takes fewer bytes a second than `enough`: of those who have most seats, the slowest. Whether there was
    /// one.
    pub fn end_slowest(&self, enough: u64) -> bool {
        let open = self.open.borrow();
        let rated = open.iter().filter_map(Weak::upgrade).filter_map(|turn| Some((turn.rate(GRACE)?, turn)));
        let slow = rated.filter(|(rate, _)| *rate < enough);
        let slowest = slow.min_by_key(|(rate, turn)| (Reverse(self.seats.taken_by(turn.origin)), *rate));
        slowest.inspect(|(_, turn)| turn.end()).is_some()
    }
}

/// The connection that can best be done without.
fn dispensable(open: &VecDeque<Weak<Turn>>) -> Option<Rc<Turn>> {
    let idle: Vec<_> = open.iter().filter_map(Weak::upgrade).filter(|turn| turn.is_idle()).collect();
    let mut counts = HashMap::<_, usize>::new();
    for turn in &idle {
        *counts.entry(turn.origin).or_default() += 1;
    }
    // The oldest comes first, and of equals the last is taken.
    idle.into_iter().rev().max_by_key(|turn| counts.get(&turn.origin).copied())
}
