//! How events of connections are told.

use std::path::Path;
use std::time::{Duration, Instant};

use agent::{Clock, Directory, Filter, Line, Tool};
use anyhow::Context;
use probe::{Connection, ProbeError};

use super::teller::{Teller, Tells};
use crate::cli::WatchOptions;
use crate::failure::Failure;

/// How long what was learned from open sockets holds: to look at all of them costs more, the more there are.
const STALE: Duration = Duration::from_secs(1);

/// Tells connections in the way of a tool.
pub struct Connections {
    tool: Tool,
    pub filter: Filter,
    directory: Directory,
    now: Clock,
    /// When names were last learned from what is open.
    learned: Option<Instant>,
}

impl Connections {
    /// A teller of connections, of `most` at most.
    pub fn teller(tool: Tool, options: &WatchOptions, most: Option<u64>) -> Teller<Self> {
        let directory = Directory::new(Path::new("/"));
        let tells = Self { tool, filter: options.filter(), directory, now: Clock::read(), learned: None };
        Teller::new(tells, options, tool.columns(), most)
    }

    /// Learns names from what is open now.
    pub fn learn(&mut self, open: &[Connection]) {
        let now = Instant::now();
        self.directory.learn(open, now);
        self.learned = Some(now);
    }

    /// Learns names from what is `open`, unless it did a moment ago.
    ///
    /// # Errors
    ///
    /// What is open cannot be read.
    pub fn learn_of_late(&mut self, open: impl FnOnce() -> Result<Vec<Connection>, ProbeError>) -> Result<(), Failure> {
        if self.learned.is_none_or(|learned| learned.elapsed() >= STALE) {
            self.learn(&open().context("cannot read what is open")?);
        }
        Ok(())
    }
}

impl Tells for Connections {
    type Event = Connection;

    fn line(&mut self, connection: &Connection) -> Option<Line> {
        let names = self.filter.admits(connection).then(|| self.directory.names(connection))?;
        Some(self.tool.line(connection, &names, &self.now))
    }

    fn refresh(&mut self) {
        self.now = Clock::read();
        self.directory.refresh();
    }
}
