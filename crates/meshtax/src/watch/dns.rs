//! `meshtax dns`: DNS queries as they end.

use std::path::Path;
use std::process::ExitCode;

use agent::{Filter, Line, Namer, QUERY_COLUMNS, query_line};
use anyhow::Context;
use jiff::Zoned;
use probe::dns::{Losses, Query};
use probe::{Dns, DnsOptions};

use crate::cli::DnsWatchOptions;
use crate::failure::Failure;
use crate::limits;
use crate::output::say;

use super::teller::{Teller, Tells};
use super::{Watch, without_witness};

/// Open files that it takes, as seen on Linux 6.18.
const FILES: u64 = 26;

/// Tells each query when its answer has come, or none has in time.
pub fn dns(options: &DnsWatchOptions) -> Result<ExitCode, Failure> {
    limits::open_files(FILES)?;
    let asked = DnsOptions { timeout: options.timeout.0, names: !options.no_dns_names, feed: true };
    let can_read = |dns: &Dns| dns.give_up().is_ok() && dns.losses().is_ok();
    let watch = Watch::over(|| witness(asked), can_read, &options.watch)?;
    let feed = watch.probe.feed().context("cannot follow queries")?;
    let queries = Queries { filter: options.watch.filter(), namer: Namer::new(Path::new("/")), now: Zoned::now() };
    let mut teller = Teller::new(queries, &options.watch, &QUERY_COLUMNS, options.watch.count);
    watch.tell_each(&mut teller, |_, left| {
        let ended = feed.wait(left);
        watch.probe.give_up().context("cannot look for queries without an answer")?;
        Ok(ended)
    })?;
    own_up(&watch.probe.losses().context("cannot read what was lost")?);
    Ok(ExitCode::SUCCESS)
}

/// The programs, loaded and attached.
pub fn witness(options: DnsOptions) -> Result<Dns, Failure> {
    let mut dns = Dns::load(options).map_err(without_witness)?;
    dns.attach().map_err(without_witness)?;
    Ok(dns)
}

/// Says what was missed.
fn own_up(losses: &Losses) {
    let Losses { events, queries, sockets, unparsed, extended, unmatched, .. } = *losses;
    let tell = |count: u64, what: &str| {
        if count > 0 {
            say(&format!("{count} {what}"));
        }
    };
    tell(events, "queries were lost: they ended faster than they were read");
    tell(queries + sockets, "queries or connections, anywhere on this machine, found no room and were not followed");
    tell(unparsed, "messages, anywhere on this machine, were not understood");
    tell(extended, "packets, anywhere on this machine, had further IPv6 headers and were not looked into");
    tell(unmatched, "answers, anywhere on this machine, came to no query that still waited");
}

/// How queries are told.
struct Queries {
    filter: Filter,
    namer: Namer,
    now: Zoned,
}

impl Tells for Queries {
    type Event = Query;

    fn line(&mut self, query: &Query) -> Option<Line> {
        let who = self.filter.admits_query(query).then(|| self.namer.who(query.netns, query.cgroup))?;
        Some(query_line(query, &who, &self.now))
    }

    fn refresh(&mut self) {
        self.now = Zoned::now();
        self.namer.refresh();
    }
}
