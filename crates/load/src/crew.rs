use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use measure::{LoadTally, SecondTally};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use traffic::Load;

use crate::client::Client;
use crate::pace::{now_ns, sleep_exactly};
use crate::schedule::ThreadShare;

/// Time between the start signal and the first intended start, in nanoseconds: every thread is awake by then.
const HEAD_START_NS: u64 = 1_000_000;

/// Threads that perform one load together. Each has its own users, arrivals and connections, and shares nothing with the
/// others until the end.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Number of threads, at least 1.
    pub threads: u32,
    /// Processors to run on, one for each thread in turn; empty leaves that to the kernel.
    pub cpus: Vec<usize>,
    /// Length of the same load before the one that counts; connections that are kept are open afterwards.
    pub warm_up: Duration,
}

impl Crew {
    /// Performs a load. Each thread sends its finished seconds to `seconds`. A set `stop` ends the load after the requests
    /// that are under way.
    ///
    /// # Errors
    ///
    /// Returns an error if a thread cannot start, cannot run on its processor, or has no descriptor left to wait with.
    pub fn perform(&self, load: &Load, stop: &AtomicBool, seconds: &Sender<SecondTally>) -> io::Result<LoadTally> {
        let (ready, warmed_up) = channel();
        thread::scope(|scope| {
            let (mut members, mut starts) = (Vec::new(), Vec::new());
            for index in 0..self.threads {
                let (start, started) = channel();
                let (ready, seconds) = (ready.clone(), seconds.clone());
                let share = ThreadShare { index, of: self.threads };
                let member = thread::Builder::new().name(format!("load-{index}"));
                let perform = move || self.perform_share(load, share, (ready, started), stop, seconds);
                // Where a thread cannot start, nobody is told to begin, and those that wait for it end.
                members.push(member.spawn_scoped(scope, perform)?);
                starts.push(start);
            }
            drop(ready);
            if warmed_up.iter().count() == members.len() {
                let start_ns = now_ns() + HEAD_START_NS;
                // A thread that has ended meanwhile says why when it is joined.
                for start in &starts {
                    start.send(start_ns).ok();
                }
            }
            drop(starts);
            let mut whole = LoadTally::default();
            for member in members {
                whole.merge(&member.join().expect("a thread does not panic")?);
            }
            Ok(whole)
        })
    }

    /// Warms up, says so, and performs its share from the instant that it is told. Without that instant it ends.
    fn perform_share(
        &self,
        load: &Load,
        share: ThreadShare,
        (ready, started): (Sender<()>, Receiver<u64>),
        stop: &AtomicBool,
        seconds: Sender<SecondTally>,
    ) -> io::Result<LoadTally> {
        sleep_exactly();
        self.pin(share.index)?;
        let mut client = Client::default();
        self.warm_up(&mut client, load, share, stop)?;
        // Nobody listens where another thread could not start.
        ready.send(()).ok();
        drop(ready);
        let Ok(start_ns) = started.recv() else { return Ok(LoadTally::default()) };
        let before_s = cpu_s();
        let tally = client.perform_share(load, share, start_ns, stop, Some(seconds))?;
        Ok(LoadTally { cpu_s: cpu_s() - before_s, ..tally })
    }

    fn warm_up(&self, client: &mut Client, load: &Load, share: ThreadShare, stop: &AtomicBool) -> io::Result<()> {
        if self.warm_up.is_zero() {
            return Ok(());
        }
        let load = Load { requests: None, time: Some(self.warm_up), ..load.clone() };
        client.perform_share(&load, share, now_ns(), stop, None).map(drop)
    }

    fn pin(&self, index: u32) -> io::Result<()> {
        if self.cpus.is_empty() {
            return Ok(());
        }
        let mut set = CpuSet::new();
        set.set(self.cpus[index as usize % self.cpus.len()])?;
        Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
    }
}

/// CPU time of the calling thread, in seconds.
fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}
