use records::Connection;

use crate::cost::Cost;
use crate::translation::Translated;

/// What one scrape reads beside the counters of the witnesses.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// Connections and listeners that are open.
    pub connections: Vec<Connection>,
    /// Who is behind translated addresses; none where nobody looks.
    pub translations: Option<Translated>,
    /// What the agent itself costs.
    pub cost: Cost,
}
