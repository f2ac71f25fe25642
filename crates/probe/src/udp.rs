//! UDP: who sends datagrams to whom.

use libbpf_rs::OpenObject;
use libbpf_rs::btf::Btf;
use records::{UdpKey, UdpLosses, UdpSeries};

use crate::error::ProbeError;
use crate::object::{arguments, load};
use crate::witness::{Programs, Source, Witness};

/// The programs, compiled.
const UDP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/udp.bpf.o"));

/// What is set before they are loaded.
const OPTIONS: &str = ".rodata.options";

/// Programs that see datagrams go by.
const COUNTERS: [&str; 2] = ["on_send", "on_receive"];

/// Programs that see whom calls name.
const CALLS: [&str; 2] = ["on_call4", "on_call6"];

/// Which ports tell series apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those of both ends, and processes: for a short look.
    All,
    /// Those that a program has chosen, as services do: series stay few, however many sockets clients make.
    Services,
}

/// Programs in the kernel that count datagrams.
pub type Udp = Witness<Datagrams>;

/// What the witness of UDP has of its own.
#[derive(Debug)]
pub struct Datagrams {
    on_drop: OnDrop,
}

/// The program that fits the kernel's tracepoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    /// It sees whatever a socket drops.
    AnyReason,
    /// Before Linux 6.11 it sees only queues that are full.
    FullQueue,
}

impl OnDrop {
    fn fitting(kernel: &Btf) -> Self {
        // The receiver is the fourth argument.
        if arguments(kernel, "kfree_skb") >= 4 { Self::AnyReason } else { Self::FullQueue }
    }

    fn program(self) -> &'static str {
        match self {
            Self::AnyReason => "on_drop",
            Self::FullQueue => "on_full",
        }
    }
}

impl Udp {
    /// Loads the programs and attaches none.
    ///
    /// # Errors
    ///
    /// The user lacks CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or the kernel is older than 5.12 or has no BTF.
    pub fn load(ports: Ports) -> Result<Self, ProbeError> {
        libbpf_rs::set_print(None);
        let kernel = Btf::from_vmlinux().map_err(ProbeError::refused("udp"))?;
        let on_drop = OnDrop::fitting(&kernel);
        let object = load(UDP, &[on_drop.program()], |open| set(open, ports)).map_err(ProbeError::refused("udp"))?;
        Self::of(object, Datagrams { on_drop })
    }
}

impl Source for Datagrams {
    type Key = UdpKey;
    type Series = UdpSeries;
    type Losses = UdpLosses;

    fn key(&self, bytes: &[u8]) -> UdpKey {
        UdpKey::read(bytes)
    }

    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        programs.own_sockets()?;
        for name in COUNTERS {
            programs.attach_to_root_or_gap(name, "datagrams of UDP");
        }
        for name in CALLS {
            programs.attach_to_root_or_gap(name, "whom datagrams went to before their address was translated");
        }
        programs.attach_or_gap(self.on_drop.program(), "datagrams that sockets drop");
        if self.on_drop == OnDrop::FullQueue {
            let why = "the kernel is older than 6.11, and tells only whose queue is full";
            programs.gap("who sent datagrams that sockets drop", why);
        }
        Ok(())
    }
}

/// Series that a short look has room for.
const SERIES_MAX: u32 = 65_536;

fn set(open: &mut OpenObject, ports: Ports) {
    if ports == Ports::All {
        let mut series = open.maps_mut().find(|map| map.name() == "series").expect("the object has this map");
        series.set_max_entries(SERIES_MAX).expect("nothing is loaded yet");
    }
    let mut options = open.maps_mut().find(|map| map.name() == OPTIONS).expect("the object has options");
    let options = options.initial_value_mut().expect("options have values");
    options[0] = u8::from(ports == Ports::Services);
}
