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
