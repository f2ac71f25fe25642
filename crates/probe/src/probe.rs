mod events;
mod scope;
mod seed;
mod sockmap;
mod table;

pub use events::Events;
pub(crate) use scope::SCOPE;
use sockmap::fit_sockmaps;

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use libbpf_rs::btf::Btf;
use libbpf_rs::{Iter, Link, MapCore, MapFlags, Object, OpenObject, ProgramMut};
use zerocopy::{FromBytes, IntoBytes};

use crate::connection::{Connection, Kind, Role};
use crate::error::{ProbeError, told};
use crate::feed::Feed;
use crate::object::{arguments, forgo_feed, has_tracepoint, open_object};
use crate::record::{KeyRecord, LossRecord, SeriesRecord};
use crate::series::{Key, Losses, Series};

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
pub(crate) const STORIES: &str = "stories";

/// Programs in the kernel; gone when this is dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Probe<S = Snapshots> {
    pub(crate) object: Object,
    /// What runs when something happens; empty while detached.
    attached: Vec<Link>,
    pub(crate) gaps: Vec<Gap>,
    /// Has the kernel time the programs, while it is open.
    pub(crate) statistics: Option<OwnedFd>,
    snapshots: S,
}

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

/// Something that this kernel does not let be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What is not seen.
    pub what: &'static str,
    /// Why.
    pub why: String,
}

impl Probe {
    /// Loads the programs and attaches none: until then they cost nothing and see nothing.
    ///
    /// # Errors
    ///
    /// The user lacks CAP_BPF and CAP_PERFMON, or the kernel is older than 5.13 or has no BTF.
    pub fn load() -> Result<Self, ProbeError> {
        Self::of(open()?.load().map_err(ProbeError::refused("tcp"))?)
    }

    /// Like [`Probe::load`], to count only, as there is no room for a feed; of `sockets_max` sockets at a time, each of which
    /// takes some 500 bytes of the kernel's memory, before Linux 6.1 from the start. What finds no room is counted in
    /// [`Losses::sockets`].
    ///
    /// # Errors
    ///
    /// Those of [`Probe::load`], or the kernel lacks memory.
    pub fn load_to_count(sockets_max: u32) -> Result<Self, ProbeError> {
        let load = || {
            let mut open = open_exact()?;
            forgo_feed(&mut open);
            open.maps_mut().find(|map| map.name() == STORIES).expect("it has this map").set_max_entries(sockets_max)?;
            open.load()
        };
        Self::of(load().map_err(ProbeError::refused("tcp"))?)
    }

    fn of(object: Object) -> Result<Self, ProbeError> {
        // What finds no room is counted here, so these must have room.
        for role in [Role::Unknown, Role::Client, Role::Server] {
            let (key, nothing) = (KeyRecord { role: role as u8, ..KeyRecord::default() }, SeriesRecord::default());
            map(&object, "series")
                .update(key.as_bytes(), nothing.as_bytes(), MapFlags::ANY)
                .map_err(ProbeError::Map)?;
        }
        let snapshots = Snapshots::of(&object)?;
        Ok(Self { object, attached: Vec::new(), gaps: Vec::new(), statistics: None, snapshots })
    }

    /// Attaches the programs, and gives every socket that is open already its baseline. What moves while the programs are
    /// detached is counted at the next look, and so are ends; what opens and closes meanwhile is not.
    ///
    /// # Errors
    ///
    /// The kernel has no tracepoint for what everything rests on.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        read_through(&self.snapshots.sweep_all)?;
        self.attach_programs(&REQUIRED)?;
        self.watch_sockmaps();
        // From now on no socket is missed.
        seed::seed(&self.object, &mut self.gaps)
    }

    /// Brings the counters up to date and reads them.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn series(&self) -> Result<Vec<(Key, Series)>, ProbeError> {
        read_through(&self.snapshots.tell_all)?;
        let entries = entries(&map(&self.object, "series"))?.into_iter();
        Ok(entries.map(|(key, value)| (key_of(&key), series_of(&value))).collect())
    }

    /// Frees the room of series that nothing adds to any more, and tells what they had come to. Before Linux 5.14
    /// they stay where they are.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn forget(&self, is_gone: impl Fn(&Key) -> bool) -> Result<Vec<(Key, Series)>, ProbeError> {
        forget(&map(&self.object, "series"), key_of, series_of, |key| !key.is_other() && is_gone(key))
    }

    /// Every connection and listener that is open.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn connections(&self) -> Result<Vec<Connection>, ProbeError> {
        let mut look = self.snapshots.look.lock().unwrap_or_else(PoisonError::into_inner);
        *look = *look % u8::MAX + 1;
        map(&self.object, "looks").update(&0u32.to_ne_bytes(), &[*look], MapFlags::ANY).map_err(ProbeError::Map)?;
        let written = Feed::of(&map(&self.object, "written"), Connection::of)?;
        let mut connections = Vec::new();
        loop {
            let is_cut_short = !read_through(&self.snapshots.write_all)?.is_empty();
            connections.append(&mut written.take());
            if !is_cut_short {
                return Ok(connections);
            }
        }
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

impl<S> Probe<S> {
    /// Attaches those that everything rests on, and of the others as many as there are here.
    fn attach_programs(&mut self, required: &[&'static str]) -> Result<(), ProbeError> {
        self.detach();
        for name in required {
            let link = program(&self.object, name).attach().map_err(ProbeError::refused(name))?;
            self.attached.push(link);
        }
        for (name, tracepoint, what) in OPTIONAL {
            let program = program(&self.object, name);
            // One that was left out has no descriptor.
            if program.as_fd().as_raw_fd() < 0 {
                self.gaps.push(Gap { what, why: format!("the kernel has no tracepoint `{tracepoint}`") });
                continue;
            }
            match program.attach() {
                Ok(link) => self.attached.push(link),
                Err(error) => self.gaps.push(Gap { what, why: told(&error) }),
            }
        }
        Ok(())
    }

    /// Detaches the programs. What they have counted stays.
    pub fn detach(&mut self) {
        self.attached.clear();
        self.gaps.clear();
    }

    /// What this kernel does not let be seen.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The feed of what happens, of these kinds from now on; a later call changes the kinds for all feeds.
    ///
    /// # Errors
    ///
    /// The ring cannot be mapped.
    pub fn feed(&self, kinds: &[Kind]) -> Result<Feed, ProbeError> {
        let feed = Feed::of(&map(&self.object, "events"), Connection::of)?;
        let bits: u32 = kinds.iter().map(|kind| kind.bit()).fold(0, |bits, bit| bits | bit);
        map(&self.object, "feeds")
            .update(&0u32.to_ne_bytes(), &bits.to_ne_bytes(), MapFlags::ANY)
            .map_err(ProbeError::Map)?;
        Ok(feed)
    }

    /// What was missed.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn losses(&self) -> Result<Losses, ProbeError> {
        let bytes = map(&self.object, "lost").lookup(&0u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        let bytes = bytes.expect("an array has all its entries");
        let record = LossRecord::read_from_bytes(&bytes).expect("programs and loader share one layout");
        Ok(Losses::of(&record))
    }
}

pub(crate) fn map<'a>(object: &'a Object, name: &str) -> libbpf_rs::Map<'a> {
    object.maps().find(|map| map.name() == name).expect("the object has this map")
}

pub(crate) fn program<'a>(object: &'a Object, name: &str) -> ProgramMut<'a> {
    object.progs_mut().find(|program| program.name() == name).expect("the object has this program")
}

/// A key and its value, as bytes.
type Entry = (Vec<u8>, Vec<u8>);

/// More entries than a map is said to hold, which it may for a moment.
const ROOM: u32 = 64;

/// All entries of a map, read at once: the kernel hands whole buckets out, so a batch may come short before the end, which
/// libbpf-rs takes for the last one.
pub(crate) fn entries(map: &libbpf_rs::Map) -> Result<Vec<Entry>, ProbeError> {
    let all = map.max_entries() + ROOM;
    Ok(map.lookup_batch(all, MapFlags::ANY, MapFlags::ANY).map_err(ProbeError::Map)?.collect())
}

/// Frees the room of entries that nothing adds to any more, and tells what they had come to. Before Linux 5.14 they
/// stay where they are.
pub(crate) fn forget<K, V>(
    map: &libbpf_rs::Map,
    key_of: impl Fn(&[u8]) -> K,
    value_of: impl Fn(&[u8]) -> V,
    is_gone: impl Fn(&K) -> bool,
) -> Result<Vec<(K, V)>, ProbeError> {
    let mut forgotten = Vec::new();
    for (bytes, _) in entries(map)? {
        let key = key_of(&bytes);
        if !is_gone(&key) {
            continue;
        }
        // A kernel that cannot do it can for none of them.
        let Ok(last) = map.lookup_and_delete(&bytes) else { break };
        forgotten.extend(last.map(|last| (key, value_of(&last))));
    }
    Ok(forgotten)
}

fn key_of(bytes: &[u8]) -> Key {
    Key::of(&KeyRecord::read_from_bytes(bytes).expect("programs and loader share one layout"))
}

fn series_of(bytes: &[u8]) -> Series {
    Series::of(&SeriesRecord::read_from_bytes(bytes).expect("programs and loader share one layout"))
}

/// A program that runs when it is read through.
pub(crate) fn iterator(object: &Object, name: &'static str) -> Result<Link, ProbeError> {
    program(object, name).attach().map_err(ProbeError::refused(name))
}

/// Runs an iterator to its end; what it writes.
pub(crate) fn read_through(link: &Link) -> Result<Vec<u8>, ProbeError> {
    let mut written = Vec::new();
    Iter::new(link).map_err(ProbeError::Map)?.read_to_end(&mut written).map_err(ProbeError::Read)?;
    Ok(written)
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
