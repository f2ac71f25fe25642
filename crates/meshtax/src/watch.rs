//! The live tools: they show what the kernel witness sees until the time, the count or the user ends them.

mod connections;
mod dns;
mod drops;
mod histograms;
mod missed;
mod screen;
mod teller;
mod udp;
mod with_owner;

pub use dns::dns;
pub use drops::drops;
pub use histograms::{backlog, rtt};
pub use udp::udp;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use agent::Privileges;
use anyhow::Context;
use attribution::{Flow, Tool};
use lab::Stop;
use nix::errno::Errno;
use probe::{Events, Gap, ProbeError, Source, Tcp, TellsConnections, Witness};
use records::{Connection, EventKind};

use self::connections::ConnectionTeller;
use self::missed::own_up;
use self::teller::{Teller, Tells};
use crate::cause;
use crate::cli::{TopOptions, WatchOptions};
use crate::failure::Failure;
use crate::limits;
use crate::output::{say, stream};
use crate::signals::heed_signals;

/// The longest wait before the stop flag is checked.
const GLANCE: Duration = Duration::from_millis(100);

/// The open files that a tool needs to watch connections, as seen on Linux 6.18, where it needs most.
pub const FILES: u64 = 44;

/// `meshtax life`, `connect`, `accept`, `retrans` and `resets`: print a line for each event.
pub fn events(tool: Tool, options: &WatchOptions) -> Result<ExitCode, Failure> {
    match Watch::begin(options) {
        Err(failure) if failure.is_of_the_kernel() && !tool.needs_bytes() => {
            let watch = events_only(options).map_err(|_| failure)?;
            follow(tool, options, watch, |_| Ok(Vec::new()))
        }
        watch => follow(tool, options, watch?, Tcp::connections),
    }
}

/// The witness for kernels before 5.13, which report events only.
fn events_only(options: &WatchOptions) -> Result<Watch<Events>, Failure> {
    let begin = || {
        let events = Events::begin().map_err(without_witness)?;
        report_gaps(events.gaps());
        Ok(events)
    };
    Watch::over(begin, |events| events.losses().is_ok(), options)
}

fn follow<S: TellsConnections>(
    tool: Tool,
    options: &WatchOptions,
    mut watch: Watch<Witness<S>>,
    open: fn(&Witness<S>) -> Result<Vec<Connection>, ProbeError>,
) -> Result<ExitCode, Failure> {
    let mut teller = ConnectionTeller::teller(tool, options, options.count);
    let feed = watch.probe.feed(tool.kinds()).context("cannot follow events")?;
    teller.tells.learn_of_late(|| open(&watch.probe))?;
    watch.tell_each(&mut teller, |connections, left| {
        let seen = feed.wait(left);
        if !seen.is_empty() {
            connections.learn_of_late(|| open(&watch.probe))?;
        }
        Ok(seen)
    })?;
    teller.tell(&watch.rest(&feed))?;
    own_up(&watch.probe)
}

/// `meshtax top`: shows what moved in each interval, busiest first.
pub fn top(options: &TopOptions) -> Result<ExitCode, Failure> {
    if screen::is_wanted(options) {
        return screen::show(options);
    }
    let watch = Watch::begin(&options.watch)?;
    let interval = options.interval.0;
    let feed = watch.probe.feed(&[EventKind::Closed]).context("cannot follow ends")?;
    let mut flow = Flow::default();
    let mut teller = ConnectionTeller::teller(Tool::Top, &options.watch, None);
    watch.each_interval(options.watch.count, || {
        let closed = watch.gather(&feed, Some(interval));
        let open = watch.probe.connections().context("cannot read what is open")?;
        teller.tells.learn(&open);
        teller.tell_interval(flow.since(&closed, &open), options.rows.most(options.watch.form()))
    })?;
    own_up(&watch.probe)
}

/// Says what is not seen on this kernel.
pub fn report_gaps(gaps: &[Gap]) {
    for gap in gaps {
        say(&format!("not seen on this kernel: {} ({})", gap.what, gap.why));
    }
}

/// A running witness, and the conditions that end it.
struct Watch<W = Tcp> {
    probe: W,
    stop: Stop,
    until: Option<Instant>,
}

impl Watch {
    fn begin(options: &WatchOptions) -> Result<Self, Failure> {
        limits::open_files(FILES)?;
        Self::over(|| seeing(Tcp::load()), |probe| probe.losses().is_ok() && probe.connections().is_ok(), options)
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

    /// Prints events as they come, until the tool ends or has printed enough. `next` waits for events, at most as long
    /// as it is told.
    fn tell_each<T: Tells>(
        &self,
        teller: &mut Teller<T>,
        mut next: impl FnMut(&mut T, Duration) -> Result<Vec<T::Event>, Failure>,
    ) -> Result<(), Failure> {
        self.ready();
        stream(&teller.printer.heading())?;
        while !self.is_over() && !teller.is_enough() {
            let seen = next(&mut teller.tells, self.left())?;
            teller.tell(&seen)?;
        }
        Ok(())
    }

    /// Prints intervals, at most `count` of them, until the tool ends.
    fn each_interval(&self, count: Option<u64>, mut tell: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
        self.ready();
        let mut told = 0;
        while !self.is_over() && count.is_none_or(|count| told < count) {
            tell()?;
            told += 1;
        }
        Ok(())
    }

    /// Waits for an interval, or until the tool ends.
    fn pass(&self, interval: Duration) {
        let end = Instant::now() + interval;
        while let Some(left) = self.left_until(Some(end)) {
            thread::sleep(left);
        }
    }

    /// Says that from now on nothing is missed.
    fn ready(&self) {
        say("watching; Ctrl-C ends it");
    }

    fn is_over(&self) -> bool {
        self.stop.is_set() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// How long to wait for the next event.
    fn left(&self) -> Duration {
        let left = self.until.map_or(GLANCE, |until| until.saturating_duration_since(Instant::now()));
        left.min(GLANCE)
    }

    /// How long to wait for the next event before `end`. `None` once `end` has passed or the tool ends.
    fn left_until(&self, end: Option<Instant>) -> Option<Duration> {
        let left = end.map_or(Some(GLANCE), |end| end.checked_duration_since(Instant::now()));
        left.filter(|_| !self.is_over()).map(|left| left.min(self.left()))
    }
}

impl<S: TellsConnections> Watch<Witness<S>> {
    /// Collects the events of an interval; without one, until the tool ends.
    fn gather(&self, feed: &probe::Feed, interval: Option<Duration>) -> Vec<Connection> {
        let end = interval.map(|interval| Instant::now() + interval);
        let mut seen = Vec::new();
        while let Some(left) = self.left_until(end) {
            seen.extend(feed.wait(left));
        }
        seen.extend(feed.wait(Duration::ZERO));
        seen
    }

    /// Detaches the programs, and collects the events that were not printed yet.
    fn rest(&mut self, feed: &probe::Feed) -> Vec<Connection> {
        self.probe.detach();
        feed.wait(Duration::ZERO)
    }
}

/// Attaches a witness that was loaded.
pub fn attached<S: Source>(loaded: Result<Witness<S>, ProbeError>) -> Result<Witness<S>, Failure> {
    let mut witness = loaded.map_err(without_witness)?;
    witness.attach().map_err(without_witness)?;
    Ok(witness)
}

/// Attaches a witness, and says what it does not see.
pub fn seeing<S: Source>(loaded: Result<Witness<S>, ProbeError>) -> Result<Witness<S>, Failure> {
    let witness = attached(loaded)?;
    report_gaps(witness.gaps());
    Ok(witness)
}

/// Gives up every privilege that reading does not need.
pub fn restrict(can_read: impl Fn() -> bool) -> Result<Privileges, Failure> {
    Ok(agent::give_up_privileges(can_read)?)
}

/// Says why the witness could not be loaded or attached, and what to do about it.
fn without_witness(error: ProbeError) -> Failure {
    let hint = remedy(&error);
    Failure::because(error, hint)
}

/// Says what makes this kernel watchable.
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

/// Says what to do if something that exists could not be opened or read.
fn short_of(told: &str) -> String {
    cause::shortage(told).unwrap_or_else(|| "the kernel may be short of memory; try again".to_owned())
}
