//! What the programs write, byte for byte: `bpf/event.h`, in Rust.

use zerocopy::{FromBytes, Immutable, IntoBytes};

pub(crate) const COMM_LEN: usize = 16;

/// In place of an errno, why an open has failed.
pub(crate) const ERROR_GIVEN_UP: u16 = 0xffff;
pub(crate) const ERROR_NO_ROUTE: u16 = 0xfffe;
pub(crate) const ERROR_UNKNOWN: u16 = 0xfffd;

/// `struct connection`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
pub(crate) struct ConnectionRecord {
    pub at_ns: u64,
    pub id: u64,
    pub begun_ns: u64,
    pub established_ns: u64,
    pub cgroup: u64,
    pub sent: u64,
    pub received: u64,
    pub retransmitted: u64,
    pub listener: u64,
    pub local: [u8; 16],
    pub remote: [u8; 16],
    pub netns: u32,
    pub pid: u32,
    pub uid: u32,
    pub retransmits: u32,
    pub srtt_us: u32,
    pub rttvar_us: u32,
    pub rtt_min_us: u32,
    pub lost: u32,
    pub out_of_order: u32,
    pub reordered: u32,
    pub ecn_marked: u32,
    pub queue: u32,
    pub queue_max: u32,
    pub syn_queue: u32,
    pub drops: u32,
    pub local_port: u16,
    pub remote_port: u16,
    pub family: u16,
    pub error: u16,
    pub kind: u8,
    pub role: u8,
    pub state: u8,
    pub flags: u8,
    pub comm: [u8; COMM_LEN],
}

/// `struct series_key`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct KeyRecord {
    pub cgroup: u64,
    pub remote: [u8; 16],
    pub comm: [u8; COMM_LEN],
    pub netns: u32,
    pub port: u16,
    pub family: u8,
    pub role: u8,
}

/// The text before the first zero.
pub(crate) fn comm(bytes: &[u8; COMM_LEN]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
