use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use libbpf_rs::{RingBuffer, RingBufferBuilder};
use zerocopy::FromBytes;

use crate::connection::Connection;
use crate::error::ProbeError;
use crate::record::ConnectionRecord;

/// What happens, as it happens. It is no source of counts: when nobody takes events fast enough they are lost, and
/// [`crate::Losses`] says how many.
#[derive(Debug)]
pub struct Feed<T = Connection> {
    ring: RingBuffer<'static>,
    arrived: Rc<RefCell<Vec<T>>>,
}

impl Feed {
    pub(crate) fn of(map: &dyn libbpf_rs::MapCore) -> Result<Self, ProbeError> {
        Self::decoded(map, |bytes| {
            let record = ConnectionRecord::read_from_bytes(bytes).expect("programs and loader share one layout");
            Connection::of(&record)
        })
    }
}

impl<T: 'static> Feed<T> {
    /// A feed of what `decode` makes of each record.
    pub(crate) fn decoded(map: &dyn libbpf_rs::MapCore, decode: fn(&[u8]) -> T) -> Result<Self, ProbeError> {
        let arrived = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&arrived);
        let mut builder = RingBufferBuilder::new();
        let take = move |bytes: &[u8]| {
            into.borrow_mut().push(decode(bytes));
            0
        };
        builder.add(map, take).map_err(ProbeError::Map)?;
        let ring = builder.build().map_err(ProbeError::Map)?;
        Ok(Self { ring, arrived })
    }

    /// What has happened, in order; waits at most so long for the first event. Signals end the wait.
    pub fn wait(&self, at_most: Duration) -> Vec<T> {
        // Its only failure is an interrupted wait; what came until then is in `arrived`.
        self.ring.poll(at_most).ok();
        self.arrived.take()
    }
}
