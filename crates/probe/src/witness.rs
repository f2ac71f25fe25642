//! The frame that all witnesses share: loaded programs, what they count, and what they miss.

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

/// Name of the map of counters.
const SERIES: &str = "series";

/// What one kind of witness adds to the frame.
pub trait Source {
    /// The key of the counters.
    type Key: CounterKey;
    /// The counters of one key. They only grow.
    type Series: Counters;
    /// Counters of what the witness missed.
    type Losses: Counters;

    /// Names of maps whose entries [`Costs::maps`] does not count, because there are too many or they hold no counters.
    const UNCOUNTED: &'static [&'static str] = &[];

    /// Reads a key from the programs' record.
    fn key(&self, bytes: &[u8]) -> Self::Key;

    /// Returns the overflow keys, as the programs write them. They are inserted first, so that there is always room for
    /// them.
    fn others() -> Vec<Vec<u8>> {
        Self::Key::others()
    }

    /// Attaches the programs.
    ///
    /// # Errors
    ///
    /// Returns an error if a required program cannot be attached.
    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError>;

    /// Brings the counters up to date.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    fn catch_up(&self) -> Result<(), ProbeError> {
        Ok(())
    }

    /// Ends what has waited too long, to free room in the maps.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    fn tidy(&self) -> Result<(), ProbeError> {
        Ok(())
    }
}

/// The keys and counters of a source.
pub type SourceSeries<S> = Vec<(<S as Source>::Key, <S as Source>::Series)>;

/// Loaded BPF programs. The kernel removes them when this is dropped or when the process ends in any way.
#[derive(Debug)]
pub struct Witness<S> {
    pub(crate) object: Object,
    pub(crate) source: S,
    programs: Attached,
    /// Descriptor that makes the kernel time BPF programs while it is open.
    statistics: Option<OwnedFd>,
}

/// The attached programs, and what cannot be seen.
#[derive(Debug, Default)]
struct Attached {
    links: Vec<Link>,
    gaps: Vec<Gap>,
}

/// The programs of a witness while they are being attached.
#[derive(Debug)]
pub struct Programs<'a> {
    pub(crate) object: &'a Object,
    attached: &'a mut Attached,
}

impl Programs<'_> {
    /// Attaches a required program.
    pub(crate) fn attach(&mut self, name: &'static str) -> Result<(), ProbeError> {
        self.attached.links.push(program(self.object, name).attach().map_err(ProbeError::refused(name))?);
        Ok(())
    }

    /// Attaches a program to its tracepoint. If that fails, `what` becomes a gap.
    pub(crate) fn attach_or_gap(&mut self, name: &str, what: &'static str) {
        let link = program(self.object, name).attach().map_err(|error| told(&error));
        self.keep_or_gap(link, what);
    }

    /// Attaches a program to all control groups. If that fails, `what` becomes a gap.
    pub(crate) fn attach_to_root_or_gap(&mut self, name: &str, what: &'static str) {
        self.keep_or_gap(attach_to_root(self.object, name), what);
    }

    /// Starts to record the owners of sockets: of those that are made from now on, and of those that exist.
    pub(crate) fn own_sockets(&mut self) -> Result<(), ProbeError> {
        self.attach_to_root_or_gap(ON_SOCKET, "owners of sockets made from now on");
        read_through(&iterator(self.object, "seed_all")?).map(drop)
    }

    fn keep_or_gap(&mut self, link: Result<Link, String>, what: &'static str) {
        match link {
            Ok(link) => self.keep(link),
            Err(why) => self.gap(what, why),
        }
    }

    /// Keeps a link that was attached elsewhere.
    pub(crate) fn keep(&mut self, link: Link) {
        self.attached.links.push(link);
    }

    /// Records something that cannot be seen.
    pub(crate) fn gap(&mut self, what: &'static str, why: impl Into<String>) {
        self.attached.gaps.push(Gap { what, why: why.into() });
    }

    /// Returns whether a program is loaded. A program that was left out has no descriptor.
    pub(crate) fn has(&self, name: &str) -> bool {
        program(self.object, name).as_fd().as_raw_fd() >= 0
    }
}

impl<S: Source> Witness<S> {
    /// Creates a witness from a loaded object.
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
    /// Returns an error if the kernel refuses a required program.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        self.source.attach(&mut Programs { object: &self.object, attached: &mut self.programs })
    }

    /// Detaches the programs. Their counts stay, and what happens meanwhile is not seen.
    pub fn detach(&mut self) {
        self.programs = Attached::default();
    }

    /// Returns what cannot be seen on this kernel.
    pub fn gaps(&self) -> &[Gap] {
        &self.programs.gaps
    }

    /// Brings the counters up to date and reads them. They only grow.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    pub fn series(&self) -> Result<SourceSeries<S>, ProbeError> {
        self.source.catch_up()?;
        // Several keys in the kernel can be equal here, such as IPv4 and IPv4 mapped into IPv6.
        let mut sums: HashMap<S::Key, S::Series> = HashMap::new();
        for (key, counters) in entries(&map(&self.object, SERIES))? {
            let sum = sums.entry(self.source.key(&key)).or_default();
            *sum = sum.plus(&read(&counters));
        }
        Ok(sums.into_iter().collect())
    }

    /// Removes series that no counter will change any more, and returns their final counters. Before Linux 5.14 they
    /// stay in the kernel.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    pub fn forget(&self, is_gone: impl Fn(&S::Key) -> bool) -> Result<SourceSeries<S>, ProbeError> {
        let is_gone = |key: &S::Key| !key.is_other() && is_gone(key);
        forget(&map(&self.object, SERIES), |key| self.source.key(key), read, is_gone)
    }

    /// Ends what has waited too long, such as a query. It is counted and reported once, by this call or by
    /// [`Self::series`].
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    pub fn tidy(&self) -> Result<(), ProbeError> {
        self.source.tidy()
    }

    /// Reads the counters of what was missed.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    pub fn losses(&self) -> Result<S::Losses, ProbeError> {
        let bytes = map(&self.object, "lost").lookup(&0u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        Ok(read(&bytes.expect("an array has all its entries")))
    }

    /// Returns what the witness costs in the kernel.
    pub fn costs(&self) -> Costs<'_> {
        Costs::of(&self.object, S::UNCOUNTED)
    }

    /// Makes the kernel time every run of every BPF program, including those of others, while this witness lives. That
    /// costs each run two readings of the clock. If the user lacks CAP_SYS_ADMIN, this becomes a gap.
    pub fn time_programs(&mut self) {
        match statistics::enable() {
            Ok(held) => self.statistics = Some(held),
            Err(error) => {
                let what = "the run time of BPF programs";
                self.programs.gaps.push(Gap { what, why: error.to_string() });
            }
        }
    }

    /// Stops the timing that [`Self::time_programs`] started. Times measured so far stay.
    pub fn end_timing(&mut self) {
        self.statistics = None;
    }

    /// Returns whether this witness makes the kernel time programs.
    pub fn times_programs(&self) -> bool {
        self.statistics.is_some()
    }
}

/// Reads a structure that the programs have written.
fn read<T: FromBytes>(bytes: &[u8]) -> T {
    T::read_from_bytes(bytes).expect("programs and loader share one layout")
}
