//! `meshtax udp`.

use std::process::ExitCode;

use anyhow::Context;
use attribution::DatagramFlow;
use probe::{Ports, Udp};

use crate::cli::UdpOptions;
use crate::failure::Failure;
use crate::limits;

use super::missed::own_up;
use super::with_owner::WithOwner;
use super::{Watch, seeing};

/// The open files that the tool needs, as seen on Linux 6.18.
const FILES: u64 = 23;

/// `meshtax udp`: shows what moved in each interval, busiest first.
pub fn udp(options: &UdpOptions) -> Result<ExitCode, Failure> {
    limits::open_files(FILES)?;
    let can_read = |udp: &Udp| udp.series().is_ok() && udp.losses().is_ok();
    let watch = Watch::over(|| seeing(Udp::load(Ports::All)), can_read, &options.watch)?;
    let mut teller = WithOwner::teller(&options.watch, None);
    let mut datagrams = DatagramFlow::default();
    watch.each_interval(options.watch.count, || {
        watch.pass(options.interval.0);
        let moved = datagrams.since(watch.probe.series().context("cannot read the counters")?);
        teller.tell_interval(moved, options.rows.most(options.watch.form()))
    })?;
    own_up(&watch.probe)
}
