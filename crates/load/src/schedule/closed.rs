use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use traffic::{Load, Think};

use super::{Schedule, ThreadShare, ns};
use crate::exchange::{DueRequest, Finished, Prepared};

/// Users who ask, wait for the answer, think, and ask again.
pub(crate) struct Closed {
    request: Rc<Prepared>,
    /// Requests that are not due yet: the number that is left to begin.
    left: u64,
    /// No request is due after this.
    until_ns: u64,
    think: Think,
    pace_ns: u64,
    random: ChaCha8Rng,
    /// Who thinks until when.
    thinking: BinaryHeap<Reverse<(u64, u32)>>,
    /// When each user's last request was due.
    due_ns: Vec<u64>,
}

impl Closed {
    /// This thread's share of the users of a load, the first of whom asks at `start_ns`.
    ///
    /// Users who think begin at equal distances within one mean pause (or pace), so that they do not ask in phase.
    pub(crate) fn new(
        load: &Load,
        request: Rc<Prepared>,
        (users, think, pace): (u32, Think, Duration),
        share: ThreadShare,
        start_ns: u64,
    ) -> Self {
        let mine = share.part(u64::from(users)) as u32;
        let apart = think.mean().max(pace);
        let begin =
            |user: u32| start_ns + ns(apart.mul_f64(f64::from(user * share.of + share.index) / f64::from(users)));
        let mut random = ChaCha8Rng::seed_from_u64(load.seed);
        random.set_stream(u64::from(share.index));
        Self {
            request,
            left: load.requests.map_or(u64::MAX, |requests| share.part(requests)),
            until_ns: load.time.map_or(u64::MAX, |time| start_ns.saturating_add(ns(time))),
            think,
            pace_ns: ns(pace),
            random,
            thinking: (0..mine).map(|user| Reverse((begin(user), user))).collect(),
            due_ns: (0..mine).map(begin).collect(),
        }
    }

    fn pause_ns(&mut self) -> u64 {
        match self.think {
            Think::None => 0,
            Think::Constant(pause) => ns(pause),
            random => ns(random.pause(self.random.random())),
        }
    }
}

impl Schedule for Closed {
    fn take(&mut self, now_ns: u64) -> Option<DueRequest> {
        let due_ns = self.next_ns().filter(|due_ns| *due_ns <= now_ns)?;
        let Reverse((_, user)) = self.thinking.pop()?;
        self.left -= 1;
        self.due_ns[user as usize] = due_ns;
        Some(DueRequest { due_ns, user, request: Rc::clone(&self.request) })
    }

    fn next_ns(&self) -> Option<u64> {
        let Reverse((due_ns, _)) = self.thinking.peek()?;
        (self.left > 0 && *due_ns < self.until_ns).then_some(*due_ns)
    }

    fn ended(&mut self, user: u32, finished: &Finished) {
        let thought_ns = finished.end_ns.saturating_add(self.pause_ns());
        let due_ns = thought_ns.max(self.due_ns[user as usize].saturating_add(self.pace_ns));
        self.thinking.push(Reverse((due_ns, user)));
    }
}
