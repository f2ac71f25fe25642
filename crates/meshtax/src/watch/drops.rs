//! `meshtax drops`.

use std::path::Path;
use std::process::ExitCode;

use agent::{DROPS, Namer, Printer, drop_line};
use anyhow::Context;
use jiff::Zoned;
use probe::{Dropped, Drops, ProbeError, Told};

use crate::cli::DropsOptions;
use crate::failure::Failure;
use crate::limits;
use crate::output::{say, stream};

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
    let filter = options.watch.filter();
    let mut printer = Printer::new(options.watch.form(), &DROPS);
    let mut namer = Namer::new(Path::new("/"));
    let mut left = options.watch.count.unwrap_or(u64::MAX);
    watch.ready();
    stream(&printer.heading())?;
    while !watch.is_over() && left > 0 {
        let dropped = feed.wait(watch.left());
        let of_interest: Vec<&Dropped> = dropped.iter().filter(|dropped| filter.admits_drop(dropped)).collect();
        let now = Zoned::now();
        namer.refresh();
        let shown = usize::try_from(left).unwrap_or(usize::MAX).min(of_interest.len());
        let line = |dropped: &&Dropped| {
            let who = namer.who(dropped.netns, dropped.cgroup);
            printer.line(&drop_line(dropped, &who, &now))
        };
        stream(&of_interest[..shown].iter().map(line).collect::<String>())?;
        left -= shown as u64;
    }
    own_up(witness)
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
