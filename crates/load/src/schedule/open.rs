use std::rc::Rc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use traffic::{ArrivalCurve, Arrivals, Load, RateStage};

use super::{Schedule, ThreadShare, ns};
use crate::exchange::{DueRequest, Finished, Prepared};

/// Requests that arrive at a rate, whatever becomes of earlier ones.
pub(crate) struct Open {
    request: Rc<Prepared>,
    left: u64,
    until_ns: u64,
    start_ns: u64,
    curve: ArrivalCurve,
    arrivals: Arrivals,
    share: ThreadShare,
    random: ChaCha8Rng,
    /// Expected number of requests of all threads at the next arrival.
    number: f64,
    next_ns: Option<u64>,
}

impl Open {
    /// This thread's share of arrivals: every n-th one, or a Poisson process of the n-th part of the rate.
    pub(crate) fn new(
        load: &Load,
        request: Rc<Prepared>,
        (arrivals, stages): (Arrivals, Vec<RateStage>),
        share: ThreadShare,
        start_ns: u64,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(load.seed);
        random.set_stream(u64::from(share.index));
        let mut open = Self {
            request,
            left: load.requests.map_or(u64::MAX, |requests| share.part(requests)),
            until_ns: load.time.map_or(u64::MAX, |time| start_ns.saturating_add(ns(time))),
            start_ns,
            curve: ArrivalCurve::new(stages),
            arrivals,
            share,
            random,
            number: 0.0,
            next_ns: None,
        };
        open.number = match arrivals {
            Arrivals::Constant => f64::from(share.index),
            Arrivals::Poisson => open.gap(),
        };
        open.next_ns = open.at_number();
        open
    }

    /// Expected requests of all threads between two arrivals of this one.
    fn gap(&mut self) -> f64 {
        let of = f64::from(self.share.of);
        match self.arrivals {
            Arrivals::Constant => of,
            // The inverse of the exponential distribution function; 1 - u is never 0.
            Arrivals::Poisson => -(1.0 - self.random.random::<f64>()).ln() * of,
        }
    }

    fn at_number(&mut self) -> Option<u64> {
        let time_s = self.curve.time_s(self.number)?;
        let due_ns = self.start_ns.saturating_add((time_s * 1e9) as u64);
        (self.left > 0 && due_ns < self.until_ns).then_some(due_ns)
    }
}

impl Schedule for Open {
    fn take(&mut self, now_ns: u64) -> Option<DueRequest> {
        let due_ns = self.next_ns.filter(|due_ns| *due_ns <= now_ns)?;
        self.left -= 1;
        self.number += self.gap();
        self.next_ns = self.at_number();
        Some(DueRequest { due_ns, user: 0, request: Rc::clone(&self.request) })
    }

    fn next_ns(&self) -> Option<u64> {
        self.next_ns
    }

    fn ended(&mut self, _: u32, _: &Finished) {}
}
