//! The witness of DNS queries, seen at the sockets that ask. Its programs run for every packet, so it is separate from
//! the witness of connections.

use std::os::fd::AsRawFd;
use std::time::Duration;

use libbpf_rs::{Link, MapCore, MapFlags};
use records::{DnsKey, DnsLosses, DnsSeries, Query};
use zerocopy::{Immutable, IntoBytes};

use crate::error::ProbeError;
use crate::feed::Feed;
use crate::group::root_group;
use crate::object::{forgo_feed, iterator, map, open_object, program, read_through};
use crate::witness::{Programs, Source, Witness};

/// The compiled programs.
const DNS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/dns.bpf.o"));

/// Programs that run for packets, and for calls that name a destination.
const ON_THE_WAY: [&str; 4] = ["on_coming", "on_leaving", "on_call4", "on_call6"];

/// Options of the programs, which are set before loading.
#[derive(Clone, Copy, Debug)]
pub struct DnsOptions {
    /// How long a query may wait for its answer before it times out.
    pub timeout: Duration,
    /// Whether the kernel copies names for the feed. Otherwise no name leaves a packet.
    pub names: bool,
    /// Whether the feed has room.
    pub feed: bool,
}

impl Default for DnsOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), names: true, feed: true }
    }
}

/// The witness of DNS queries.
pub type Dns = Witness<Queries>;

/// The source of the DNS witness.
#[derive(Debug)]
pub struct Queries {
    /// Ends queries that have waited too long.
    expire_all: Link,
}

impl Dns {
    /// Loads the programs without attaching them. Until then they cost nothing and see nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the user lacks CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, or if the kernel is older than 5.13
    /// or has no BTF.
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
        let expire_all = iterator(&object, "expire_all")?;
        Self::of(object, Queries { expire_all })
    }

    /// Returns a feed of queries as they end, from now on. Timeouts appear after [`Self::tidy`].
    ///
    /// # Errors
    ///
    /// Returns an error if the ring buffer cannot be mapped.
    pub fn feed(&self) -> Result<Feed<Query>, ProbeError> {
        let feed = Feed::of(&map(&self.object, "events"), Query::read)?;
        map(&self.object, "feeds")
            .update(&0u32.to_ne_bytes(), &1u32.to_ne_bytes(), MapFlags::ANY)
            .map_err(ProbeError::Map)?;
        Ok(feed)
    }
}

impl Source for Queries {
    type Key = DnsKey;
    type Series = DnsSeries;
    type Losses = DnsLosses;

    fn key(&self, bytes: &[u8]) -> DnsKey {
        DnsKey::read(bytes)
    }

    /// Attaches the programs at the root control group, beside other tools' programs.
    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        let root = root_group()?;
        for name in ON_THE_WAY {
            let link = program(programs.object, name).attach_cgroup(root.as_raw_fd());
            programs.keep(link.map_err(ProbeError::refused(name))?);
        }
        Ok(())
    }

    fn catch_up(&self) -> Result<(), ProbeError> {
        self.tidy()
    }

    fn tidy(&self) -> Result<(), ProbeError> {
        read_through(&self.expire_all).map(drop)
    }
}

/// `settings` of `bpf/pending.h`.
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
struct SettingsRecord {
    timeout_ns: u64,
    withholds_names: u32,
    pad: u32,
}

impl SettingsRecord {
    fn of(options: DnsOptions) -> Self {
        let timeout_ns = u64::try_from(options.timeout.as_nanos()).unwrap_or(u64::MAX);
        Self { timeout_ns, withholds_names: u32::from(!options.names), pad: 0 }
    }
}
