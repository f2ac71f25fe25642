use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use libbpf_rs::{RingBuffer, RingBufferBuilder};
use records::Connection;

use crate::error::ProbeError;

/// A live feed of events. Do not count with it: events that are not read in time are lost, and
/// [`crate::Witness::losses`] has their number.
#[derive(Debug)]
pub struct Feed<T = Connection> {
    ring: RingBuffer<'static>,
    arrived: Rc<RefCell<Vec<T>>>,
}

impl<T: 'static> Feed<T> {
    /// Creates a feed from a ring buffer, whose records `read` decodes.
    pub(crate) fn of(map: &dyn libbpf_rs::MapCore, read: impl Fn(&[u8]) -> T + 'static) -> Result<Self, ProbeError> {
        let arrived = Rc::<RefCell<Vec<T>>>::default();
        let into = Rc::clone(&arrived);
        let mut builder = RingBufferBuilder::new();
        let take = move |bytes: &[u8]| {
            into.borrow_mut().push(read(bytes));
            0
        };
        builder.add(map, take).map_err(ProbeError::Map)?;
        let ring = builder.build().map_err(ProbeError::Map)?;
        Ok(Self { ring, arrived })
    }

    /// Returns the events that have arrived.
    pub(crate) fn take(&self) -> Vec<T> {
        // `consume` fails only if the callback fails, and this one cannot.
        self.ring.consume().ok();
        self.arrived.take()
    }

    /// Waits until an event arrives, for at most `at_most`, and returns the events in order. Signals end the wait.
    pub fn wait(&self, at_most: Duration) -> Vec<T> {
        // `poll` fails only if the wait is interrupted. Events that had arrived by then are in `arrived`.
        self.ring.poll(at_most).ok();
        self.arrived.take()
    }
}
