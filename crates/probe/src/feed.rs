use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use libbpf_rs::{RingBuffer, RingBufferBuilder};
use records::Connection;

use crate::error::ProbeError;

/// What happens, as it happens. It is no source of counts: when nobody takes events fast enough they are lost, and
/// [`crate::Witness::losses`] says how many.
#[derive(Debug)]
pub struct Feed<T = Connection> {
    ring: RingBuffer<'static>,
    arrived: Rc<RefCell<Vec<T>>>,
}

impl<T: 'static> Feed<T> {
    /// What comes through a ring, as `read` understands it.
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

    /// What has come by now.
    pub(crate) fn take(&self) -> Vec<T> {
        // Its only failure is one of what takes a record, and that has none.
        self.ring.consume().ok();
        self.arrived.take()
    }

    /// What has happened, in order; waits at most so long for the first event. Signals end the wait.
    pub fn wait(&self, at_most: Duration) -> Vec<T> {
        // Its only failure is an interrupted wait; what came until then is in `arrived`.
        self.ring.poll(at_most).ok();
        self.arrived.take()
    }
}
