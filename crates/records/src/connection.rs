use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use serde::Serialize;
use zerocopy::FromBytes;

use crate::layout::{COMM_LEN, address, comm, read};
use crate::state::State;

/// Codes that stand in place of an errno and say why an open has failed.
const ERROR_GIVEN_UP: u16 = 0xffff;
const ERROR_NO_ROUTE: u16 = 0xfffe;
const ERROR_UNKNOWN: u16 = 0xfffd;

/// One end of a TCP connection, or a listener, at one instant. Times are in CLOCK_MONOTONIC.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Event that this record reports.
    pub kind: EventKind,
    /// Time of the event.
    pub at: Duration,
    /// The socket's cookie, a number that no other socket ever has; 0 if the kernel has none.
    pub id: u64,
    /// Cookie of the listener: of the socket itself, or of the listener that accepted it. It is 0 for a client, and if
    /// the listener is not known.
    pub listener: u64,
    /// Role of this end.
    pub role: ConnectionRole,
    /// TCP state of the socket. If the event is a change of state, this is the state before it.
    pub state: State,
    /// Time of the first SYN; on the server's side, of the SYN-ACK. `None` if the socket is older than the probe, or if
    /// the SYN-ACK was retransmitted.
    pub begun: Option<Duration>,
    /// End of the handshake; `None` if there was none yet, or if it was before the probe.
    pub established: Option<Duration>,
    /// Id of the control group (v2) in which the socket was made; 0 if it is not known.
    pub cgroup: u64,
    /// Network namespace, by its inode.
    pub netns: u32,
    /// Process that called `connect` or `listen`; 0 if it is not known.
    pub pid: u32,
    /// User id of the process.
    pub uid: u32,
    /// Name of the process, at most 15 bytes.
    pub comm: String,
    /// Address and port of this end.
    pub local: SocketAddr,
    /// Address and port of the other end.
    pub remote: SocketAddr,
    /// Payload bytes sent on the wire at least once. If the socket is older than the probe, this and the counts that
    /// follow start when the probe does.
    pub sent: u64,
    /// Payload bytes that arrived in order.
    pub received: u64,
    /// Bytes that were retransmitted.
    pub retransmitted: u64,
    /// Segments that were retransmitted.
    pub retransmits: u32,
    /// Smoothed round-trip time, in microseconds; 0 before the first sample.
    pub srtt_us: u32,
    /// Mean deviation of the round-trip time, in microseconds.
    pub rttvar_us: u32,
    /// Minimum round-trip time of the last minutes (`tcp_min_rtt_wlen`), in microseconds.
    pub rtt_min_us: u32,
    /// Segments that are presumed lost now.
    pub lost: u32,
    /// Segments that arrived out of order.
    pub out_of_order: u32,
    /// Times that reordering was detected.
    pub reordered: u32,
    /// Segments that were delivered with a congestion mark (ECN).
    pub ecn_marked: u32,
    /// Connections that wait to be accepted; 0 unless this is a listener.
    pub queue: u32,
    /// Maximum number of connections that may wait; 0 unless this is a listener.
    pub queue_max: u32,
    /// Connections whose handshake is not complete; 0 unless this is a listener.
    pub syn_queue: u32,
    /// Packets dropped so far, because a queue was full or an open was repeated, aborted or deferred; 0 unless this is
    /// a listener.
    pub drops: u32,
    /// Error that ended the connection, such as `ECONNREFUSED`; `None` after an orderly end. A failed open always has
    /// one: `GIVEN_UP` if the client did not wait, `NO_ROUTE` if the peer was unreachable, `UNKNOWN` if the kernel does
    /// not tell.
    pub error: Option<String>,
    /// What else is known of the connection.
    pub flags: Flags,
}

/// Events of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A snapshot found the socket.
    Seen,
    /// An active open succeeded.
    Connected,
    /// A passive open succeeded.
    Accepted,
    /// An established connection ended.
    Closed,
    /// An active open failed.
    Failed,
    /// One more connection waits at a listener.
    Queued,
    /// A segment was retransmitted.
    Retransmitted,
    /// A SYN-ACK was retransmitted.
    SynackAgain,
    /// A reset was sent.
    ResetSent,
    /// A reset was received.
    ResetReceived,
}

impl EventKind {
    /// All kinds, in the order of their numbers in the kernel's records.
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

    /// Returns the bit of this kind in a set of kinds.
    pub fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// Role of a socket in a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionRole {
    /// The role is not known.
    Unknown,
    /// The socket connected.
    Client,
    /// The socket was accepted.
    Server,
    /// The socket listens.
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
    /// This end announces a window of 0: the peer must not send.
    pub zero_window_sent: bool,
    /// The other end announces a window of 0: this end must not send.
    pub zero_window_received: bool,
    /// The socket is older than the probe.
    pub seeded: bool,
    /// The kernel is too old to count bytes. The owner may not be known either.
    pub partial: bool,
    /// A sockmap may have carried bytes past TCP, so the numbers of bytes sent and received are not known.
    pub bypassed: bool,
}

impl Connection {
    /// Reads a connection from the programs' record.
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
            // The kernel's value is all ones until there is a sample.
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

/// Returns the name of an errno, or of the reason why an open failed.
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
