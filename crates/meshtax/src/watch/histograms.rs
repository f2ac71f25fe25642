//! The live tools that draw histograms: `rtt` and `backlog`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use attribution::{Filter, LineForm, Tool, histogram};
use jiff::Zoned;
use records::{Connection, ConnectionRole, EventKind};

use super::Watch;
use super::connections::ConnectionTeller;
use super::missed::own_up;
use crate::cli::HistogramOptions;
use crate::failure::Failure;
use crate::output::stream;

/// `meshtax rtt`: smoothed round-trip times of connections that are open at the end or closed meanwhile.
pub fn rtt(options: &HistogramOptions) -> Result<ExitCode, Failure> {
    let watched = &options.watch;
    let watch = Watch::begin(watched)?;
    let filter = watched.filter();
    let feed = watch.probe.feed(&[EventKind::Closed]).context("cannot follow ends")?;
    each_drawing(&watch, options, || {
        let mut seen = watch.gather(&feed, options.interval.map(|interval| interval.0));
        let open = watch.probe.connections().context("cannot read what is open")?;
        seen.extend_from_slice(&open);
        seen.retain(|seen| seen.srtt_us > 0);
        if watched.form() == LineForm::Text {
            stream(&heading(options))?;
            let of_interest = seen.iter().filter(|seen| filter.admits(seen));
            stream(&histogram("srtt (us)", of_interest.map(|seen| seen.srtt_us.into())))?;
        } else {
            let mut teller = ConnectionTeller::teller(Tool::Life, watched, watched.count);
            teller.tells.learn(&open);
            teller.tell(&seen)?;
        }
        Ok(())
    })?;
    own_up(&watch.probe)
}

/// `meshtax backlog`: the length of accept queues as each connection arrives, by the queue's limit.
pub fn backlog(options: &HistogramOptions) -> Result<ExitCode, Failure> {
    let watched = &options.watch;
    let watch = Watch::begin(watched)?;
    let filter = watched.filter();
    let feed = watch.probe.feed(&[EventKind::Queued]).context("cannot follow opens")?;
    let mut teller = ConnectionTeller::teller(Tool::Accept, watched, watched.count);
    let most = watched.count.filter(|_| options.interval.is_none());
    each_drawing(&watch, options, || {
        let end = options.interval.map(|interval| Instant::now() + interval.0);
        let mut queued: Vec<Connection> = Vec::new();
        let is_enough = |queued: &[Connection]| most.is_some_and(|most| queued.len() as u64 >= most);
        while let Some(left) = watch.left_until(end).filter(|_| !is_enough(&queued)) {
            let seen = feed.wait(left);
            if watched.form() != LineForm::Text && !seen.is_empty() {
                teller.tells.learn_of_late(|| watch.probe.connections())?;
                teller.tell(&seen)?;
            }
            queued.extend(seen.into_iter().filter(|queued| filter.admits(queued)));
        }
        if watched.form() == LineForm::Text {
            stream(&heading(options))?;
            stream(&queues(&queued))?;
        }
        Ok(())
    })?;
    if watched.form() == LineForm::Text {
        let listeners = watch.probe.connections().context("cannot read what is open")?;
        stream(&overfull(&listeners, &filter))?;
    }
    own_up(&watch.probe)
}

/// Draws once, and again for as long as the options say.
fn each_drawing(
    watch: &Watch,
    options: &HistogramOptions,
    mut draw: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    watch.ready();
    let mut drawn = 0;
    while drawn == 0 || options.goes_on(drawn) && !watch.is_over() {
        draw()?;
        drawn += 1;
    }
    Ok(())
}

/// The time of day, printed above each interval's histogram.
fn heading(options: &HistogramOptions) -> String {
    let told = options.interval.map(|_| Zoned::now().strftime("%H:%M:%S\n").to_string());
    told.unwrap_or_default()
}

/// Histograms of the queue's length as each connection arrived, by port and limit.
fn queues(queued: &[Connection]) -> String {
    let queue = |queued: &Connection| (queued.local.port(), queued.queue_max);
    let mut all: Vec<(u16, u32)> = queued.iter().map(queue).collect();
    all.sort_unstable();
    all.dedup();
    let draw = |(port, limit): (u16, u32)| {
        let here = queued.iter().filter(|queued| queue(queued) == (port, limit));
        let drawn = histogram("backlog", here.map(|queued| queued.queue.into()));
        format!("port {port}, backlog_max = {limit}\n{drawn}")
    };
    all.into_iter().map(draw).collect()
}

/// Listeners that have dropped packets.
fn overfull(open: &[Connection], filter: &Filter) -> String {
    let full =
        open.iter().filter(|seen| seen.role == ConnectionRole::Listener && seen.drops > 0 && filter.admits(seen));
    full.map(|full| format!("{} dropped {} packets since it began to listen\n", full.local, full.drops)).collect()
}
