//! Who is connected, and who has to go where there is no room.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::turn::Turn;

/// Most connections at a time. One more ends the oldest that is idle: so those who only hold connections keep nobody out. There
/// is always an idle one, for fewer than so many can be scraping.
const CONNECTIONS_MAX: usize = 512;

/// Most scrapes that are answered at a time.
const SEATS: usize = 96;

/// Most scrapes that wait for others.
const WAITING_MAX: usize = 256;

/// How often a scrape that waits looks for somebody slow, and for how many times. Prometheus waits no longer by default.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: usize = 10;

/// Who takes fewer bytes a second than this over so long has to go where others need the room.
const RATE_MIN: u64 = 16 << 10;
const GRACE: Duration = Duration::from_secs(5);

/// All connections.
#[derive(Debug)]
pub(super) struct Peers {
    /// The oldest first.
    open: RefCell<VecDeque<Weak<Turn>>>,
    seats: Arc<Semaphore>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { open: RefCell::default(), seats: Arc::new(Semaphore::new(SEATS)) }
    }
}

impl Peers {
    /// One more.
    pub fn welcome(&self) -> Rc<Turn> {
        let mut open = self.open.borrow_mut();
        open.retain(|turn| turn.strong_count() > 0);
        if open.len() >= CONNECTIONS_MAX {
            let oldest = open.iter().position(|turn| turn.upgrade().is_some_and(|turn| turn.is_idle()));
            if let Some(turn) = oldest.and_then(|oldest| open.remove(oldest)?.upgrade()) {
                turn.end();
            }
        }
        let turn = Rc::new(Turn::default());
        open.push_back(Rc::downgrade(&turn));
        turn
    }

    /// Whether a scrape has a seat, for which it waits if need be.
    pub async fn seat(&self, turn: &Turn) -> bool {
        turn.wait();
        let permit = match Arc::clone(&self.seats).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) if self.waiting() > WAITING_MAX => None,
            Err(_) => self.next_free().await,
        };
        let is_seated = permit.is_some();
        match permit {
            Some(permit) => turn.sit(permit),
            None => turn.give_up(),
        }
        is_seated
    }

    async fn next_free(&self) -> Option<OwnedSemaphorePermit> {
        let mut next = pin!(Arc::clone(&self.seats).acquire_owned());
        for _ in 0..LOOKS {
            self.end_slowest();
            if let Ok(permit) = tokio::time::timeout(LOOK, &mut next).await {
                return permit.ok();
            }
        }
        None
    }

    /// Ends the scrape that takes fewest bytes, if that is few; whether there was one.
    pub fn end_slowest(&self) -> bool {
        let open = self.open.borrow();
        let rated = open.iter().filter_map(Weak::upgrade).filter_map(|turn| Some((turn.rate(GRACE)?, turn)));
        match rated.min_by_key(|(rate, _)| *rate) {
            Some((rate, turn)) if rate < RATE_MIN => {
                turn.end();
                true
            }
            _ => false,
        }
    }

    fn waiting(&self) -> usize {
        self.open.borrow().iter().filter_map(Weak::upgrade).filter(|turn| turn.is_waiting()).count()
    }
}
