//! The frame of every witness: programs in the kernel, what they count, and what they miss.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libbpf_rs::{Link, MapCore, MapFlags, Object};
use records::{CounterKey, Counters};
use zerocopy::{FromBytes, IntoBytes};

use crate::cost::Costs;
use crate::error::{ProbeError, told};
use crate::gap::Gap;
use crate::object::{ON_SOCKET, attach_to_root, entries, forget, iterator, map, program, read_through};
use crate::statistics;

/// Where programs count.
const SERIES: &str = "series";

/// What one witness has of its own.
pub trait Source {
    /// What its counters are kept by.
    type Key: CounterKey;
    /// Its counters, which only grow.
    type Series: Counters;
    /// What it missed; each number would be 0 in a better world.
    type Losses: Counters;

    /// Maps of its programs whose entries are not counted as they are reported: too many, or no counters.
    const UNCOUNTED: &'static [&'static str] = &[];

    /// A key as the programs write it.
    fn key(&self, bytes: &[u8]) -> Self::Key;

    /// Keys, as the programs write them, of what finds no room: they get room first.
    fn others() -> Vec<Vec<u8>> {
        Self::Key::others()
    }

    /// Attaches the programs.
    ///
    /// # Errors
    ///
    /// Something cannot be attached on which all else rests.
    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError>;

    /// Brings the counters up to date.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    fn catch_up(&self) -> Result<(), ProbeError> {
        Ok(())
    }

    /// Ends what has waited for too long, so that there is room for what comes.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    fn tidy(&self) -> Result<(), ProbeError> {
        Ok(())
    }
}

/// What a witness has counted: keys and their counters.
pub type SourceSeries<S> = Vec<(<S as Source>::Key, <S as Source>::Series)>;

/// Programs in the kernel; gone when this is dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Witness<S> {
    pub(crate) object: Object,
    pub(crate) source: S,
    programs: Attached,
    /// Has the kernel time the programs, while it is open.
    statistics: Option<OwnedFd>,
}

/// What runs when something happens, and what cannot.
#[derive(Debug, Default)]
struct Attached {
    links: Vec<Link>,
    gaps: Vec<Gap>,
}

/// The programs of a witness as it attaches them.
#[derive(Debug)]
pub struct Programs<'a> {
    pub(crate) object: &'a Object,
    attached: &'a mut Attached,
}

impl Programs<'_> {
    /// Attaches a program without which there is no witness.
    pub(crate) fn attach(&mut self, name: &'static str) -> Result<(), ProbeError> {
        self.attached.links.push(program(self.object, name).attach().map_err(ProbeError::refused(name))?);
        Ok(())
    }

    /// Attaches a program by its tracepoint; `what` is not seen where that fails.
    pub(crate) fn attach_or_gap(&mut self, name: &str, what: &'static str) {
        let link = program(self.object, name).attach().map_err(|error| told(&error));
        self.keep_or_gap(link, what);
    }

    /// Attaches a program to all control groups; `what` is not seen where that fails.
    pub(crate) fn attach_to_root_or_gap(&mut self, name: &str, what: &'static str) {
        self.keep_or_gap(attach_to_root(self.object, name), what);
    }

    /// Notes the owners of all sockets: of those that are made from now on, and of those that are there already.
    pub(crate) fn own_sockets(&mut self) -> Result<(), ProbeError> {
        self.attach_to_root_or_gap(ON_SOCKET, "who owns sockets that are made from now on");
        read_through(&iterator(self.object, "seed_all")?).map(drop)
    }

    fn keep_or_gap(&mut self, link: Result<Link, String>, what: &'static str) {
        match link {
            Ok(link) => self.keep(link),
            Err(why) => self.gap(what, why),
        }
    }

    /// Keeps what was attached by other means.
    pub(crate) fn keep(&mut self, link: Link) {
        self.attached.links.push(link);
    }

    /// Notes what is not seen.
    pub(crate) fn gap(&mut self, what: &'static str, why: impl Into<String>) {
        self.attached.gaps.push(Gap { what, why: why.into() });
    }

    /// Whether a program was loaded: one that was left out has no descriptor.
    pub(crate) fn has(&self, name: &str) -> bool {
        program(self.object, name).as_fd().as_raw_fd() >= 0
    }
}

impl<S: Source> Witness<S> {
    /// Programs that are loaded.
    pub(crate) fn of(object: Object, source: S) -> Result<Self, ProbeError> {
        let nothing = S::Series::default();
        for key in S::others() {
            let series = map(&object, SERIES);
            series.update(&key, nothing.as_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        }
        Ok(Self { object, source, programs: Attached::default(), statistics: None })
    }

    /// Attaches the programs.
    ///
    /// # Errors
    ///
    /// The kernel refuses something on which all else rests.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        self.source.attach(&mut Programs { object: &self.object, attached: &mut self.programs })
    }

    /// Detaches the programs. What they have counted stays; what happens meanwhile is not seen.
    pub fn detach(&mut self) {
        self.programs = Attached::default();
    }

    /// What this kernel does not let be seen.
    pub fn gaps(&self) -> &[Gap] {
        &self.programs.gaps
    }

    /// Brings the counters up to date and reads them; they only grow.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn series(&self) -> Result<SourceSeries<S>, ProbeError> {
        self.source.catch_up()?;
        // Several of the kernel's keys may have one name here, such as those of IPv4 within IPv6.
        let mut sums: HashMap<S::Key, S::Series> = HashMap::new();
        for (key, counters) in entries(&map(&self.object, SERIES))? {
            let sum = sums.entry(self.source.key(&key)).or_default();
            *sum = sum.plus(&read(&counters));
        }
        Ok(sums.into_iter().collect())
    }

    /// Frees the room of series that nothing adds to any more, and tells what they had come to. Before Linux 5.14 they stay
    /// where they are.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn forget(&self, is_gone: impl Fn(&S::Key) -> bool) -> Result<SourceSeries<S>, ProbeError> {
        let is_gone = |key: &S::Key| !key.is_other() && is_gone(key);
        forget(&map(&self.object, SERIES), |key| self.source.key(key), read, is_gone)
    }

    /// Ends what has waited for too long, such as a query: it is counted and told once, here or in [`Self::series`].
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn tidy(&self) -> Result<(), ProbeError> {
        self.source.tidy()
    }

    /// What was missed.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn losses(&self) -> Result<S::Losses, ProbeError> {
        let bytes = map(&self.object, "lost").lookup(&0u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        Ok(read(&bytes.expect("an array has all its entries")))
    }

    /// What it costs in the kernel.
    pub fn costs(&self) -> Costs<'_> {
        Costs::of(&self.object, S::UNCOUNTED)
    }

    /// Has the kernel time every run of every program, of others, too, for as long as this witness lives, which costs each
    /// run two looks at the clock. Where the user lacks CAP_SYS_ADMIN this is a gap.
    pub fn time_programs(&mut self) {
        match statistics::enable() {
            Ok(held) => self.statistics = Some(held),
            Err(error) => {
                let what = "what the programs cost in the kernel";
                self.programs.gaps.push(Gap { what, why: error.to_string() });
            }
        }
    }

    /// Has the kernel time no program for this witness any more. What was timed stays.
    pub fn end_timing(&mut self) {
        self.statistics = None;
    }

    /// Whether the kernel times programs for it.
    pub fn times_programs(&self) -> bool {
        self.statistics.is_some()
    }
}

/// What programs have written.
fn read<T: FromBytes>(bytes: &[u8]) -> T {
    T::read_from_bytes(bytes).expect("programs and loader share one layout")
}
