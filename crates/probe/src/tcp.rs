//! The witness of TCP connections. No program of it runs per packet.

mod events;
mod scope;
mod seed;
mod sockmap;
mod table;

pub use events::Events;

use std::sync::{Mutex, PoisonError};

use libbpf_rs::btf::Btf;
use libbpf_rs::{Link, MapCore, MapFlags, Object, OpenObject};
use records::{Connection, EventKind, MapFill, TcpKey, TcpLosses, TcpSeries};

use self::scope::SCOPE;
use self::sockmap::{fit_sockmaps, watch_sockmaps};
use crate::error::ProbeError;
use crate::feed::Feed;
use crate::object::{arguments, forgo_feed, has_tracepoint, iterator, map, open_object, read_through};
use crate::witness::{Programs, Source, Witness};

/// The compiled programs.
const TCP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tcp.bpf.o"));

/// Programs that the witness cannot do without.
const REQUIRED: [&str; 2] = ["on_state", "on_destroy"];

/// Programs that each add one kind of event: the program, the kernel's tracepoint, and what is not seen without it.
const OPTIONAL: [(&str, &str, &str); 4] = [
    ("on_retransmit", "tcp_retransmit_skb", "retransmitted segments, as they are sent"),
    ("on_synack_again", "tcp_retransmit_synack", "retransmitted SYN-ACKs"),
    ("on_reset_received", "tcp_receive_reset", "resets received"),
    ("on_reset_sent", "tcp_send_reset", "resets sent"),
];

/// Default for the maximum number of sockets that are followed at a time.
pub const SOCKETS_MAX: u32 = 65_536;

/// Section with the constant that says whether the kernel also reports segments that it could not retransmit.
const FAILURES: &str = ".rodata.failures";

/// Name of the map of stories.
const STORIES: &str = "stories";

/// The witness of TCP connections.
pub type Tcp = Witness<Snapshots>;

/// A source whose witness reports events of connections.
pub trait TellsConnections: Source<Losses = TcpLosses> {}

impl TellsConnections for Snapshots {}

/// Iterators over all sockets that are followed.
#[derive(Debug)]
pub struct Snapshots {
    /// Adds what is new to the series.
    tell_all: Link,
    /// Writes out the open sockets.
    write_all: Link,
    /// Removes the stories of sockets that have ended.
    sweep_all: Link,
    /// Number of the last snapshot. It is locked while a snapshot is taken.
    look: Mutex<u8>,
}

impl Tcp {
    /// Loads the programs without attaching them. Until then they cost nothing and see nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the user lacks CAP_BPF and CAP_PERFMON, or if the kernel is older than 5.13 or has no BTF.
    pub fn load() -> Result<Self, ProbeError> {
        Self::with_snapshots(open()?.load().map_err(ProbeError::refused("tcp"))?)
    }

    /// Loads the programs for counting only: the feed has no room. At most `sockets_max` sockets are followed at a
    /// time. Each takes some 500 bytes of kernel memory; before Linux 6.1 all of it is taken at the start. Sockets that
    /// find no room are counted in [`TcpLosses::sockets`].
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`Tcp::load`], or if the kernel has too little memory.
    pub fn load_to_count(sockets_max: u32) -> Result<Self, ProbeError> {
        let load = || {
            let mut open = open_exact()?;
            forgo_feed(&mut open);
            open.maps_mut().find(|map| map.name() == STORIES).expect("it has this map").set_max_entries(sockets_max)?;
            open.load()
        };
        Self::with_snapshots(load().map_err(ProbeError::refused("tcp"))?)
    }

    fn with_snapshots(object: Object) -> Result<Self, ProbeError> {
        let snapshots = Snapshots::of(&object)?;
        Self::of(object, snapshots)
    }

    /// Returns all open connections and listeners.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has too little memory.
    pub fn connections(&self) -> Result<Vec<Connection>, ProbeError> {
        let mut look = self.source.look.lock().unwrap_or_else(PoisonError::into_inner);
        *look = *look % u8::MAX + 1;
        map(&self.object, "looks").update(&0u32.to_ne_bytes(), &[*look], MapFlags::ANY).map_err(ProbeError::Map)?;
        let written = Feed::of(&map(&self.object, "written"), Connection::read)?;
        let mut connections = Vec::new();
        loop {
            let is_cut_short = !read_through(&self.source.write_all)?.is_empty();
            connections.append(&mut written.take());
            if !is_cut_short {
                return Ok(connections);
            }
        }
    }

    /// Returns how much of the map of stories the `connections` of a snapshot take.
    pub fn room(&self, connections: &[Connection]) -> MapFill {
        let max_entries = map(&self.object, STORIES).max_entries().into();
        MapFill { map: STORIES.to_owned(), entries: connections.len() as u64, max_entries }
    }
}

impl<S: TellsConnections> Witness<S> {
    /// Returns a feed of events of these kinds, from now on. A later call changes the kinds for all feeds.
    ///
    /// # Errors
    ///
    /// Returns an error if the ring buffer cannot be mapped.
    pub fn feed(&self, kinds: &[EventKind]) -> Result<Feed, ProbeError> {
        let feed = Feed::of(&map(&self.object, "events"), Connection::read)?;
        let bits: u32 = kinds.iter().map(|kind| kind.bit()).fold(0, |bits, bit| bits | bit);
        map(&self.object, "feeds")
            .update(&0u32.to_ne_bytes(), &bits.to_ne_bytes(), MapFlags::ANY)
            .map_err(ProbeError::Map)?;
        Ok(feed)
    }
}

impl Source for Snapshots {
    type Key = TcpKey;
    type Series = TcpSeries;
    type Losses = TcpLosses;

    const UNCOUNTED: &'static [&'static str] = &[SCOPE, STORIES];

    fn key(&self, bytes: &[u8]) -> TcpKey {
        TcpKey::read(bytes)
    }

    /// Gives each open socket without a story a baseline as well. Bytes and ends while the programs are detached are
    /// counted at the next reading. Connections that open and close meanwhile are not counted.
    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        read_through(&self.sweep_all)?;
        attach_each(programs, &REQUIRED)?;
        watch_sockmaps(programs);
        // From here on, no socket is missed.
        seed::seed(programs)
    }

    fn catch_up(&self) -> Result<(), ProbeError> {
        read_through(&self.tell_all).map(drop)
    }
}

impl Snapshots {
    fn of(object: &Object) -> Result<Self, ProbeError> {
        Ok(Self {
            tell_all: iterator(object, "tell_all")?,
            write_all: iterator(object, "write_all")?,
            sweep_all: iterator(object, "sweep_all")?,
            look: Mutex::new(0),
        })
    }
}

/// Opens the object without loading it.
fn open() -> Result<OpenObject, ProbeError> {
    open_exact().map_err(ProbeError::refused("tcp"))
}

fn open_exact() -> Result<OpenObject, libbpf_rs::Error> {
    let mut open = open_fitting(TCP)?;
    fit_sockmaps(&mut open);
    seed::fit_tables(&mut open);
    Ok(open)
}

/// Opens an object without the programs whose tracepoint the running kernel lacks. The kernel would refuse the whole
/// object because of them.
fn open_fitting(bytes: &[u8]) -> Result<OpenObject, libbpf_rs::Error> {
    // The errors hold what the loader says. The verifier's log helps only those who write programs.
    libbpf_rs::set_print(None);
    let kernel = Btf::from_vmlinux()?;
    let mut open = open_object(bytes)?;
    leave_out(&mut open, |tracepoint| has_tracepoint(&kernel, tracepoint));
    let tells_failures = arguments(&kernel, "tcp_retransmit_skb") >= 3;
    if let Some(mut place) = open.maps_mut().find(|map| map.name() == FAILURES) {
        place.set_initial_value(&u32::from(tells_failures).to_ne_bytes())?;
    }
    Ok(open)
}

fn leave_out(open: &mut OpenObject, is_there: impl Fn(&str) -> bool) {
    let absent: Vec<_> = OPTIONAL.into_iter().filter(|(_, tracepoint, _)| !is_there(tracepoint)).collect();
    for mut program in open.progs_mut() {
        if absent.iter().any(|(name, ..)| program.name() == *name) {
            program.set_autoload(false);
        }
    }
}

/// Attaches all `required` programs, and those optional ones that are loaded.
fn attach_each(programs: &mut Programs, required: &[&'static str]) -> Result<(), ProbeError> {
    for name in required {
        programs.attach(name)?;
    }
    for (name, tracepoint, what) in OPTIONAL {
        if programs.has(name) {
            programs.attach_or_gap(name, what);
        } else {
            programs.gap(what, format!("the kernel has no tracepoint `{tracepoint}`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_tracepoint_is_left_out() {
        let left_out = |is_there: fn(&str) -> bool| {
            let mut open = open_object(TCP).unwrap();
            leave_out(&mut open, is_there);
            let left_out = open.progs().filter(|program| !program.autoload());
            left_out.map(|program| program.name().to_owned()).collect::<Vec<_>>()
        };
        let mut more = left_out(|tracepoint| tracepoint != "tcp_send_reset");
        let fewer = left_out(|_| true);
        more.retain(|name| !fewer.contains(name));
        assert_eq!(more, ["on_reset_sent"]);
    }
}
