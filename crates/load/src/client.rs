use std::io;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

use measure::{ConnectionUse, LoadTally, Samples, SecondTally};
use traffic::{Load, Model};

use crate::books::Books;
use crate::connection::Http1;
use crate::driver::Driver;
use crate::endpoint::{Lookup, TargetAddresses};
use crate::exchange::Prepared;
use crate::pace::{now_ns, sleep_exactly};
use crate::pool::ConnectionPool;
use crate::schedule::{Closed, Open, Schedule, ThreadShare};

/// Performs loads, block after block, in the calling thread. Connections that are kept are kept between blocks, too; there is
/// none before the first.
#[derive(Default)]
pub struct Client(Option<Kept>);

struct Kept {
    endpoint: TargetAddresses,
    pool: ConnectionPool<Http1>,
}

impl Client {
    /// Performs one block in the calling thread, whose timer slack it sets to 1 ns. A set `stop` ends it after the requests
    /// that are under way; what was seen until then is returned.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has no descriptor left to wait with.
    pub fn perform(&mut self, load: &Load, stop: &AtomicBool) -> io::Result<Samples> {
        sleep_exactly();
        Ok(self.perform_share(load, ThreadShare::WHOLE, now_ns(), stop, None)?.samples)
    }

    /// Performs this thread's share of a load that begins at `start_ns`. Finished seconds go to `seconds`.
    pub(crate) fn perform_share(
        &mut self,
        load: &Load,
        share: ThreadShare,
        start_ns: u64,
        stop: &AtomicBool,
        seconds: Option<Sender<SecondTally>>,
    ) -> io::Result<LoadTally> {
        let books = Books::new(start_ns, seconds);
        let load = &share.of_load(load);
        let kept = self.kept_for(load)?;
        let request = Rc::new(Prepared::new(&load.request));
        match &load.model {
            Model::Closed { users, think, pace } => {
                let users = (*users, *think, *pace);
                drive(load, kept, Closed::new(load, request, users, share, start_ns), books, stop)
            }
            Model::Open { arrivals, stages } => {
                let rate = (*arrivals, stages.clone());
                drive(load, kept, Open::new(load, request, rate, share, start_ns), books, stop)
            }
        }
    }

    /// What is kept from the block before, if this load can go on with it.
    fn kept_for(&mut self, load: &Load) -> io::Result<&mut Kept> {
        let target = &load.request.target;
        self.0.take_if(|kept| load.connection == ConnectionUse::New || kept.endpoint.target() != target);
        let kept = match self.0.take() {
            Some(kept) => kept,
            None => Kept { endpoint: TargetAddresses::new(target.clone(), lookup(load)), pool: ConnectionPool::new()? },
        };
        Ok(self.0.insert(kept))
    }
}

/// A single user waits for the look-up as every simple client does; many would hold each other up.
fn lookup(load: &Load) -> Lookup {
    match load.model {
        Model::Closed { users: 1, .. } => Lookup::EachConnection,
        _ => Lookup::Once,
    }
}

fn drive(
    load: &Load,
    kept: &mut Kept,
    schedule: impl Schedule,
    books: Books,
    stop: &AtomicBool,
) -> io::Result<LoadTally> {
    Driver::new(load, &mut kept.endpoint, &mut kept.pool, schedule, books).perform(stop)
}
