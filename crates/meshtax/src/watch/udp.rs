//! `meshtax udp`.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use agent::{Datagrams, Namer, Printer, UDP, udp_line};
use anyhow::Context;
use jiff::Zoned;
use probe::{Ports, Udp, UdpKey, UdpSeries};

use crate::cli::UdpOptions;
use crate::failure::Failure;
use crate::limits;
use crate::output::{say, stream};

use super::{GLANCE, Watch, cut, heading, report_gaps, tell_more, without_witness};

/// Open files that it takes, as seen on Linux 6.18.
const FILES: u64 = 23;

/// The programs, loaded and attached.
pub fn witness(ports: Ports) -> Result<Udp, Failure> {
    let mut udp = Udp::load(ports).map_err(without_witness)?;
    udp.attach().map_err(without_witness)?;
    report_gaps(udp.gaps());
    Ok(udp)
}

/// `meshtax udp`: what moved in each interval, busiest first.
pub fn udp(options: &UdpOptions) -> Result<ExitCode, Failure> {
    limits::open_files(FILES)?;
    let watch =
        Watch::over(|| witness(Ports::All), |udp| udp.series().is_ok() && udp.losses().is_ok(), &options.watch)?;
    let filter = options.watch.filter();
    let mut namer = Namer::new(Path::new("/"));
    let mut printer = Printer::new(options.watch.form(), &UDP);
    let mut datagrams = Datagrams::default();
    watch.each_interval(options.watch.count, || {
        wait(&watch, options.interval.0);
        let mut moved = datagrams.since(watch.probe.series().context("cannot read the counters")?);
        moved.retain(|(key, _)| filter.admits_udp(key));
        let more = cut(&mut moved, options.rows.most(options.watch.form()));
        namer.refresh();
        stream(&heading(&mut printer, options.watch.form()))?;
        stream(&lines(&mut printer, &moved, &mut namer))?;
        tell_more(&more, options.watch.form())
    })?;
    own_up(&watch.probe)
}

/// Lets an interval pass.
fn wait(watch: &Watch<Udp>, interval: Duration) {
    let end = Instant::now() + interval;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|_| !watch.is_over()) {
        thread::sleep(left.min(watch.left()).min(GLANCE));
    }
}

/// What is told of one interval.
fn lines(printer: &mut Printer, moved: &[(UdpKey, UdpSeries)], namer: &mut Namer) -> String {
    let now = Zoned::now();
    let mut text = String::new();
    for (key, moved) in moved {
        let who = namer.who(key.netns, key.cgroup);
        text += &printer.line(&udp_line(key, moved, &who, &now));
    }
    text
}

/// Says what was missed.
fn own_up(udp: &Udp) -> Result<ExitCode, Failure> {
    let losses = udp.losses().context("cannot read what was lost")?;
    if losses.series > 0 {
        say(&format!("counted {} times as `other`: there was no room for a series more", losses.series));
    }
    if losses.owners > 0 {
        say(&format!("{} times a socket had no owner: the kernel had no memory for it", losses.owners));
    }
    Ok(ExitCode::SUCCESS)
}
