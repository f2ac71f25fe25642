use std::collections::HashMap;

use libbpf_rs::btf::Btf;
use libbpf_rs::{Link, MapCore, MapFlags, Object, OpenObject};
use zerocopy::{FromBytes, IntoBytes};

use crate::dropped::{DropKey, DropKeyRecord, DropLossRecord, DropLosses, DropRecord, Dropped};
use crate::error::ProbeError;
use crate::feed::Feed;
use crate::object::{NO_STORAGE, arguments, forgo_feed, load, own_sockets};
use crate::probe::{Gap, entries, forget, map, program};
use crate::reason::Reasons;
use crate::symbols::Symbols;

/// The programs, compiled.
const DROPS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/drops.bpf.o"));

/// Where they are told that nobody notes owners.
const OWNERLESS: &str = ".rodata.ownerless";

/// Which drops are told; all are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Those that somebody may miss.
    Missed,
    /// All of them.
    All,
}

/// Who made the socket that a packet was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owners {
    /// It is noted as the socket is made.
    Noted,
    /// The kernel lets no program note it.
    Unnoted,
    /// Nobody asks.
    Unasked,
}

/// Programs in the kernel that see packets dropped; gone when this is dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Drops {
    pub(crate) object: Object,
    /// The program that fits the kernel's tracepoint.
    on_drop: &'static str,
    owners: Owners,
    reasons: Reasons,
    attached: Vec<Link>,
    gaps: Vec<Gap>,
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
        let on_drop = fitting(&kernel);
        let with_owners = tells.then(|| load(DROPS, &[on_drop], |_| ()).ok()).flatten();
        let owners = match with_owners {
            Some(_) => Owners::Noted,
            None if tells => Owners::Unnoted,
            None => Owners::Unasked,
        };
        let forgo = |open: &mut OpenObject| {
            forgo_owners(open);
            if !tells {
                forgo_feed(open);
            }
        };
        let without_owners = || load(DROPS, &[on_drop], forgo).map_err(ProbeError::refused("drops"));
        let object = with_owners.map_or_else(without_owners, Ok)?;
        // What finds no room is counted here, so this one must have room.
        let (key, nothing) = (DropKeyRecord::default(), 0u64);
        map(&object, "drops").update(key.as_bytes(), nothing.as_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        let reasons = Reasons::of(&kernel);
        Ok(Self { object, on_drop, owners, reasons, attached: Vec::new(), gaps: Vec::new() })
    }

    /// Attaches the programs.
    ///
    /// # Errors
    ///
    /// The kernel has no tracepoint for drops.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        if self.on_drop == "on_drop_without_reason" {
            self.gaps.push(Gap { what: "why packets are dropped", why: "the kernel is older than 5.17".to_owned() });
        }
        if self.on_drop != "on_drop" {
            let why = "the kernel is older than 6.11".to_owned();
            self.gaps.push(Gap { what: "which socket a packet was for that is dropped on its way in", why });
        }
        match self.owners {
            Owners::Noted => own_sockets(&self.object, &mut self.attached, &mut self.gaps)?,
            Owners::Unnoted => {
                self.gaps.push(Gap { what: "who made the sockets of dropped packets", why: NO_STORAGE.to_owned() });
            }
            Owners::Unasked => {}
        }
        let on_drop = program(&self.object, self.on_drop).attach().map_err(ProbeError::refused(self.on_drop))?;
        self.attached.push(on_drop);
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

    /// Packets dropped so far, by what they are counted by; these only grow.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn series(&self) -> Result<Vec<(DropKey, u64)>, ProbeError> {
        // IPv4 and IPv6 go by one name.
        let mut sums: HashMap<DropKey, u64> = HashMap::new();
        for (key, count) in entries(&map(&self.object, "drops"))? {
            *sums.entry(self.key_of(&key)).or_default() += count_of(&count);
        }
        Ok(sums.into_iter().collect())
    }

    /// Frees the room of series that nothing will ever add to again, and tells what they had come to. Before Linux 5.14
    /// they stay where they are.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn forget(&self, is_gone: impl Fn(&DropKey) -> bool) -> Result<Vec<(DropKey, u64)>, ProbeError> {
        let is_gone = |key: &DropKey| !key.is_other() && is_gone(key);
        forget(&map(&self.object, "drops"), |key| self.key_of(key), count_of, is_gone)
    }

    fn key_of(&self, bytes: &[u8]) -> DropKey {
        let record = DropKeyRecord::read_from_bytes(bytes).expect("programs and loader share one layout");
        DropKey::of(&record, &self.reasons)
    }

    /// The feed of drops from now on; a later call changes what all feeds tell.
    ///
    /// # Errors
    ///
    /// The ring cannot be mapped.
    pub fn feed(&self, told: Told) -> Result<Feed<Dropped>, ProbeError> {
        let (reasons, symbols) = (self.reasons.clone(), Symbols::read());
        let feed =
            Feed::of(&map(&self.object, "events"), move |record: &DropRecord| Dropped::of(record, &reasons, &symbols))?;
        let muted = map(&self.object, "muted");
        for reason in self.reasons.benign() {
            match told {
                Told::Missed => muted.update(&reason.to_ne_bytes(), &1u32.to_ne_bytes(), MapFlags::ANY),
                Told::All => muted.delete(&reason.to_ne_bytes()).or(Ok(())),
            }
            .map_err(ProbeError::Map)?;
        }
        let fed = map(&self.object, "fed");
        fed.update(&0u32.to_ne_bytes(), &1u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        Ok(feed)
    }

    /// What was missed.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn losses(&self) -> Result<DropLosses, ProbeError> {
        let bytes = map(&self.object, "lost").lookup(&0u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        let bytes = bytes.expect("an array has all its entries");
        let record = DropLossRecord::read_from_bytes(&bytes).expect("programs and loader share one layout");
        Ok(DropLosses::of(&record))
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

fn count_of(bytes: &[u8]) -> u64 {
    u64::read_from_bytes(bytes).expect("programs and loader share one layout")
}

/// The program that takes as many arguments as the kernel's tracepoint has.
fn fitting(kernel: &Btf) -> &'static str {
    match arguments(kernel, "kfree_skb") {
        0..=2 => "on_drop_without_reason",
        3 => "on_drop_with_reason",
        _ => "on_drop",
    }
}
