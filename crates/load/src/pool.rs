use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};
use slab::Slab;

use crate::connection::ClientConnection;
use crate::pace::NAP_NS;

/// Events that are taken from the kernel at once.
const EVENTS: usize = 256;

/// What the kernel calls the timer by: no connection has this key.
const TIMER: u64 = u64::MAX;

/// The connections of one thread, and what the kernel has to say of them.
pub(crate) struct ConnectionPool<C> {
    epoll: OwnedFd,
    timer: OwnedFd,
    /// The instant at which the timer wakes, in nanoseconds; 0 before it is set.
    timer_ns: u64,
    connections: Slab<Slot<C>>,
    /// Connections with room for a request, the one that waits longest first. Some may have closed since.
    with_room: VecDeque<ConnectionKey>,
    /// Distinguishes a connection from an earlier one in its place.
    opened: u32,
    /// Kept connections that the peer closed, and that no new one has replaced.
    lost: u64,
    events: Vec<MaybeUninit<epoll::Event>>,
}

struct Slot<C> {
    connection: C,
    birth: u32,
}

/// Names one connection of a pool, also after it has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionKey {
    index: u32,
    birth: u32,
}

/// Something happened on a connection.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) key: ConnectionKey,
    /// The peer has closed its side, or the connection has failed.
    pub(crate) hung_up: bool,
}

impl<C: ClientConnection> ConnectionPool<C> {
    /// An empty pool.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), flags)?;
        Ok(Self {
            epoll,
            timer,
            timer_ns: 0,
            connections: Slab::new(),
            with_room: VecDeque::new(),
            opened: 0,
            lost: 0,
            events: vec![MaybeUninit::uninit(); EVENTS],
        })
    }

    /// Number of connections.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Begins to open a connection.
    pub(crate) fn open(&mut self, address: &SocketAddr) -> io::Result<ConnectionKey> {
        let connection = C::open(address)?;
        let birth = self.opened;
        self.opened = self.opened.wrapping_add(1);
        let entry = self.connections.vacant_entry();
        let key = ConnectionKey { index: entry.key() as u32, birth };
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &connection, epoll::EventData::new_u64(key.into()), flags)?;
        entry.insert(Slot { connection, birth });
        Ok(key)
    }

    /// The connection, unless it has gone.
    pub(crate) fn get(&mut self, key: ConnectionKey) -> Option<&mut C> {
        let slot = self.connections.get_mut(key.index as usize)?;
        (slot.birth == key.birth).then_some(&mut slot.connection)
    }

    /// Closes a connection; `lost` if it was the peer who closed it while it was kept.
    pub(crate) fn close(&mut self, key: ConnectionKey, lost: bool) {
        if self.get(key).is_some() {
            self.connections.remove(key.index as usize);
            self.lost += u64::from(lost);
        }
    }

    /// Whether the connection that was opened last replaces one that the peer closed. Each lost one is replaced once.
    pub(crate) fn replaces_lost(&mut self) -> bool {
        let is_replacement = self.lost > 0;
        self.lost = self.lost.saturating_sub(1);
        is_replacement
    }

    /// Puts a connection that has room at the end of the queue.
    pub(crate) fn offer(&mut self, key: ConnectionKey) {
        self.with_room.push_back(key);
    }

    /// Takes the connection that has had room for longest.
    pub(crate) fn take(&mut self) -> Option<ConnectionKey> {
        while let Some(key) = self.with_room.pop_front() {
            if self.get(key).is_some_and(|connection| connection.has_room()) {
                return Some(key);
            }
        }
        None
    }

    /// Whether any connection has room.
    pub(crate) fn has_room(&mut self) -> bool {
        match self.take() {
            Some(key) => {
                self.with_room.push_front(key);
                true
            }
            None => false,
        }
    }

    /// Keys of all connections.
    pub(crate) fn keys(&self) -> Vec<ConnectionKey> {
        self.connections.iter().map(|(index, slot)| ConnectionKey { index: index as u32, birth: slot.birth }).collect()
    }

    /// Adds what has happened to `happened`, and waits for nothing.
    pub(crate) fn look(&mut self, happened: &mut Vec<Event>) -> io::Result<()> {
        self.wait_ms(0, happened)
    }

    /// Waits until something happens, or until `instant_ns` of CLOCK_MONOTONIC, but for [`NAP_NS`] at most. Adds what happened
    /// to `happened`.
    ///
    /// The kernel counts the timeout of epoll in milliseconds, so a timer wakes where that is too coarse.
    pub(crate) fn wait_until(&mut self, instant_ns: u64, now_ns: u64, happened: &mut Vec<Event>) -> io::Result<()> {
        if instant_ns < now_ns + NAP_NS && instant_ns != self.timer_ns {
            let instant = timespec(instant_ns);
            let spec = Itimerspec { it_interval: timespec(0), it_value: instant };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec)?;
            self.timer_ns = instant_ns;
        }
        self.wait_ms(NAP_NS / 1_000_000, happened)
    }

    fn wait_ms(&mut self, timeout_ms: u64, happened: &mut Vec<Event>) -> io::Result<()> {
        let events = match epoll::wait(&self.epoll, &mut *self.events, Some(&timespec(timeout_ms * 1_000_000))) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let ends = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        happened.extend(events.iter().filter(|event| event.data.u64() != TIMER).map(|event| {
            let (data, flags) = (event.data, event.flags);
            Event { key: data.u64().into(), hung_up: flags.intersects(ends) }
        }));
        Ok(())
    }
}

fn timespec(ns: u64) -> Timespec {
    Timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 }
}

impl From<ConnectionKey> for u64 {
    fn from(key: ConnectionKey) -> u64 {
        u64::from(key.birth) << 32 | u64::from(key.index)
    }
}

impl From<u64> for ConnectionKey {
    fn from(word: u64) -> ConnectionKey {
        ConnectionKey { index: word as u32, birth: (word >> 32) as u32 }
    }
}
