//! Prints events of connections.

use std::time::Duration;

use agent::ThisHost;
use anyhow::Context;
use attribution::{Clock, Directory, Filter, Line, Tool};
use probe::ProbeError;
use records::Connection;

use super::teller::{Teller, Tells};
use crate::cli::WatchOptions;
use crate::failure::Failure;

/// How long a snapshot of open sockets stays fresh. Taking one costs more, the more sockets there are.
const STALE: Duration = Duration::from_secs(1);

/// Prints connections in the format of a tool.
pub struct ConnectionTeller {
    tool: Tool,
    filter: Filter,
    directory: Directory,
    now: Clock,
    /// When names were last learned from open sockets, by [`agent::now`].
    learned: Option<Duration>,
}

impl ConnectionTeller {
    /// Makes a teller that prints at most `most` connections.
    pub fn teller(tool: Tool, options: &WatchOptions, most: Option<u64>) -> Teller<Self> {
        let directory = Directory::new(ThisHost::default());
        let tells = Self { tool, filter: options.filter(), directory, now: agent::clock(), learned: None };
        Teller::new(tells, options, tool.columns(), most)
    }

    /// Learns names from the sockets that are open now.
    pub fn learn(&mut self, open: &[Connection]) {
        let now = agent::now();
        self.directory.learn(open, now);
        self.learned = Some(now);
    }

    /// Learns names from `open` sockets, unless it did so a moment ago.
    ///
    /// # Errors
    ///
    /// Returns an error if the open sockets cannot be read.
    pub fn learn_of_late(&mut self, open: impl FnOnce() -> Result<Vec<Connection>, ProbeError>) -> Result<(), Failure> {
        if self.learned.is_none_or(|learned| agent::now().saturating_sub(learned) >= STALE) {
            self.learn(&open().context("cannot read what is open")?);
        }
        Ok(())
    }
}

impl Tells for ConnectionTeller {
    type Event = Connection;

    fn admits(&self, connection: &Connection) -> bool {
        self.filter.admits(connection)
    }

    fn line(&mut self, connection: &Connection) -> Line {
        self.tool.line(connection, &self.directory.names(connection), &self.now)
    }

    fn refresh(&mut self) {
        self.now = agent::clock();
        self.directory.refresh();
    }
}
