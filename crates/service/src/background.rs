use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::burn::burn;
use crate::in_flight::Flight;
use crate::tally::PodTally;

/// Work that is done after the answer: one thread burns what is handed to it, in order, as a log shipper or a collector
/// of garbage would.
#[derive(Debug)]
pub(crate) struct Background(mpsc::Sender<Job>);

#[derive(Debug)]
struct Job {
    cpu: Duration,
    /// The request stays in flight until its job is done.
    _flight: Flight,
}

impl Background {
    /// Starts the thread. It ends once this value is dropped and its work is done.
    pub(crate) fn start(tally: Arc<PodTally>) -> io::Result<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name("background".to_owned()).spawn(move || {
            for job in jobs {
                tally.record_cpu(job.cpu, burn(job.cpu));
            }
        })?;
        Ok(Self(sender))
    }

    /// Burns `cpu` as soon as all earlier work is done, and ends the flight then.
    pub(crate) fn burn(&self, cpu: Duration, flight: Flight) {
        if cpu.is_zero() {
            return;
        }
        self.0.send(Job { cpu, _flight: flight }).expect("the thread lives as long as this value");
    }
}
