//! UDP: who sends datagrams to whom.

mod record;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;

use libbpf_rs::btf::Btf;
use libbpf_rs::{Link, MapCore, MapFlags, Object, OpenObject};
use serde::Serialize;
use zerocopy::{FromBytes, IntoBytes};

use crate::connection::address;
use crate::error::{ProbeError, told};
use crate::object::{arguments, attach_to_root, load, own_sockets};
use crate::probe::{Gap, entries, forget, map, program};
use crate::record::comm;
use record::{UdpKeyRecord, UdpLossRecord, UdpSeriesRecord};

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

/// Programs in the kernel that count datagrams; gone when this is dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Udp {
    pub(crate) object: Object,
    /// The program that fits the kernel's tracepoints.
    on_drop: &'static str,
    attached: Vec<Link>,
    gaps: Vec<Gap>,
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
        // What finds no room is counted here, so this one must have room.
        let (key, nothing) = (UdpKeyRecord::default(), UdpSeriesRecord::default());
        map(&object, "udp_series")
            .update(key.as_bytes(), nothing.as_bytes(), MapFlags::ANY)
            .map_err(ProbeError::Map)?;
        Ok(Self { object, on_drop, attached: Vec::new(), gaps: Vec::new() })
    }

    /// Attaches the programs.
    ///
    /// # Errors
    ///
    /// The kernel says no to finding out whose sockets are.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        self.detach();
        own_sockets(&self.object, &mut self.attached, &mut self.gaps)?;
        for name in COUNTERS {
            match attach_to_root(&self.object, name) {
                Ok(link) => self.attached.push(link),
                Err(why) => self.gaps.push(Gap { what: "datagrams of UDP", why }),
            }
        }
        for name in CALLS {
            match attach_to_root(&self.object, name) {
                Ok(link) => self.attached.push(link),
                Err(why) => {
                    self.gaps.push(Gap { what: "whom datagrams went to before their address was translated", why })
                }
            }
        }
        match program(&self.object, self.on_drop).attach() {
            Ok(link) => self.attached.push(link),
            Err(error) => self.gaps.push(Gap { what: "datagrams that sockets drop", why: told(&error) }),
        }
        if self.on_drop == "on_full" {
            let why = "the kernel is older than 6.11, and tells only whose queue is full".to_owned();
            self.gaps.push(Gap { what: "who sent datagrams that sockets drop", why });
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

    /// What was counted so far; it only grows.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn series(&self) -> Result<Vec<(UdpKey, UdpSeries)>, ProbeError> {
        // IPv4 within IPv6 goes by its own name.
        let mut sums: HashMap<UdpKey, UdpSeries> = HashMap::new();
        for (key, value) in entries(&map(&self.object, "udp_series"))? {
            *sums.entry(key_of(&key)).or_default() += series_of(&value);
        }
        Ok(sums.into_iter().collect())
    }

    /// Frees the room of series that nothing adds to any more, and tells what they had come to. Before Linux 5.14
    /// they stay where they are.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn forget(&self, is_gone: impl Fn(&UdpKey) -> bool) -> Result<Vec<(UdpKey, UdpSeries)>, ProbeError> {
        forget(&map(&self.object, "udp_series"), key_of, series_of, |key| !key.is_other() && is_gone(key))
    }

    /// What was missed.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn losses(&self) -> Result<UdpLosses, ProbeError> {
        let bytes = map(&self.object, "lost").lookup(&0u32.to_ne_bytes(), MapFlags::ANY).map_err(ProbeError::Map)?;
        let bytes = bytes.expect("an array has all its entries");
        let record = UdpLossRecord::read_from_bytes(&bytes).expect("programs and loader share one layout");
        Ok(UdpLosses { series: record.series, owners: record.owners })
    }
}

fn key_of(bytes: &[u8]) -> UdpKey {
    UdpKey::of(&UdpKeyRecord::read_from_bytes(bytes).expect("programs and loader share one layout"))
}

fn series_of(bytes: &[u8]) -> UdpSeries {
    UdpSeries::of(&UdpSeriesRecord::read_from_bytes(bytes).expect("programs and loader share one layout"))
}

/// Series that a short look has room for.
const SERIES_MAX: u32 = 65_536;

fn set(open: &mut OpenObject, ports: Ports) {
    if ports == Ports::All {
        let mut series = open.maps_mut().find(|map| map.name() == "udp_series").expect("the object has this map");
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

/// Counters that only grow, since the programs were loaded. Bytes are payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UdpSeries {
    /// Datagrams that left for the network.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Datagrams that came to the socket, with those that it then had to drop.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Of those received, datagrams that found the socket's queue full.
    pub overflowed: u64,
    /// Of those received, datagrams for which UDP had no memory.
    pub starved: u64,
    /// Datagrams that were dropped at the socket for another reason, such as a filter or a policy.
    pub failed: u64,
}

impl UdpSeries {
    fn of(record: &UdpSeriesRecord) -> Self {
        let UdpSeriesRecord { sent, sent_bytes, received, received_bytes, overflowed, starved, failed } = *record;
        Self { sent, sent_bytes, received, received_bytes, overflowed, starved, failed }
    }

    /// What is new since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(earlier.sent),
            sent_bytes: self.sent_bytes.saturating_sub(earlier.sent_bytes),
            received: self.received.saturating_sub(earlier.received),
            received_bytes: self.received_bytes.saturating_sub(earlier.received_bytes),
            overflowed: self.overflowed.saturating_sub(earlier.overflowed),
            starved: self.starved.saturating_sub(earlier.starved),
            failed: self.failed.saturating_sub(earlier.failed),
        }
    }

    /// Datagrams that sockets dropped, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.overflowed + self.starved + self.failed
    }
}

impl AddAssign for UdpSeries {
    fn add_assign(&mut self, more: Self) {
        self.sent += more.sent;
        self.sent_bytes += more.sent_bytes;
        self.received += more.received;
        self.received_bytes += more.received_bytes;
        self.overflowed += more.overflowed;
        self.starved += more.starved;
        self.failed += more.failed;
    }
}

/// What was missed of UDP; each number would be 0 in a better world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UdpLosses {
    /// Times that something was counted as `other` because there was no room for a series more.
    pub series: u64,
    /// Times that something was counted as `other`, or a socket has no owner, because the kernel had no memory.
    pub owners: u64,
}
