//! UDP: who sends datagrams to whom.

pub(crate) mod counters;
mod record;

use std::net::{IpAddr, SocketAddr};

use libbpf_rs::OpenObject;
use libbpf_rs::btf::Btf;
use serde::Serialize;

use self::counters::{UdpLosses, UdpSeries};
use self::record::UdpKeyRecord;
use crate::connection::address;
use crate::error::ProbeError;
use crate::object::{arguments, load};
use crate::record::comm;
use crate::witness::{Programs, Source, Witness, read};

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
    /// The program that fits the kernel's tracepoints.
    on_drop: &'static str,
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
        // The receiver is the fourth argument.
        let on_drop = if arguments(&kernel, "kfree_skb") >= 4 { "on_drop" } else { "on_full" };
        let object = load(UDP, &[on_drop], |open| set(open, ports)).map_err(ProbeError::refused("udp"))?;
        Self::of(object, Datagrams { on_drop }, &[UdpKeyRecord::default()])
    }
}

impl Source for Datagrams {
    type Key = UdpKey;
    type Series = UdpSeries;
    type Losses = UdpLosses;

    fn key(&self, bytes: &[u8]) -> UdpKey {
        UdpKey::of(&read(bytes))
    }

    fn is_other(key: &UdpKey) -> bool {
        key.is_other()
    }

    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        programs.own_sockets()?;
        for name in COUNTERS {
            programs.attach_to_root_or_gap(name, "datagrams of UDP");
        }
        for name in CALLS {
            programs.attach_to_root_or_gap(name, "whom datagrams went to before their address was translated");
        }
        programs.attach_or_gap(self.on_drop, "datagrams that sockets drop");
        if self.on_drop == "on_full" {
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

/// Which end a UDP socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UdpRole {
    /// Not known.
    Unknown,
    /// It sent first; of a socket whose beginning was not seen, it left its port to the kernel.
    Client,
    /// It was asked first; of a socket whose beginning was not seen, its program has chosen the port.
    Server,
}

/// What datagrams are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct UdpKey {
    /// Which end.
    pub role: UdpRole,
    /// Id of the control group (v2) in which the socket was made; 0 if the kernel does not say.
    pub cgroup: u64,
    /// Network namespace: its inode.
    pub netns: u32,
    /// Process that made the socket; 0 with [`Ports::Services`], and if it is not known.
    pub pid: u32,
    /// Its name; empty if it is not known, as that of the kernel's own sockets.
    pub comm: String,
    /// Port of this end; with [`Ports::Services`] 0 for a client.
    pub local_port: u16,
    /// The other end; with [`Ports::Services`] its port is 0 for a server.
    pub remote: SocketAddr,
}

impl UdpKey {
    fn of(record: &UdpKeyRecord) -> Self {
        let remote: IpAddr = address(record.family.into(), &record.remote);
        Self {
            role: match record.role {
                1 => UdpRole::Client,
                2 => UdpRole::Server,
                _ => UdpRole::Unknown,
            },
            cgroup: record.cgroup,
            netns: record.netns,
            pid: record.pid,
            comm: comm(&record.comm),
            local_port: record.local_port,
            remote: SocketAddr::new(remote, record.remote_port),
        }
    }

    /// Whether it stands for all that there was no room for.
    pub fn is_other(&self) -> bool {
        self.netns == 0
    }
}

impl UdpSeries {
    /// Datagrams that sockets dropped, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.overflowed + self.starved + self.failed
    }
}
