//! Packets that the kernel drops, and why.

use libbpf_rs::btf::Btf;
use libbpf_rs::{MapCore, MapFlags, OpenObject};
use records::{DropKey, DropLosses, DropReason, Dropped, KernelNames};

use crate::error::ProbeError;
use crate::feed::Feed;
use crate::object::{NO_STORAGE, arguments, forgo_feed, load, map};
use crate::reason::Reasons;
use crate::symbols::Symbols;
use crate::witness::{Programs, Source, Witness};

/// The programs, compiled.
const DROPS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/drops.bpf.o"));

/// Where they are told that nobody notes owners.
const OWNERLESS: &str = ".rodata.ownerless";

/// Which drops are told; all are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Those that somebody may miss.
    Missed,
    /// All of them.
    All,
}

/// Who made the socket that a packet was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SocketOwners {
    /// It is noted as the socket is made.
    Noted,
    /// The kernel lets no program note it.
    Unnoted,
    /// Nobody asks.
    Unasked,
}

/// The program that takes as many arguments as the kernel's tracepoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    /// Before Linux 5.17.
    WithoutReason,
    /// Before Linux 6.11.
    WithReason,
    /// It is told the receiver, too.
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

/// Programs in the kernel that see packets dropped.
pub type Drops = Witness<Packets>;

/// What the witness of drops has of its own.
#[derive(Debug)]
pub struct Packets {
    on_drop: OnDrop,
    owners: SocketOwners,
    names: DropNames,
}

/// What the running kernel calls reasons and functions.
#[derive(Debug)]
struct DropNames {
    reasons: Reasons,
    /// None where single drops are not told.
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
    /// Loads the programs to count drops, and attaches none.
    ///
    /// # Errors
    ///
    /// The user lacks CAP_BPF and CAP_PERFMON, or the kernel is older than 5.8 or has no BTF.
    pub fn load() -> Result<Self, ProbeError> {
        Self::load_either(false)
    }

    /// Loads the programs to tell drops one by one, too, with who made their sockets; to note that takes some of the time
    /// in which a socket is made.
    ///
    /// # Errors
    ///
    /// Those of [`Drops::load`].
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

    /// The feed of drops from now on; a later call changes what all feeds tell.
    ///
    /// # Errors
    ///
    /// The ring cannot be mapped.
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
            let what = "which socket a packet was for that is dropped on its way in";
            programs.gap(what, "the kernel is older than 6.11");
        }
        match self.owners {
            SocketOwners::Noted => programs.own_sockets()?,
            SocketOwners::Unnoted => programs.gap("who made the sockets of dropped packets", NO_STORAGE),
            SocketOwners::Unasked => {}
        }
        programs.attach(self.on_drop.program())
    }
}

/// For counting, and for kernels that let programs keep nothing in a socket.
fn forgo_owners(open: &mut OpenObject) {
    let mut ownerless =
        open.maps_mut().find(|map| map.name() == OWNERLESS).expect("the object says whether it notes them");
    ownerless.set_initial_value(&1u32.to_ne_bytes()).expect("it is a number");
    let mut seeding =
        open.progs_mut().find(|program| program.name() == "seed_all").expect("the object has this program");
    seeding.set_autoload(false);
}
