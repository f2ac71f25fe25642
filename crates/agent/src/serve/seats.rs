//! Seats for scrapes, shared fairly: no address can take so many that another address finds none.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use tokio::sync::oneshot;

/// Maximum number of scrapes that are answered at once. One address can have at most 96.
const SEATS: usize = 144;

/// Maximum number of scrapes that wait. One address can have at most 256.
const WAITING_MAX: usize = 384;

/// The origin of connections that share one limit: an IPv4 address or, for IPv6, a /64 network, because one host can
/// have all of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScraperOrigin(IpAddr);

impl From<IpAddr> for ScraperOrigin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

/// All seats and the queue for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Rc<RefCell<SeatsByOrigin>>);

#[derive(Debug, Default)]
struct SeatsByOrigin {
    taken: SeatTally,
    waiting: SeatTally,
    /// Scrapes that wait, the first first.
    queue: VecDeque<(ScraperOrigin, oneshot::Sender<Seat>)>,
}

/// How many seats or places each origin has.
#[derive(Debug, Default)]
struct SeatTally(HashMap<ScraperOrigin, usize>);

/// A seat, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    origin: ScraperOrigin,
}

/// A place in the queue, which is left when this is dropped.
pub(super) struct Ticket {
    seats: Seats,
    origin: ScraperOrigin,
    seat: oneshot::Receiver<Seat>,
}

impl Seats {
    /// Joins the queue. A free seat is assigned at once. Returns `None` if the queue is full.
    pub fn queue(&self, origin: ScraperOrigin) -> Option<Ticket> {
        let mut places = self.0.borrow_mut();
        if !places.waiting.has_room(origin, WAITING_MAX) {
            return None;
        }
        places.waiting.add(origin);
        let (sender, seat) = oneshot::channel();
        places.queue.push_back((origin, sender));
        drop(places);
        self.fill();
        Some(Ticket { seats: self.clone(), origin, seat })
    }

    /// Returns how many seats an origin has.
    pub fn taken_by(&self, origin: ScraperOrigin) -> usize {
        self.0.borrow().taken.of(origin)
    }

    /// Gives free seats to waiting scrapes whose origin may have one more.
    fn fill(&self) {
        loop {
            let next = self.0.borrow_mut().next();
            let Some((origin, sender)) = next else { return };
            sender.send(Seat { seats: self.clone(), origin }).expect("who has gone was left out");
        }
    }
}

impl SeatsByOrigin {
    /// Removes from the queue the scrape that gets the next seat.
    fn next(&mut self) -> Option<(ScraperOrigin, oneshot::Sender<Seat>)> {
        self.queue.retain(|(_, sender)| !sender.is_closed());
        let next = self.queue.iter().position(|(origin, _)| self.taken.has_room(*origin, SEATS))?;
        let (origin, sender) = self.queue.remove(next)?;
        self.taken.add(origin);
        Some((origin, sender))
    }
}

impl SeatTally {
    fn of(&self, origin: ScraperOrigin) -> usize {
        self.0.get(&origin).copied().unwrap_or_default()
    }

    /// Returns whether an origin may have one more of `most`. Nobody gets more than twice as many as are left free.
    fn has_room(&self, origin: ScraperOrigin, most: usize) -> bool {
        let all: usize = self.0.values().sum();
        self.of(origin) < 2 * (most - all)
    }

    fn add(&mut self, origin: ScraperOrigin) {
        *self.0.entry(origin).or_default() += 1;
    }

    fn remove(&mut self, origin: ScraperOrigin) {
        if let Some(count) = self.0.get_mut(&origin) {
            *count -= 1;
        }
        self.0.retain(|_, count| *count > 0);
    }
}

impl Ticket {
    /// Returns the seat if it is already assigned.
    pub fn seat_now(&mut self) -> Option<Seat> {
        self.seat.try_recv().ok()
    }

    /// Waits for the seat.
    pub async fn seat(&mut self) -> Seat {
        (&mut self.seat).await.expect("who waits is not forgotten")
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.seats.0.borrow_mut().waiting.remove(self.origin);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.0.borrow_mut().taken.remove(self.origin);
        self.seats.fill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets one address start scrapes. Returns those that have a seat, and those that wait.
    fn ask(seats: &Seats, from: &str, count: usize) -> (Vec<Seat>, Vec<Ticket>) {
        let origin = ScraperOrigin::from(from.parse::<IpAddr>().unwrap());
        let (mut seated, mut waiting) = (Vec::new(), Vec::new());
        for mut ticket in (0..count).map_while(|_| seats.queue(origin)) {
            match ticket.seat_now() {
                Some(seat) => seated.push(seat),
                None => waiting.push(ticket),
            }
        }
        (seated, waiting)
    }

    fn check(asking: &[(&str, usize)], had: &[(usize, usize)]) {
        let seats = Seats::default();
        let held: Vec<_> = asking.iter().map(|(from, count)| ask(&seats, from, *count)).collect();
        let counts: Vec<_> = held.iter().map(|(seated, waiting)| (seated.len(), waiting.len())).collect();
        assert_eq!(counts, had);
    }

    #[test]
    fn whoever_comes_finds_places() {
        check(&[("10.0.0.1", 200)], &[(96, 104)]);
        check(&[("10.0.0.1", 1_000)], &[(96, 256)]);
        check(&[("10.0.0.1", 1_000), ("10.0.0.2", 1_000), ("10.0.0.3", 13)], &[(96, 256), (32, 86), (11, 2)]);
    }

    #[test]
    fn a_network_of_ipv6_and_an_address_in_two_notations_are_one() {
        check(&[("fd00::1", 96), ("fd00::2:1", 1), ("fd00:0:0:1::1", 1)], &[(96, 0), (0, 1), (1, 0)]);
        check(&[("10.0.0.1", 96), ("::ffff:10.0.0.1", 1)], &[(96, 0), (0, 1)]);
    }

    #[test]
    fn a_free_seat_is_the_first_ones_who_may_have_it() {
        let seats = Seats::default();
        let (mut seated, mut waiting) = ask(&seats, "10.0.0.1", 98);
        let (others, mut other) = ask(&seats, "10.0.0.2", 33);
        assert_eq!((seated.len(), waiting.len(), others.len(), other.len()), (96, 2, 32, 1));
        drop(waiting.remove(0));
        seated.pop();
        assert!(waiting[0].seat_now().is_none(), "it has more than its share now");
        let more = other[0].seat_now();
        assert!(more.is_some());
        drop(others);
        assert!(waiting[0].seat_now().is_some());
        drop((seated, waiting, more, other));
        let places = seats.0.borrow();
        assert!(places.taken.0.is_empty() && places.waiting.0.is_empty());
    }
}
