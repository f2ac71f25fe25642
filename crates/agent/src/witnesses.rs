use std::fmt::Debug;
use std::rc::Rc;
use std::time::{Duration, Instant};

use attribution::{Accounted, Bounds, Cost, Counting, Family, Ledger, ReadError, Scrape, families};
use probe::{Source, Tcp, Witness};
use records::{MapFill, ProgramCost};

use crate::conntrack::Conntrack;
use crate::cost::{cost_of, own_cost};
use crate::host::ThisHost;

/// The agent's witnesses, and the sums of what they count.
#[derive(Debug)]
pub struct Witnesses {
    /// Witness of TCP connections.
    tcp: Rc<Tcp>,
    /// Reader of translated addresses; `None` if it is switched off or not possible.
    conntrack: Option<Conntrack>,
    ledger: Ledger,
}

/// A witness as its account reads it.
#[derive(Debug)]
struct KeptWitness<S>(Rc<Witness<S>>);

impl Witnesses {
    /// Creates witnesses with the TCP witness alone.
    pub fn new(tcp: Tcp, conntrack: Option<Conntrack>, bounds: Bounds) -> Self {
        let tcp = Rc::new(tcp);
        let ledger = Ledger::new(ThisHost::default(), bounds, KeptWitness(Rc::clone(&tcp)));
        Self { tcp, conntrack, ledger }
    }

    /// Adds another witness.
    pub fn add<S, K>(&mut self, witness: Witness<S>)
    where
        S: Source<Key = K, Series = K::Series, Losses = K::Losses> + Debug + 'static,
        K: Accounted,
    {
        self.ledger.open::<K>(KeptWitness(Rc::new(witness)));
    }

    /// Returns whether everything that a scrape needs can be read.
    pub fn can_read(&self) -> bool {
        self.ledger.can_read() && self.tcp.connections().is_ok()
    }

    /// Returns the metrics of one scrape at the time `now`. What has ended is forgotten afterwards, so that this
    /// scrape still has it.
    pub(crate) fn families(&mut self, now: Duration) -> Result<Vec<Family>, ReadError> {
        let reading = self.read()?;
        let families = families(&reading, &mut self.ledger, now);
        self.ledger.expire(&reading.connections, now)?;
        Ok(families)
    }

    // Counters are read before connections, and within `reading_s`. The conntrack answer, which may be late, is not
    // part of that time.
    fn read(&mut self) -> Result<Scrape, ReadError> {
        let started = Instant::now();
        self.ledger.read()?;
        let connections = self.tcp.connections().map_err(ReadError::new)?;
        let (programs, mut maps) = (self.ledger.programs(), self.ledger.maps()?);
        maps.push(("tcp", self.tcp.room(&connections)));
        let reading_s = started.elapsed().as_secs_f64();
        let mut cost = Cost { reading_s, programs, maps, is_timed: self.tcp.times_programs(), ..own_cost() };
        let translations = self.conntrack.as_ref().map(Conntrack::read);
        let helpers = self.conntrack.iter().flat_map(Conntrack::processes);
        helpers.map(cost_of).for_each(|more| cost.add(more));
        Ok(Scrape { connections, translations, cost })
    }

    /// Lets the witnesses free room in the kernel's maps while nobody scrapes.
    pub(crate) fn tidy(&self) {
        self.ledger.tidy();
    }
}

impl<S, K> Counting<K> for KeptWitness<S>
where
    S: Source<Key = K, Series = K::Series, Losses = K::Losses> + Debug,
    K: Accounted,
{
    fn series(&self) -> Result<Vec<(K, K::Series)>, ReadError> {
        self.0.series().map_err(ReadError::new)
    }

    fn losses(&self) -> Result<K::Losses, ReadError> {
        self.0.losses().map_err(ReadError::new)
    }

    fn forget(&self, is_gone: &dyn Fn(&K) -> bool) -> Result<Vec<(K, K::Series)>, ReadError> {
        self.0.forget(is_gone).map_err(ReadError::new)
    }

    fn programs(&self) -> Vec<ProgramCost> {
        self.0.costs().programs()
    }

    fn maps(&self) -> Result<Vec<MapFill>, ReadError> {
        self.0.costs().maps().map_err(ReadError::new)
    }

    fn tidy(&self) {
        // The next reading does it again and reports the error.
        self.0.tidy().ok();
    }
}
