//! The witness of packets that the kernel drops.

use libbpf_rs::btf::Btf;
use libbpf_rs::{MapCore, MapFlags, OpenObject};
use records::{DropKey, DropLosses, DropReason, Dropped, KernelNames};

use crate::error::ProbeError;
use crate::feed::Feed;
use crate::object::{NO_STORAGE, arguments, forgo_feed, load, map};
use crate::reason::Reasons;
use crate::symbols::Symbols;
use crate::witness::{Programs, Source, Witness};

/// The compiled programs.
const DROPS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/drops.bpf.o"));

/// Section with the constant that says that owners are not recorded.
const OWNERLESS: &str = ".rodata.ownerless";

/// Which drops the feed reports. All drops are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Drops that lose something.
    Missed,
    /// All drops, including harmless ones.
    All,
}

/// Whether the owners of packets' sockets are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SocketOwners {
    /// Owners are recorded when sockets are made.
    Noted,
    /// The kernel refuses the programs that record owners.
    Unnoted,
    /// Owners are not needed, because drops are only counted.
    Unasked,
}

/// The program with as many arguments as the kernel's tracepoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    /// For kernels before 5.17.
    WithoutReason,
    /// For kernels before 6.11.
    WithReason,
    /// For newer kernels, which also name the receiving socket.
    WithReceiver,
}

impl OnDrop {
    fn fitting(kernel: &Btf) -> Self {
        match arguments(kernel, "kfree_skb") {
            0..=2 => Self::WithoutReason,
            3 => Self::WithReason,
            _ => Self::WithReceiver,
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::WithoutReason => "on_drop_without_reason",
            Self::WithReason => "on_drop_with_reason",
            Self::WithReceiver => "on_drop",
        }
    }
}

/// The witness of dropped packets.
pub type Drops = Witness<Packets>;

/// The source of the drop witness.
#[derive(Debug)]
pub struct Packets {
    on_drop: OnDrop,
    owners: SocketOwners,
    names: DropNames,
}

/// The running kernel's names of reasons and functions.
#[derive(Debug)]
struct DropNames {
    reasons: Reasons,
    /// Names of functions; empty if drops are only counted.
    symbols: Symbols,
}

impl KernelNames for DropNames {
    fn reason(&self, number: u32) -> DropReason {
        let name = self.reasons.name(number);
        DropReason { benign: self.reasons.is_benign(&name), name }
    }

    fn function(&self, address: u64) -> Option<String> {
        self.symbols.name(address).map(ToOwned::to_owned)
    }
}

impl Drops {
    /// Loads the programs for counting drops, without attaching them.
    ///
    /// # Errors
    ///
    /// Returns an error if the user lacks CAP_BPF and CAP_PERFMON, or if the kernel is older than 5.8 or has no BTF.
    pub fn load() -> Result<Self, ProbeError> {
        Self::load_either(false)
    }

    /// Loads the programs for counting drops and for reporting each one, with the owner of its socket. Recording owners
    /// makes the creation of each socket slower.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`Drops::load`].
    pub fn load_telling() -> Result<Self, ProbeError> {
        Self::load_either(true)
    }

    fn load_either(tells: bool) -> Result<Self, ProbeError> {
        libbpf_rs::set_print(None);
        let kernel = Btf::from_vmlinux().map_err(ProbeError::refused("drops"))?;
        let on_drop = OnDrop::fitting(&kernel);
        let with_owners = tells.then(|| load(DROPS, &[on_drop.program()], |_| ()).ok()).flatten();
        let owners = match with_owners {
            Some(_) => SocketOwners::Noted,
            None if tells => SocketOwners::Unnoted,
            None => SocketOwners::Unasked,
        };
        let forgo = |open: &mut OpenObject| {
            forgo_owners(open);
            if !tells {
                forgo_feed(open);
            }
        };
        let without_owners = || load(DROPS, &[on_drop.program()], forgo).map_err(ProbeError::refused("drops"));
        let object = with_owners.map_or_else(without_owners, Ok)?;
        let source = Packets {
            on_drop,
            owners,
            names: DropNames { reasons: Reasons::of(&kernel), symbols: Symbols::default() },
        };
        Self::of(object, source)
    }

    /// Returns a feed of drops, from now on. A later call changes what all feeds report.
    ///
    /// # Errors
    ///
    /// Returns an error if the ring buffer cannot be mapped.
    pub fn feed(&self, reported: Reported) -> Result<Feed<Dropped>, ProbeError> {
        let names = DropNames { reasons: self.source.names.reasons.clone(), symbols: Symbols::read() };
        let feed = Feed::of(&map(&self.object, "events"), move |bytes| Dropped::read(bytes, &names))?;
        let muted = map(&self.object, "muted");
        for reason in self.source.names.reasons.benign() {
            match reported {
                Reported::Missed => muted.update(&reason.to_ne_bytes(), &1u32.to_ne_bytes(), MapFlags::ANY),
                Reported::All => muted.delete(&reason.to_ne_bytes()).or(Ok(())),
            }
            .map_err(ProbeError::Map)?;
        }
        let feeds = map(&self.object, "feeds");
        feeds.update(&0u32.to_ne_bytes(), &1u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        Ok(feed)
    }
}

impl Source for Packets {
    type Key = DropKey;
    type Series = u64;
    type Losses = DropLosses;

    fn key(&self, bytes: &[u8]) -> DropKey {
        DropKey::read(bytes, &self.names)
    }

    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        if self.on_drop == OnDrop::WithoutReason {
            programs.gap("why packets are dropped", "the kernel is older than 5.17");
        }
        if self.on_drop != OnDrop::WithReceiver {
            let what = "the receiving sockets of dropped packets";
            programs.gap(what, "the kernel is older than 6.11");
        }
        match self.owners {
            SocketOwners::Noted => programs.own_sockets()?,
            SocketOwners::Unnoted => programs.gap("owners of the sockets of dropped packets", NO_STORAGE),
            SocketOwners::Unasked => {}
        }
        programs.attach(self.on_drop.program())
    }
}

/// Turns off the recording of owners, for counting and for kernels that cannot store them.
fn forgo_owners(open: &mut OpenObject) {
    let mut ownerless =
        open.maps_mut().find(|map| map.name() == OWNERLESS).expect("the object says whether it notes them");
    ownerless.set_initial_value(&1u32.to_ne_bytes()).expect("it is a number");
    let mut seeding =
        open.progs_mut().find(|program| program.name() == "seed_all").expect("the object has this program");
    seeding.set_autoload(false);
}
