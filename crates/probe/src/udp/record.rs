//! What the programs write, byte for byte: `bpf/udp.h`, in Rust.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::record::COMM_LEN;

/// `struct udp_key`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct UdpKeyRecord {
    pub cgroup: u64,
    pub remote: [u8; 16],
    pub comm: [u8; COMM_LEN],
    pub netns: u32,
    pub pid: u32,
    pub local_port: u16,
    pub remote_port: u16,
    pub family: u8,
    pub role: u8,
    pub pad: [u8; 2],
}

/// `struct udp_series`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct UdpSeriesRecord {
    pub sent: u64,
    pub sent_bytes: u64,
    pub received: u64,
    pub received_bytes: u64,
    pub overflowed: u64,
    pub starved: u64,
    pub failed: u64,
}

/// `struct udp_losses`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
pub(crate) struct UdpLossRecord {
    pub series: u64,
    pub owners: u64,
}
