//! `meshtax dns`: DNS queries as they end.

use std::process::ExitCode;

use anyhow::Context;
use probe::{Dns, DnsOptions};
use records::Query;

use crate::cli::DnsWatchOptions;
use crate::failure::Failure;
use crate::limits;

use super::missed::own_up;
use super::with_owner::WithOwner;
use super::{Watch, seeing};

/// The open files that the tool needs, as seen on Linux 6.18.
const FILES: u64 = 26;

/// `meshtax dns`: prints each query when its answer arrives, or when it times out.
pub fn dns(options: &DnsWatchOptions) -> Result<ExitCode, Failure> {
    limits::open_files(FILES)?;
    let asked = DnsOptions { timeout: options.timeout.0, names: !options.no_dns_names, feed: true };
    let can_read = |dns: &Dns| dns.tidy().is_ok() && dns.losses().is_ok();
    let watch = Watch::over(|| seeing(Dns::load(asked)), can_read, &options.watch)?;
    let feed = watch.probe.feed().context("cannot follow queries")?;
    let mut teller = WithOwner::<Query>::teller(&options.watch, options.watch.count);
    watch.tell_each(&mut teller, |_, left| {
        let ended = feed.wait(left);
        watch.probe.tidy().context("cannot look for queries without an answer")?;
        Ok(ended)
    })?;
    own_up(&watch.probe)
}
