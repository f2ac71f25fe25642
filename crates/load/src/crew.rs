use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
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
        let (barrier, start_ns) = (Barrier::new(self.threads as usize), AtomicU64::new(0));
        thread::scope(|scope| {
            let members = (0..self.threads).map(|index| {
                let (barrier, start_ns, seconds) = (&barrier, &start_ns, seconds.clone());
                thread::Builder::new().name(format!("load-{index}")).spawn_scoped(scope, move || {
                    let share = ThreadShare { index, of: self.threads };
                    self.perform_share(load, share, (barrier, start_ns), stop, seconds)
                })
            });
            // All threads start before the first is waited for.
            let members: Vec<_> = members.collect::<io::Result<_>>()?;
            let mut whole = LoadTally::default();
            for member in members {
                whole.merge(&member.join().expect("a thread does not panic")?);
            }
            Ok(whole)
        })
    }

    fn perform_share(
        &self,
        load: &Load,
        share: ThreadShare,
        (barrier, start_ns): (&Barrier, &AtomicU64),
        stop: &AtomicBool,
        seconds: Sender<SecondTally>,
    ) -> io::Result<LoadTally> {
        sleep_exactly();
        let prepared = self.pin(share.index);
        let mut client = Client::default();
        let warmed_up = prepared.and_then(|()| self.warm_up(&mut client, load, share, stop));
        // Whoever failed comes to the barrier, too: the others wait there.
        if barrier.wait().is_leader() {
            start_ns.store(now_ns() + HEAD_START_NS, Ordering::Relaxed);
        }
        barrier.wait();
        warmed_up?;
        let before_s = cpu_s();
        let tally = client.perform_share(load, share, start_ns.load(Ordering::Relaxed), stop, Some(seconds))?;
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
