//! The witness of UDP datagrams.

use libbpf_rs::OpenObject;
use libbpf_rs::btf::Btf;
use records::{UdpKey, UdpLosses, UdpSeries};

use crate::error::ProbeError;
use crate::object::{arguments, load};
use crate::witness::{Programs, Source, Witness};

/// The compiled programs.
const UDP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/udp.bpf.o"));

/// Section with the options, which are set before loading.
const OPTIONS: &str = ".rodata.options";

/// Programs that count datagrams.
const COUNTERS: [&str; 2] = ["on_send", "on_receive"];

/// Programs that see the destinations that calls name.
const CALLS: [&str; 2] = ["on_call4", "on_call6"];

/// Which ports are part of the keys of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// The ports of both ends, and processes. This makes many series, and is for a short look.
    All,
    /// Only ports that a program has chosen, as services do. So there are few series, however many sockets clients
    /// make.
    Services,
}

/// The witness of UDP datagrams.
pub type Udp = Witness<Datagrams>;

/// The source of the UDP witness.
#[derive(Debug)]
pub struct Datagrams {
    on_drop: OnDrop,
}

/// The program for drops that fits the kernel's tracepoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    /// Sees every drop at a socket.
    AnyReason,
    /// Sees only drops because a queue is full. Used before Linux 6.11.
    FullQueue,
}

impl OnDrop {
    fn fitting(kernel: &Btf) -> Self {
        // From Linux 6.11 on, the tracepoint's fourth argument is the receiver.
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
    /// Loads the programs without attaching them.
    ///
    /// # Errors
    ///
    /// Returns an error if the user lacks CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or if the kernel is older than 5.12
    /// or has no BTF.
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
            programs.attach_to_root_or_gap(name, "UDP datagrams");
        }
        for name in CALLS {
            programs.attach_to_root_or_gap(name, "destinations of UDP datagrams before address translation");
        }
        programs.attach_or_gap(self.on_drop.program(), "UDP datagrams that sockets drop");
        if self.on_drop == OnDrop::FullQueue {
            let why = "the kernel is older than 6.11, and reports only the receiver of a full queue";
            programs.gap("senders of UDP datagrams that sockets drop", why);
        }
        Ok(())
    }
}

/// Maximum number of series for a short look.
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
