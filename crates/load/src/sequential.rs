use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::http1::{Http1, Kept};
use crate::pace::{now_ns, sleep_exactly, wait_until};
use crate::schedule::Schedule;
use crate::standstill::Standstill;
use crate::{BlockLoad, Target};

/// One client that asks, reads, thinks, and asks again.
///
/// With a pace that is longer than any request, all arms are asked at the same rate, and so whatever they do happens
/// equally long after they did it last. Without, a slower arm lets caches and cores cool for longer, which makes it
/// slower still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequential {
    /// What is asked for.
    pub target: Target,
    /// Requests in the block.
    pub requests: u64,
    /// Pause between the end of a request and the next intended start.
    pub think: Duration,
    /// Least time between two intended starts; a request that takes longer is followed after the pause alone.
    pub pace: Duration,
    /// How requests share connections.
    pub connection: Connection,
    /// How far away the client is: one round trip is waited before each request, and another before each connection. Packets
    /// do not travel longer for it.
    #[serde(default)]
    pub round_trip: Duration,
    /// After this long, from its actual start, a request has failed.
    pub timeout: Duration,
}

/// How requests share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// A look-up of the name and a connection for each request.
    New,
    /// One connection for as long as the client lives, opened again when the peer closes it.
    Keep,
}

/// Who asks, block after block. A connection that is kept is kept between blocks, too; there is none before the first.
#[derive(Default)]
pub struct Client(Kept);

impl Client {
    /// Performs one block in the calling thread, whose timer slack it sets to 1 ns. A set `stop` ends it after the request
    /// that is under way; what was seen until then is returned.
    pub fn perform(&mut self, load: &Sequential, stop: &AtomicBool) -> BlockLoad {
        sleep_exactly();
        let mut client = Http1::new(load, &mut self.0);
        let mut block = BlockLoad::default();
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
            block.record(asked.outcome, asked.end_ns - due_ns, began_ns - due_ns);
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
