use std::io::Read;
use std::os::fd::AsFd;

use libbpf_rs::{
    BatchedMapIter, Iter, IterOpts, Link, MapCore, MapFlags, MapIterOpts, Object, ObjectBuilder, ProgramMut,
};
use zerocopy::{FromBytes, IntoBytes};

use crate::connection::{Connection, Kind};
use crate::error::ProbeError;
use crate::feed::Feed;
use crate::record::{ConnectionRecord, KeyRecord, LossRecord, SeriesRecord};
use crate::series::{Key, Losses, Series};

/// The programs, compiled.
const TCP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tcp.bpf.o"));

/// Programs that everything rests on.
const REQUIRED: [&str; 1] = ["on_state"];

/// Programs that each tell one thing more.
const OPTIONAL: [(&str, &str); 4] = [
    ("on_retransmit", "segments that are sent again, as they are sent"),
    ("on_synack_again", "answers to opens that are sent again"),
    ("on_reset_received", "resets that come"),
    ("on_reset_sent", "resets that are sent"),
];

/// Programs in the kernel; gone when this is dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Probe {
    object: Object,
    /// Adds up what is new.
    tell_all: Link,
    /// Writes out what is open.
    write_all: Link,
    /// What runs when something happens; empty while detached.
    attached: Vec<Link>,
    gaps: Vec<Gap>,
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
    /// The user lacks CAP_BPF and CAP_PERFMON, or the kernel is older than 5.12 or has no BTF.
    pub fn load() -> Result<Self, ProbeError> {
        // What the loader says is in the errors; the verifier's log helps those who write programs only.
        libbpf_rs::set_print(None);
        let open = ObjectBuilder::default().open_memory(TCP).map_err(ProbeError::refused("tcp"))?;
        let object = open.load().map_err(ProbeError::refused("tcp"))?;
        // What finds no room is counted here, so this one must have room.
        let (key, nothing) = (KeyRecord::default(), SeriesRecord::default());
        map(&object, "series").update(key.as_bytes(), nothing.as_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        let tell_all = over_stories(&object, "tell_all")?;
        let write_all = over_stories(&object, "write_all")?;
        Ok(Self { object, tell_all, write_all, attached: Vec::new(), gaps: Vec::new() })
    }

    /// Attaches the programs, and gives every socket that is open already its baseline. What moves while the programs are
    /// detached is counted at the next look; what opens and closes meanwhile is not.
    ///
    /// # Errors
    ///
    /// The kernel has no tracepoint for what everything rests on.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        for name in REQUIRED {
            self.attached.push(program(&self.object, name).attach().map_err(ProbeError::refused(name))?);
        }
        for (name, what) in OPTIONAL {
            match program(&self.object, name).attach() {
                Ok(link) => self.attached.push(link),
                Err(error) => self.gaps.push(Gap { what, why: error.to_string() }),
            }
        }
        // From now on no socket is missed; those that are open already are given a story unless they have one.
        let seeding = program(&self.object, "seed_all").attach().map_err(ProbeError::refused("seed_all"))?;
        read_through(&seeding)?;
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

    /// Brings the counters up to date and reads them.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn series(&self) -> Result<Vec<(Key, Series)>, ProbeError> {
        read_through(&self.tell_all)?;
        let counters = map(&self.object, "series");
        let entries = entries(&counters)?;
        let entry = |(key, value): (Vec<u8>, Vec<u8>)| {
            let key = KeyRecord::read_from_bytes(&key).expect("programs and loader share one layout");
            let series = SeriesRecord::read_from_bytes(&value).expect("programs and loader share one layout");
            (Key::of(&key), Series::of(&series))
        };
        Ok(entries.map(entry).collect())
    }

    /// Every connection and listener that is open.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn connections(&self) -> Result<Vec<Connection>, ProbeError> {
        let bytes = read_through(&self.write_all)?;
        let records = bytes.chunks_exact(size_of::<ConnectionRecord>());
        let records = records.map(|bytes| ConnectionRecord::read_from_bytes(bytes).expect("chunks have this size"));
        Ok(records.map(|record| Connection::of(&record)).collect())
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

/// All entries of a map, by one call: libbpf-rs takes a batch that the kernel does not fill for the last one, and the kernel
/// does not fill one whose room is less than the next bucket's entries.
pub(crate) fn entries<'a>(map: &'a libbpf_rs::Map<'_>) -> Result<BatchedMapIter<'a>, ProbeError> {
    map.lookup_batch(map.max_entries(), MapFlags::ANY, MapFlags::ANY).map_err(ProbeError::Map)
}

/// An iterator over all sockets that have a story.
fn over_stories(object: &Object, name: &'static str) -> Result<Link, ProbeError> {
    let stories = map(object, "stories");
    let over = IterOpts::Map(MapIterOpts::from_fd(stories.as_fd()));
    program(object, name).attach_iter_with_opts(over).map_err(ProbeError::refused(name))
}

/// Runs an iterator to its end; what it writes.
pub(crate) fn read_through(link: &Link) -> Result<Vec<u8>, ProbeError> {
    let mut written = Vec::new();
    Iter::new(link).map_err(ProbeError::Map)?.read_to_end(&mut written).map_err(ProbeError::Read)?;
    Ok(written)
}
