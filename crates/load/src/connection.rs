mod http1;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

pub(crate) use http1::Http1;

use crate::exchange::{Exchange, Finished};

/// One connection, whatever it speaks. Nothing here waits: what cannot go on returns, and goes on at the next event.
pub(crate) trait ClientConnection: AsFd + Sized {
    /// Begins to connect.
    ///
    /// # Errors
    ///
    /// The kernel's, if it refuses at once.
    fn open(address: &SocketAddr) -> io::Result<Self>;

    /// Whether it takes another request now.
    fn has_room(&self) -> bool;

    /// Whether no request is on it.
    fn is_idle(&self) -> bool;

    /// Sends a request, at once or as soon as it can. What is over is added to `over`.
    fn ask(&mut self, exchange: Exchange, over: &mut Vec<Finished>);

    /// Reads and writes until that would block. What is over is added to `over`. `hung_up` says that the peer has closed
    /// its side.
    fn advance(&mut self, hung_up: bool, room: &mut [u8], over: &mut Vec<Finished>);

    /// Fails requests whose time is up at `now_ns`. Returns the earliest deadline of the rest.
    fn expire(&mut self, now_ns: u64, over: &mut Vec<Finished>) -> Option<u64>;

    /// Whether it can carry no further request.
    fn is_closed(&self) -> bool;

    /// Whether the peer closed it without a word while it could have carried further requests.
    fn is_lost(&self) -> bool;
}
