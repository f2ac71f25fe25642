use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use zerocopy::FromBytes;

use super::rcode::Rcode;
use crate::layout::{COMM_LEN, address, comm, read};
use crate::transport::Transport;

const NAME_LEN: usize = 256;

/// A DNS query that has ended. Times are in CLOCK_MONOTONIC.
#[derive(Clone, Debug, Serialize)]
pub struct Query {
    /// Time at which the query was sent.
    pub begun: Duration,
    /// Time at which the answer arrived or the query was given up.
    pub ended: Duration,
    /// Cookie of the socket, a number that no other socket ever has.
    pub socket: u64,
    /// Id of the socket's control group (v2).
    pub cgroup: u64,
    /// Network namespace, by its inode.
    pub netns: u32,
    /// Process that sent the query; 0 for a connection older than the witness.
    pub pid: u32,
    /// User id of the socket.
    pub uid: u32,
    /// Name of the process, at most 15 bytes.
    pub comm: String,
    /// Address and port of the client.
    pub local: SocketAddr,
    /// Address and port of the server.
    pub server: SocketAddr,
    /// Transport protocol of the query.
    pub transport: Transport,
    /// Id of the DNS message.
    pub message: u16,
    /// Number of the query's type; [`type_name`](crate::type_name) returns its name.
    pub kind: u16,
    /// Name that is asked for; `None` if names are not copied.
    pub name: Option<String>,
    /// How the query ended.
    pub rcode: Rcode,
    /// Whether the answer is marked as truncated.
    pub truncated: bool,
}

impl Query {
    /// Reads a query from the programs' record.
    pub fn read(bytes: &[u8]) -> Self {
        let record: QueryRecord = read(bytes);
        let length = usize::from(record.name_len).min(record.name.len());
        Self {
            begun: Duration::from_nanos(record.begun_ns),
            ended: Duration::from_nanos(record.ended_ns),
            socket: record.socket,
            cgroup: record.cgroup,
            netns: record.netns,
            pid: record.pid,
            uid: record.uid,
            comm: comm(&record.comm),
            local: SocketAddr::new(address(record.family.into(), &record.local), record.local_port),
            server: SocketAddr::new(address(record.family.into(), &record.server), record.server_port),
            transport: Transport::of(record.transport),
            message: record.message,
            kind: record.kind,
            name: (length > 0).then(|| name(&record.name[..length])),
            rcode: Rcode::of(record.rcode),
            truncated: record.flags & 1 != 0,
        }
    }

    /// Returns the time from query to answer; `None` if no answer came in time.
    pub fn latency(&self) -> Option<Duration> {
        (![Rcode::TIMEOUT, Rcode::ELSEWHERE].contains(&self.rcode)).then(|| self.ended.saturating_sub(self.begun))
    }
}

/// Writes a name as people do (RFC 1035, 5.1), without the last dot. The root is `.`.
fn name(wire: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = wire;
    while let Some((&length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, after) = after.split_at(after.len().min(length.into()));
        if !text.is_empty() {
            text.push('.');
        }
        label.iter().for_each(|byte| push(&mut text, *byte));
        rest = after;
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

fn push(text: &mut String, byte: u8) {
    match byte {
        b'.' | b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
        b'!'..=b'~' => text.push(char::from(byte)),
        _ => write!(text, "\\{byte:03}").expect("a string takes all that is written"),
    }
}

/// `struct query` of `bpf/query.h`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
struct QueryRecord {
    begun_ns: u64,
    ended_ns: u64,
    socket: u64,
    cgroup: u64,
    local: [u8; 16],
    server: [u8; 16],
    state: u32,
    netns: u32,
    pid: u32,
    uid: u32,
    local_port: u16,
    server_port: u16,
    message: u16,
    kind: u16,
    family: u8,
    transport: u8,
    question_len: u8,
    flags: u8,
    comm: [u8; COMM_LEN],
    name: [u8; NAME_LEN],
    name_len: u16,
    rcode: u16,
}

const _: () = assert!(size_of::<QueryRecord>() == 368);

#[cfg(test)]
mod tests;
