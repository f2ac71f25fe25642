use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use serde::Serialize;
use zerocopy::FromBytes;

use crate::layout::{COMM_LEN, address, comm, read};
use crate::state::State;

/// In place of an errno, why an open has failed.
const ERROR_GIVEN_UP: u16 = 0xffff;
const ERROR_NO_ROUTE: u16 = 0xfffe;
const ERROR_UNKNOWN: u16 = 0xfffd;

/// One end of a TCP connection, or a listener, at one instant; times are those of CLOCK_MONOTONIC.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Why it is told.
    pub kind: EventKind,
    /// When.
    pub at: Duration,
    /// The socket's cookie: a number that no other socket ever has; 0 if the kernel does not say.
    pub id: u64,
    /// The id of the listener: its own, or that of a server's socket; 0 of a client, and where nobody was seen to listen.
    pub listener: u64,
    /// Which end.
    pub role: ConnectionRole,
    /// State; before the change where there is one.
    pub state: State,
    /// The first SYN, on its side who is called the answer to it; none for what is older than the probe, nor where that answer
    /// was sent again.
    pub begun: Option<Duration>,
    /// The end of the handshake; none if there was none yet, or before the probe.
    pub established: Option<Duration>,
    /// Id of the control group (v2) in which the socket was made; 0 if the kernel does not say.
    pub cgroup: u64,
    /// Network namespace: its inode.
    pub netns: u32,
    /// Process that called `connect` or `listen`; 0 if nobody knows.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// Its name, at most 15 bytes.
    pub comm: String,
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Payload bytes that were put on the wire at least once. This and the counts that follow are since the probe began
    /// where the socket is older.
    pub sent: u64,
    /// Payload bytes that arrived in order.
    pub received: u64,
    /// Bytes that were sent again.
    pub retransmitted: u64,
    /// Segments that were sent again.
    pub retransmits: u32,
    /// Smoothed round-trip time, in microseconds; 0 before the first sample.
    pub srtt_us: u32,
    /// Its mean deviation.
    pub rttvar_us: u32,
    /// The least of the last minutes (`tcp_min_rtt_wlen`).
    pub rtt_min_us: u32,
    /// Segments presumed lost now.
    pub lost: u32,
    /// Segments that arrived out of order.
    pub out_of_order: u32,
    /// Times that reordering was seen.
    pub reordered: u32,
    /// Segments that were delivered with a mark of congestion.
    pub ecn_marked: u32,
    /// Of a listener: connections that wait to be accepted.
    pub queue: u32,
    /// Of a listener: how many may wait.
    pub queue_max: u32,
    /// Of a listener: opens that are not complete.
    pub syn_queue: u32,
    /// Of a listener: packets that it dropped, ever: for want of room, and opens that were repeated, broken off or deferred.
    pub drops: u32,
    /// What ended it, such as `ECONNREFUSED`; none for an orderly end. An open that failed always has one: `GIVEN_UP` if who
    /// asked for it did not wait, `NO_ROUTE` if there was no way to the peer, `UNKNOWN` if the kernel does not tell.
    pub error: Option<String>,
    /// What else is known.
    pub flags: Flags,
}

/// Why a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A snapshot met it.
    Seen,
    /// An active open has succeeded.
    Connected,
    /// A passive open has succeeded.
    Accepted,
    /// An established connection is gone.
    Closed,
    /// An active open has failed.
    Failed,
    /// A connection more waits at a listener.
    Queued,
    /// A segment was sent again.
    Retransmitted,
    /// The answer to an open was sent again.
    SynackAgain,
    /// A reset was sent.
    ResetSent,
    /// A reset came.
    ResetReceived,
}

impl EventKind {
    /// All of them, by their number in the kernel's records.
    pub const ALL: [Self; 10] = [
        Self::Seen,
        Self::Connected,
        Self::Accepted,
        Self::Closed,
        Self::Failed,
        Self::Queued,
        Self::Retransmitted,
        Self::SynackAgain,
        Self::ResetSent,
        Self::ResetReceived,
    ];

    /// Its place in a set of kinds.
    pub fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// Which end of a connection a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionRole {
    /// Not known.
    Unknown,
    /// It connected.
    Client,
    /// It was accepted.
    Server,
    /// It listens.
    Listener,
}

impl ConnectionRole {
    pub(crate) fn of(number: u8) -> Self {
        match number {
            1 => Self::Client,
            2 => Self::Server,
            3 => Self::Listener,
            _ => Self::Unknown,
        }
    }
}

/// What else is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Flags {
    /// This end tells the other one to send nothing.
    pub zero_window_sent: bool,
    /// The other end tells this one to.
    pub zero_window_received: bool,
    /// It is older than the probe.
    pub seeded: bool,
    /// The kernel is too old to let bytes be counted; the owner may not be known either.
    pub partial: bool,
    /// A sockmap may have carried bytes past TCP, so how many it sent and received is not known.
    pub bypassed: bool,
}

impl Connection {
    /// A connection as the programs write it.
    pub fn read(bytes: &[u8]) -> Self {
        let record: ConnectionRecord = read(bytes);
        let nonzero = |ns: u64| (ns > 0).then(|| Duration::from_nanos(ns));
        Self {
            kind: EventKind::ALL.get(usize::from(record.kind)).copied().unwrap_or(EventKind::Seen),
            at: Duration::from_nanos(record.at_ns),
            id: record.id,
            role: ConnectionRole::of(record.role),
            state: State::of(record.state),
            begun: nonzero(record.begun_ns),
            established: nonzero(record.established_ns),
            cgroup: record.cgroup,
            netns: record.netns,
            pid: record.pid,
            uid: record.uid,
            comm: comm(&record.comm),
            local: SocketAddr::new(address(record.family, &record.local), record.local_port),
            remote: SocketAddr::new(address(record.family, &record.remote), record.remote_port),
            sent: record.sent,
            received: record.received,
            retransmitted: record.retransmitted,
            retransmits: record.retransmits,
            srtt_us: record.srtt_us,
            rttvar_us: record.rttvar_us,
            // All ones until there is a sample.
            rtt_min_us: if record.rtt_min_us == u32::MAX { 0 } else { record.rtt_min_us },
            lost: record.lost,
            out_of_order: record.out_of_order,
            reordered: record.reordered,
            ecn_marked: record.ecn_marked,
            queue: record.queue,
            queue_max: record.queue_max,
            syn_queue: record.syn_queue,
            listener: record.listener,
            drops: record.drops,
            error: error_name(record.error),
            flags: Flags {
                zero_window_sent: record.flags & 1 != 0,
                zero_window_received: record.flags & 2 != 0,
                seeded: record.flags & 4 != 0,
                partial: record.flags & 8 != 0,
                bypassed: record.flags & 16 != 0,
            },
        }
    }
}

/// The name of an errno, or of why an open has failed.
fn error_name(number: u16) -> Option<String> {
    Some(match number {
        0 => return None,
        ERROR_GIVEN_UP => "GIVEN_UP".to_owned(),
        ERROR_NO_ROUTE => "NO_ROUTE".to_owned(),
        ERROR_UNKNOWN => "UNKNOWN".to_owned(),
        errno => format!("{:?}", Errno::from_raw(errno.into())),
    })
}

/// `struct connection` of `bpf/event.h`.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
struct ConnectionRecord {
    at_ns: u64,
    id: u64,
    begun_ns: u64,
    established_ns: u64,
    cgroup: u64,
    sent: u64,
    received: u64,
    retransmitted: u64,
    listener: u64,
    local: [u8; 16],
    remote: [u8; 16],
    netns: u32,
    pid: u32,
    uid: u32,
    retransmits: u32,
    srtt_us: u32,
    rttvar_us: u32,
    rtt_min_us: u32,
    lost: u32,
    out_of_order: u32,
    reordered: u32,
    ecn_marked: u32,
    queue: u32,
    queue_max: u32,
    syn_queue: u32,
    drops: u32,
    local_port: u16,
    remote_port: u16,
    family: u16,
    error: u16,
    kind: u8,
    role: u8,
    state: u8,
    flags: u8,
    comm: [u8; COMM_LEN],
}
