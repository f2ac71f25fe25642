use records::Connection;

use crate::cost::Cost;
use crate::translation::Translated;

/// What one scrape reads in addition to the witnesses' counters.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// Connections and listeners that are open.
    pub connections: Vec<Connection>,
    /// Address translations; `None` if the agent does not read them.
    pub translations: Option<Translated>,
    /// What the agent itself costs.
    pub cost: Cost,
}
