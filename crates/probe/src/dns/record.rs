//! What the programs write, byte for byte: `bpf/query.h`, in Rust.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::DnsOptions;

pub(super) const NAME_LEN: usize = 256;
/// In place of the code of an answer.
pub(super) const RCODE_TIMEOUT: u16 = 0xffff;

/// In place of the code of an answer that was not waited for.
pub(super) const RCODE_ELSEWHERE: u16 = 0xfffe;

/// In place of the code of an answer whose upper bits could not be read.
pub(super) const RCODE_UNKNOWN: u16 = 0xfffd;

/// `settings`.
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct SettingsRecord {
    timeout_ns: u64,
    withholds_names: u32,
    pad: u32,
}

impl SettingsRecord {
    pub fn of(options: DnsOptions) -> Self {
        let timeout_ns = u64::try_from(options.timeout.as_nanos()).unwrap_or(u64::MAX);
        Self { timeout_ns, withholds_names: u32::from(!options.names), pad: 0 }
    }
}

/// `struct query`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
pub(super) struct QueryRecord {
    pub begun_ns: u64,
    pub ended_ns: u64,
    pub socket: u64,
    pub cgroup: u64,
    pub local: [u8; 16],
    pub server: [u8; 16],
    pub state: u32,
    pub netns: u32,
    pub pid: u32,
    pub uid: u32,
    pub local_port: u16,
    pub server_port: u16,
    pub message: u16,
    pub kind: u16,
    pub family: u8,
    pub transport: u8,
    pub question_len: u8,
    pub flags: u8,
    pub comm: [u8; 16],
    pub name: [u8; NAME_LEN],
    pub name_len: u16,
    pub rcode: u16,
}

const _: () = assert!(size_of::<QueryRecord>() == 368);

/// `struct series_key`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct KeyRecord {
    pub cgroup: u64,
    pub comm: [u8; 16],
    pub netns: u32,
    pub kind: u16,
    pub rcode: u16,
    pub transport: u8,
    pub pad: [u8; 7],
}
