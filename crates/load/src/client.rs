use std::sync::atomic::AtomicBool;

use measure::Samples;
use traffic::Sequential;

use crate::http1::{Http1, Kept};
use crate::pace::{now_ns, sleep_exactly, wait_until};
use crate::schedule::Schedule;
use crate::standstill::Standstill;

/// Who asks, block after block. A connection that is kept is kept between blocks, too; there is none before the first.
#[derive(Default)]
pub struct Client(Kept);

impl Client {
    /// Performs one block in the calling thread, whose timer slack it sets to 1 ns. A set `stop` ends it after the request
    /// that is under way; what was seen until then is returned.
    pub fn perform(&mut self, load: &Sequential, stop: &AtomicBool) -> Samples {
        sleep_exactly();
        let mut client = Http1::new(load, &mut self.0);
        let mut block = Samples::default();
        let mut stopped = Standstill::default();
        let start_ns = now_ns();
        let mut last_ns = start_ns;
        let mut schedule = Schedule::sequential(start_ns, load.requests, load.think, load.pace);
        while let Some(due_ns) = schedule.due_ns() {
            if !wait_until(due_ns, stop) {
                break;
            }
            let began_ns = now_ns();
            stopped.awaited(due_ns, began_ns);
            let asked = client.ask();
            let lag_ns = began_ns - due_ns;
            if asked.outcome.is_success() {
                block.succeeded(asked.end_ns - due_ns, lag_ns);
            } else {
                block.failed(asked.outcome.to_string(), lag_ns);
            }
            last_ns = asked.end_ns;
            schedule.ended(asked.end_ns);
        }
        block.reconnects = client.reconnects();
        block.connections = client.connections();
        block.stopped_s = (stopped.ns() + client.stopped_ns()) as f64 / 1e9;
        block.wall_s = (last_ns - start_ns) as f64 / 1e9;
        block
    }
}
