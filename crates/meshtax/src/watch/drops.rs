//! `meshtax drops`.

use std::path::Path;
use std::process::ExitCode;

use agent::{DROPS, Filter, Line, Namer, drop_line};
use anyhow::Context;
use jiff::Zoned;
use probe::{Dropped, Drops, ProbeError, Told};

use crate::cli::DropsOptions;
use crate::failure::Failure;
use crate::limits;
use crate::output::say;

use super::teller::{Teller, Tells};
use super::{Watch, report_gaps, without_witness};

/// Open files that it takes, as seen on Linux 6.18.
const FILES: u64 = 19;

/// The programs that count, loaded and attached.
pub fn witness() -> Result<Drops, Failure> {
    attached(Drops::load())
}

fn attached(drops: Result<Drops, ProbeError>) -> Result<Drops, Failure> {
    let mut drops = drops.map_err(without_witness)?;
    drops.attach().map_err(without_witness)?;
    report_gaps(drops.gaps());
    Ok(drops)
}

/// `meshtax drops`: a line for each packet.
pub fn drops(options: &DropsOptions) -> Result<ExitCode, Failure> {
    limits::open_files(FILES)?;
    let told = if options.all { Told::All } else { Told::Missed };
    // Where the kernel's functions lie is told to those with privileges only.
    let begin = || {
        let drops = attached(Drops::load_telling())?;
        let feed = drops.feed(told).context("cannot follow drops")?;
        Ok((drops, feed))
    };
    let watch = Watch::over(begin, |(drops, _)| drops.losses().is_ok(), &options.watch)?;
    let (witness, feed) = &watch.probe;
    let packets = Packets { filter: options.watch.filter(), namer: Namer::new(Path::new("/")), now: Zoned::now() };
    let mut teller = Teller::new(packets, &options.watch, &DROPS, options.watch.count);
    watch.tell_each(&mut teller, |_, left| Ok(feed.wait(left)))?;
    own_up(witness)
}

/// How dropped packets are told.
struct Packets {
    filter: Filter,
    namer: Namer,
    now: Zoned,
}

impl Tells for Packets {
    type Event = Dropped;

    fn line(&mut self, dropped: &Dropped) -> Option<Line> {
        let who = self.filter.admits_drop(dropped).then(|| self.namer.who(dropped.netns, dropped.cgroup))?;
        Some(drop_line(dropped, &who, &self.now))
    }

    fn refresh(&mut self) {
        self.now = Zoned::now();
        self.namer.refresh();
    }
}

/// Says what was missed.
fn own_up(drops: &Drops) -> Result<ExitCode, Failure> {
    let losses = drops.losses().context("cannot read what was lost")?;
    if losses.events > 0 {
        say(&format!("lost {} drops: they came faster than they were read", losses.events));
    }
    let missed: u64 = drops.costs().programs().iter().map(|program| program.misses).sum();
    if missed > 0 {
        say(&format!("missed {missed} drops, anywhere on this machine: each interrupted the telling of another"));
    }
    if losses.owners > 0 {
        say(&format!("{} sockets have no owner: the kernel had no memory for it", losses.owners));
    }
    Ok(ExitCode::SUCCESS)
}
