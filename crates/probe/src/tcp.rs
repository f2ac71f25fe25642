//! TCP: who talks to whom, how much and how well. No program is on the way of a packet.

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

/// The programs, compiled.
const TCP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tcp.bpf.o"));

/// Programs that everything rests on.
const REQUIRED: [&str; 2] = ["on_state", "on_destroy"];

/// Programs that each tell one thing more, by the kernel's tracepoint.
const OPTIONAL: [(&str, &str, &str); 4] = [
    ("on_retransmit", "tcp_retransmit_skb", "segments that are sent again, as they are sent"),
    ("on_synack_again", "tcp_retransmit_synack", "answers to opens that are sent again"),
    ("on_reset_received", "tcp_receive_reset", "resets that come"),
    ("on_reset_sent", "tcp_send_reset", "resets that are sent"),
];

/// Sockets that are followed at a time, unless told otherwise.
pub const SOCKETS_MAX: u32 = 65_536;

/// Where the programs are told that the kernel also tells of segments that it could not send again.
const FAILURES: &str = ".rodata.failures";

/// What is remembered of each.
const STORIES: &str = "stories";

/// Programs in the kernel that follow connections.
pub type Tcp = Witness<Snapshots>;

/// Whether a witness tells what happens to connections.
pub trait TellsConnections: Source<Losses = TcpLosses> {}

impl TellsConnections for Snapshots {}

/// What looks at every socket that is followed.
#[derive(Debug)]
pub struct Snapshots {
    /// Adds up what is new.
    tell_all: Link,
    /// Writes out what is open.
    write_all: Link,
    /// Forgets sockets that are no more.
    sweep_all: Link,
    /// The number of the last look that wrote out what is open; held while one does.
    look: Mutex<u8>,
}

impl Tcp {
    /// Loads the programs and attaches none: until then they cost nothing and see nothing.
    ///
    /// # Errors
    ///
    /// The user lacks CAP_BPF and CAP_PERFMON, or the kernel is older than 5.13 or has no BTF.
    pub fn load() -> Result<Self, ProbeError> {
        Self::with_snapshots(open()?.load().map_err(ProbeError::refused("tcp"))?)
    }

    /// Like [`Tcp::load`], to count only, as there is no room for a feed; of `sockets_max` sockets at a time, each of which
    /// takes some 500 bytes of the kernel's memory, before Linux 6.1 from the start. What finds no room is counted in
    /// [`TcpLosses::sockets`].
    ///
    /// # Errors
    ///
    /// Those of [`Tcp::load`], or the kernel lacks memory.
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

    /// Every connection and listener that is open.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
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

    /// How much of the room for sockets `connections`, a snapshot, take.
    pub fn room(&self, connections: &[Connection]) -> MapFill {
        let max_entries = map(&self.object, STORIES).max_entries().into();
        MapFill { map: STORIES.to_owned(), entries: connections.len() as u64, max_entries }
    }
}

impl<S: TellsConnections> Witness<S> {
    /// The feed of what happens, of these kinds from now on; a later call changes the kinds for all feeds.
    ///
    /// # Errors
    ///
    /// The ring cannot be mapped.
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

    /// Gives every socket that is open already its baseline, too. What moves while the programs are detached is counted at the
    /// next look, and so are ends; what opens and closes meanwhile is not.
    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        read_through(&self.sweep_all)?;
        attach_each(programs, &REQUIRED)?;
        watch_sockmaps(programs);
        // From now on no socket is missed.
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

/// The programs, not loaded yet.
fn open() -> Result<OpenObject, ProbeError> {
    open_exact().map_err(ProbeError::refused("tcp"))
}

fn open_exact() -> Result<OpenObject, libbpf_rs::Error> {
    let mut open = open_fitting(TCP)?;
    fit_sockmaps(&mut open);
    seed::fit_tables(&mut open);
    Ok(open)
}

/// Programs, not loaded yet, without those for which the running kernel has no tracepoint: it would take none of them.
fn open_fitting(bytes: &[u8]) -> Result<OpenObject, libbpf_rs::Error> {
    // What the loader says is in the errors; the verifier's log helps those who write programs only.
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

/// Attaches those that everything rests on, and of the others as many as there are here.
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
