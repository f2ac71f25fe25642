//! The live tools: what the kernel witness sees, as it happens, until the time, the count or the user ends it.

mod dns;
mod drops;
mod histograms;
mod screen;
mod udp;

pub use dns::{dns, witness as dns_witness};
pub use drops::{drops, witness as drops_witness};
pub use histograms::{backlog, rtt};
pub use udp::{udp, witness as udp_witness};

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent::{Clock, Directory, Flow, Form, Printer, Privileges, Tool};
use anyhow::Context;
use jiff::Zoned;
use lab::Stop;
use nix::errno::Errno;
use probe::{Connection, Events, Gap, Kind, Probe, ProbeError};

use crate::cause;
use crate::cli::{TopOptions, WatchOptions};
use crate::failure::Failure;
use crate::limits;
use crate::output::{say, stream};
use crate::signals::heed_signals;

/// Longest wait before a stop is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Open files that a tool takes which watches connections, as seen on Linux 6.18, where most is seen.
pub const FILES: u64 = 44;

/// How long what is open is taken for what it was: reading it costs more, the more there is.
const STALE: Duration = Duration::from_secs(1);

/// `meshtax life`, `connect`, `accept` and `retrans`: a line for each event.
pub fn events(tool: Tool, options: &WatchOptions) -> Result<ExitCode, Failure> {
    match Watch::begin(options) {
        Err(failure) if failure.is_of_the_kernel() && !tool.needs_bytes() => {
            let watch = events_only(options).map_err(|_| failure)?;
            follow(tool, options, watch, |_| Ok(Vec::new()))
        }
        watch => follow(tool, options, watch?, Probe::connections),
    }
}

/// What kernels before 5.13 can still tell.
fn events_only(options: &WatchOptions) -> Result<Watch<Events>, Failure> {
    let begin = || {
        let events = Events::begin().map_err(without_witness)?;
        report_gaps(events.gaps());
        Ok(events)
    };
    Watch::over(begin, |events| events.losses().is_ok(), options)
}

fn follow<S>(
    tool: Tool,
    options: &WatchOptions,
    mut watch: Watch<Probe<S>>,
    open: fn(&Probe<S>) -> Result<Vec<Connection>, ProbeError>,
) -> Result<ExitCode, Failure> {
    let mut teller = Teller::new(tool, options, options.count);
    let feed = watch.probe.feed(tool.kinds()).context("cannot follow events")?;
    teller.learn_of_late(|| open(&watch.probe))?;
    watch.ready();
    stream(&teller.printer.heading())?;
    while !watch.is_over() && !teller.is_enough() {
        let seen = feed.wait(watch.left());
        if !seen.is_empty() {
            teller.learn_of_late(|| open(&watch.probe))?;
        }
        teller.tell(&seen)?;
    }
    teller.tell(&watch.rest(&feed))?;
    watch.own_up()
}

/// `meshtax top`: what moved in each interval, busiest first.
pub fn top(options: &TopOptions) -> Result<ExitCode, Failure> {
    if screen::is_wanted(options) {
        return screen::show(options);
    }
    let watch = Watch::begin(&options.watch)?;
    let interval = options.interval.0;
    let feed = watch.probe.feed(&[Kind::Closed]).context("cannot follow ends")?;
    let mut flow = Flow::default();
    let mut teller = Teller::new(Tool::Top, &options.watch, None);
    watch.ready();
    let mut shown = 0;
    while !watch.is_over() && options.watch.count.is_none_or(|count| shown < count) {
        let closed = watch.gather(&feed, Some(interval));
        let open = watch.probe.connections().context("cannot read what is open")?;
        teller.learn(&open);
        let mut moved = flow.since(&closed, &open);
        moved.retain(|moved| teller.filter.admits(moved));
        let more = cut(&mut moved, options.rows.most(options.watch.form()));
        teller.printer.head_again();
        if options.watch.form() == Form::Text {
            stream(&format!("{}\n", Zoned::now().strftime("%H:%M:%S")))?;
        }
        stream(&teller.printer.heading())?;
        teller.tell(&moved)?;
        if options.watch.form() == Form::Text {
            stream(&more)?;
        }
        shown += 1;
    }
    watch.own_up()
}

/// Leaves `most` rows of an interval; what text says below them.
fn cut<T>(rows: &mut Vec<T>, most: Option<u64>) -> String {
    let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let more = rows.len().saturating_sub(most);
    rows.truncate(most);
    if more > 0 { format!("… and {more} more; --rows tells them\n\n") } else { "\n".to_owned() }
}

/// Says what this kernel does not let be seen.
pub fn report_gaps(gaps: &[Gap]) {
    for gap in gaps {
        say(&format!("not seen on this kernel: {} ({})", gap.what, gap.why));
    }
}

/// A witness at work, and when it is to end.
struct Watch<W = Probe> {
    probe: W,
    stop: Stop,
    until: Option<Instant>,
}

impl Watch {
    fn begin(options: &WatchOptions) -> Result<Self, Failure> {
        limits::open_files(FILES)?;
        let begin = || {
            let probe = attached(Probe::load())?;
            report_gaps(probe.gaps());
            Ok(probe)
        };
        Self::over(begin, |probe| probe.losses().is_ok() && probe.connections().is_ok(), options)
    }
}

impl<W> Watch<W> {
    fn over(
        witness: impl FnOnce() -> Result<W, Failure>,
        can_read: impl Fn(&W) -> bool,
        options: &WatchOptions,
    ) -> Result<Self, Failure> {
        let stop = heed_signals()?;
        let probe = witness()?;
        restrict(|| can_read(&probe))?;
        let until = options.duration.map(|duration| Instant::now() + duration.0);
        Ok(Self { probe, stop, until })
    }

    /// Says that from now on nothing is missed.
    fn ready(&self) {
        say("watching; Ctrl-C ends it");
    }

    fn is_over(&self) -> bool {
        self.stop.is_set() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// How long to wait for what happens next.
    fn left(&self) -> Duration {
        let left = self.until.map_or(GLANCE, |until| until.saturating_duration_since(Instant::now()));
        left.min(GLANCE)
    }
}

impl<W> Watch<W> {
    /// How long to wait for what happens next before `end`; none once that, or the whole, is over.
    fn left_until(&self, end: Option<Instant>) -> Option<Duration> {
        let left = end.map_or(Some(GLANCE), |end| end.checked_duration_since(Instant::now()));
        left.filter(|_| !self.is_over()).map(|left| left.min(self.left()))
    }
}

impl<S> Watch<Probe<S>> {
    /// What happens within an interval, or until it is over.
    fn gather(&self, feed: &probe::Feed, interval: Option<Duration>) -> Vec<Connection> {
        let end = interval.map(|interval| Instant::now() + interval);
        let mut seen = Vec::new();
        while let Some(left) = self.left_until(end) {
            seen.extend(feed.wait(left));
        }
        seen.extend(feed.wait(Duration::ZERO));
        seen
    }

    /// What has happened and was not told yet; nothing is seen any more.
    fn rest(&mut self, feed: &probe::Feed) -> Vec<Connection> {
        self.probe.detach();
        feed.wait(Duration::ZERO)
    }

    /// Says what was missed.
    fn own_up(&self) -> Result<ExitCode, Failure> {
        let losses = self.probe.losses().context("cannot read what was lost")?;
        for (kind, lost) in losses.events.iter().filter(|(_, lost)| *lost > 0) {
            say(&format!("lost {lost} events ({kind:?}): they came faster than they were read"));
        }
        if losses.sockets > 0 {
            say(&format!("{} sockets were not followed: there was no room for them", losses.sockets));
        }
        if losses.late > 0 {
            say(&format!("{} sockets were met late: what they had moved until then is not told", losses.late));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells connections that are of interest, until there were enough.
struct Teller {
    tool: Tool,
    filter: agent::Filter,
    printer: Printer,
    directory: Directory,
    /// When what is open was learned from at last.
    learned: Option<Instant>,
    told: u64,
    most: Option<u64>,
}

impl Teller {
    fn new(tool: Tool, options: &WatchOptions, most: Option<u64>) -> Self {
        let printer = Printer::new(options.form(), tool.columns());
        let directory = Directory::new(Path::new("/"));
        Self { tool, filter: options.filter(), printer, directory, learned: None, told: 0, most }
    }

    /// Learns names from what is open now.
    fn learn(&mut self, open: &[Connection]) {
        let now = Instant::now();
        self.directory.learn(open, now);
        self.learned = Some(now);
    }

    /// Learns names from what is `open`, unless it did a moment ago.
    fn learn_of_late(&mut self, open: impl FnOnce() -> Result<Vec<Connection>, ProbeError>) -> Result<(), Failure> {
        if self.learned.is_none_or(|learned| learned.elapsed() >= STALE) {
            self.learn(&open().context("cannot read what is open")?);
        }
        Ok(())
    }

    fn tell(&mut self, seen: &[Connection]) -> Result<(), Failure> {
        let now = Clock::read();
        self.directory.refresh();
        let mut text = String::new();
        for connection in seen.iter().filter(|seen| self.filter.admits(seen)) {
            if self.is_enough() {
                break;
            }
            let names = self.directory.names(connection);
            text += &self.printer.line(&self.tool.line(connection, &names, &now));
            self.told += 1;
        }
        stream(&text)?;
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.most.is_some_and(|most| self.told >= most)
    }
}

/// The programs, attached once they are loaded.
pub fn attached(probe: Result<Probe, ProbeError>) -> Result<Probe, Failure> {
    let mut probe = probe.map_err(without_witness)?;
    probe.attach().map_err(without_witness)?;
    Ok(probe)
}

/// Gives up every privilege that reading does not take.
pub fn restrict(can_read: impl Fn() -> bool) -> Result<Privileges, Failure> {
    Ok(agent::give_up_privileges(can_read)?)
}

/// Why the kernel lets nothing be seen, and what to do about it.
fn without_witness(error: ProbeError) -> Failure {
    let hint = remedy(&error);
    Failure::because(error, hint)
}

/// What lets this kernel be watched.
pub fn remedy(error: &ProbeError) -> String {
    match error {
        ProbeError::Forbidden(_) if !probe::lacking().is_empty() => format!(
            "this process lacks {}: run it as root, or once: `setcap cap_bpf,cap_perfmon,cap_net_admin=ep $(command -v meshtax)`",
            probe::lacking().join(", ")
        ),
        ProbeError::Forbidden(_) => cause::forbidden(&[]),
        ProbeError::NoGroups => "mount them: `mount -t cgroup2 none /sys/fs/cgroup`".to_owned(),
        ProbeError::Refused { program, source } => match cause::code_of(&format!("{source:#}")) {
            Some(Errno::EPERM) => cause::forbidden(&[]),
            _ if *program == "dns" => "DNS was tried on Linux 6.1, 6.12 and 6.18".to_owned(),
            _ => "the witness needs Linux 5.13 or newer with BTF (/sys/kernel/btf/vmlinux)".to_owned(),
        },
        ProbeError::NoRoom { source, .. } | ProbeError::Map(source) => short_of(&format!("{source:#}")),
        ProbeError::Groups(source) | ProbeError::Read(source) => short_of(&source.to_string()),
    }
}

/// What to do where something could not be opened or read that is there.
fn short_of(told: &str) -> String {
    cause::shortage(told).unwrap_or_else(|| "the kernel may be short of memory; try again".to_owned())
}
