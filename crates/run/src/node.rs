use std::collections::BTreeMap;

use experiment::PlannedFault;
use measure::{RestartFacts, Samples, SidecarFacts};
use traffic::Load;

use super::counted::Counted;
use super::probing::HealthChecks;

/// One arm that stands: its services, the proxies between them, and the client that asks them.
///
/// Every call may fail because a program of the arm has ended, gives a damaged answer or none in time, or because the user has
/// asked to stop.
pub trait Node {
    /// Has the client perform a load, and waits for the end of it.
    fn ask(&mut self, load: &Load) -> anyhow::Result<Samples>;

    /// Has the client begin a load, and waits for nothing.
    fn begin_load(&mut self, load: &Load) -> anyhow::Result<()>;

    /// Has the client end the load that was begun.
    fn end_load(&mut self, load: &Load) -> anyhow::Result<Samples>;

    /// Waits until no service has a request or background work in flight.
    fn settle(&mut self) -> anyhow::Result<()>;

    /// What services have counted since they started, pod by pod.
    fn counts(&mut self) -> anyhow::Result<Vec<Counted>>;

    /// What services have counted since they started, also where the user has asked to stop.
    fn last_counts(&mut self) -> anyhow::Result<Vec<Counted>>;

    /// How often pods were asked for their health until now; none where nobody asks.
    fn health_checks(&mut self) -> anyhow::Result<Option<HealthChecks>>;

    /// Sees to the arm's programs: what has ended and may do so starts again.
    fn tend(&mut self) -> anyhow::Result<()>;

    /// Programs that have ended and start again, since the last call.
    fn take_endings(&mut self) -> Vec<RestartFacts>;

    /// Keeps what each proxy says of itself, and reads the facts in it.
    fn scrape(&mut self) -> anyhow::Result<Vec<SidecarFacts>>;

    /// Requests and connections that sidecars saw end badly, by Envoy's response flag; nothing without sidecars.
    fn response_flags(&mut self) -> anyhow::Result<BTreeMap<String, u64>>;

    /// Makes a fault.
    fn inject(&mut self, fault: &PlannedFault) -> anyhow::Result<()>;

    /// Mends it, also where the user has asked to stop; how many packets it has hit, where packets are what it hits.
    fn mend(&mut self, fault: &PlannedFault) -> anyhow::Result<Option<u64>>;
}
