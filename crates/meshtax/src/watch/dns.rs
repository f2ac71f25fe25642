//! `meshtax dns`: DNS queries as they end.

use std::path::Path;
use std::process::ExitCode;

use agent::{Namer, Printer, QUERY_COLUMNS, query_line};
use anyhow::Context;
use jiff::Zoned;
use probe::dns::{Losses, Query};
use probe::{Dns, DnsOptions};

use crate::cli::DnsWatchOptions;
use crate::failure::Failure;
use crate::limits;
use crate::output::{say, stream};

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
    let mut teller = Teller::new(options);
    watch.ready();
    stream(&teller.printer.heading())?;
    while !watch.is_over() && !teller.is_enough() {
        let ended = feed.wait(watch.left());
        watch.probe.give_up().context("cannot look for queries without an answer")?;
        teller.tell(&ended)?;
    }
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

/// Tells queries that are of interest, until there were enough.
struct Teller {
    filter: agent::Filter,
    printer: Printer,
    namer: Namer,
    told: u64,
    most: Option<u64>,
}

impl Teller {
    fn new(options: &DnsWatchOptions) -> Self {
        let options = &options.watch;
        Self {
            filter: options.filter(),
            printer: Printer::new(options.form(), &QUERY_COLUMNS),
            namer: Namer::new(Path::new("/")),
            told: 0,
            most: options.count,
        }
    }

    fn tell(&mut self, ended: &[Query]) -> Result<(), Failure> {
        let now = Zoned::now();
        self.namer.refresh();
        let mut text = String::new();
        for query in ended.iter().filter(|query| self.filter.admits_query(query)) {
            if self.is_enough() {
                break;
            }
            let who = self.namer.who(query.netns, query.cgroup);
            text += &self.printer.line(&query_line(query, &who, &now));
            self.told += 1;
        }
        stream(&text)?;
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.most.is_some_and(|most| self.told >= most)
    }
}
