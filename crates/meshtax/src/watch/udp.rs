//! `meshtax udp`.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use agent::{Datagrams, Form, Namer, Printer, UDP, udp_line};
use anyhow::Context;
use jiff::Zoned;
use probe::{Ports, Udp, UdpKey, UdpSeries};

use crate::cli::UdpOptions;
use crate::failure::Failure;
use crate::limits;
use crate::output::{say, stream};

use super::{GLANCE, Watch, cut, report_gaps, without_witness};

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
    watch.ready();
    let mut shown = 0;
    while !watch.is_over() && options.watch.count.is_none_or(|count| shown < count) {
        wait(&watch, options.interval.0);
        let mut moved = datagrams.since(watch.probe.series().context("cannot read the counters")?);
        moved.retain(|(key, _)| filter.admits_udp(key));
        let more = cut(&mut moved, options.rows.most(options.watch.form()));
        namer.refresh();
        if options.watch.form() == Form::Text {
            printer = Printer::new(Form::Text, &UDP);
            stream(&format!("{}\n", Zoned::now().strftime("%H:%M:%S")))?;
        }
        stream(&lines(&mut printer, &moved, &mut namer))?;
        if options.watch.form() == Form::Text {
            stream(&more)?;
        }
        shown += 1;
    }
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
    let mut text = printer.heading();
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
