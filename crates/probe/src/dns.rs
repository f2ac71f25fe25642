//! The witness of DNS: queries as the sockets that ask see them. Its programs are on the way of every packet, so it stands
//! apart from the witness of connections.

mod query;
mod record;
mod series;

use std::os::fd::AsRawFd;
use std::time::Duration;

use libbpf_rs::{Link, MapCore, MapFlags, Object};
use zerocopy::{FromBytes, IntoBytes};

use crate::error::ProbeError;
use crate::feed::Feed;
use crate::group::root_group;
use crate::object::{forgo_feed, open_object};
use crate::probe::{entries, forget, iterator, map, program, read_through};
use record::{KeyRecord, LossRecord, SeriesRecord, SettingsRecord};

pub use query::{Query, Rcode, Transport, type_name};
pub use series::{Key, LATENCY_BOUNDS, Losses, Series};

/// The programs, compiled.
const DNS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/dns.bpf.o"));

/// Programs on the way of packets, and of calls that name whom they send to.
const ON_THE_WAY: [&str; 4] = ["on_coming", "on_leaving", "on_call4", "on_call6"];

/// What the programs are told before they are loaded.
#[derive(Clone, Copy, Debug)]
pub struct DnsOptions {
    /// How long a query may wait for its answer; then it has timed out.
    pub timeout: Duration,
    /// Whether the kernel copies names for the feed; otherwise none ever leaves a packet.
    pub names: bool,
    /// Whether there is room for a feed.
    pub feed: bool,
}

impl Default for DnsOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), names: true, feed: true }
    }
}

/// Programs in the kernel; gone when this is dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Dns {
    pub(crate) object: Object,
    /// Gives up what has waited for too long.
    expire_all: Link,
    /// What runs for packets; empty while detached.
    attached: Vec<Link>,
}

impl Dns {
    /// Loads the programs and attaches none: until then they cost nothing and see nothing.
    ///
    /// # Errors
    ///
    /// The user lacks CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, or the kernel is older than 5.13 or has no BTF.
    pub fn load(options: DnsOptions) -> Result<Self, ProbeError> {
        libbpf_rs::set_print(None);
        let mut open = open_object(DNS).map_err(ProbeError::refused("dns"))?;
        let settings = SettingsRecord::of(options);
        let mut place = open.maps_mut().find(|map| map.name() == ".rodata.settings").expect("the object has settings");
        place.set_initial_value(settings.as_bytes()).map_err(ProbeError::refused("dns"))?;
        if !options.feed {
            forgo_feed(&mut open);
        }
        let object = open.load().map_err(ProbeError::refused("dns"))?;
        // What finds no room is counted here, so this one must have room.
        let (key, nothing) = (KeyRecord::default(), SeriesRecord::default());
        map(&object, "series").update(key.as_bytes(), nothing.as_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        let expire_all = iterator(&object, "expire_all")?;
        Ok(Self { object, expire_all, attached: Vec::new() })
    }

    /// Attaches the programs at the root of the control groups, beside those of others.
    ///
    /// # Errors
    ///
    /// There are no control groups of version 2, or the kernel refuses.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        let root = root_group()?;
        for name in ON_THE_WAY {
            let link = program(&self.object, name).attach_cgroup(root.as_raw_fd());
            self.attached.push(link.map_err(ProbeError::refused(name))?);
        }
        Ok(())
    }

    /// Detaches the programs. What they have counted stays; answers that come meanwhile are not seen.
    pub fn detach(&mut self) {
        self.attached.clear();
    }

    /// Ends the queries that have waited for too long: they are counted and told once, here or in [`Self::series`].
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn give_up(&self) -> Result<(), ProbeError> {
        read_through(&self.expire_all).map(drop)
    }

    /// Brings the counters up to date and reads them.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn series(&self) -> Result<Vec<(Key, Series)>, ProbeError> {
        self.give_up()?;
        let entries = entries(&map(&self.object, "series"))?.into_iter();
        Ok(entries.map(|(key, value)| (key_of(&key), series_of(&value))).collect())
    }

    /// Frees the room of series that nothing will ever add to again, and tells what they had come to. Before Linux 5.14
    /// they stay where they are.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn forget(&self, is_gone: impl Fn(&Key) -> bool) -> Result<Vec<(Key, Series)>, ProbeError> {
        forget(&map(&self.object, "series"), key_of, series_of, |key| !key.is_other() && is_gone(key))
    }

    /// The feed of queries as they end, from now on. Those that time out come after [`Self::give_up`].
    ///
    /// # Errors
    ///
    /// The ring cannot be mapped.
    pub fn feed(&self) -> Result<Feed<Query>, ProbeError> {
        let feed = Feed::of(&map(&self.object, "events"), Query::of)?;
        map(&self.object, "feeds")
            .update(&0u32.to_ne_bytes(), &1u32.to_ne_bytes(), MapFlags::ANY)
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

fn key_of(bytes: &[u8]) -> Key {
    Key::of(&KeyRecord::read_from_bytes(bytes).expect("programs and loader share one layout"))
}

fn series_of(bytes: &[u8]) -> Series {
    Series::of(&SeriesRecord::read_from_bytes(bytes).expect("programs and loader share one layout"))
}
