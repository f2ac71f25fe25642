//! `meshtax drops`.

use std::process::ExitCode;

use anyhow::Context;
use probe::{Drops, Reported};
use records::Dropped;

use crate::cli::DropsOptions;
use crate::failure::Failure;
use crate::limits;

use super::missed::own_up;
use super::with_owner::WithOwner;
use super::{Watch, seeing};

/// The open files that the tool needs, as seen on Linux 6.18.
const FILES: u64 = 19;

/// `meshtax drops`: prints a line for each dropped packet.
pub fn drops(options: &DropsOptions) -> Result<ExitCode, Failure> {
    limits::open_files(FILES)?;
    let reported = if options.all { Reported::All } else { Reported::Missed };
    // The kernel shows the addresses of its functions only to privileged processes, so they are read before privileges are given up.
    let begin = || {
        let drops = seeing(Drops::load_telling())?;
        let feed = drops.feed(reported).context("cannot follow drops")?;
        Ok((drops, feed))
    };
    let watch = Watch::over(begin, |(drops, _)| drops.losses().is_ok(), &options.watch)?;
    let (witness, feed) = &watch.probe;
    let mut teller = WithOwner::<Dropped>::teller(&options.watch, options.watch.count);
    watch.tell_each(&mut teller, |_, left| Ok(feed.wait(left)))?;
    own_up(witness)
}
