use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::connection::address;
use crate::record::comm;

use super::record::{QueryRecord, RCODE_ELSEWHERE, RCODE_TIMEOUT, RCODE_UNKNOWN};

const IPPROTO_TCP: u8 = 6;

/// A query that has ended; times are those of CLOCK_MONOTONIC.
#[derive(Clone, Debug, Serialize)]
pub struct Query {
    /// When it was sent.
    pub begun: Duration,
    /// When its answer came, or it was given up.
    pub ended: Duration,
    /// The socket's cookie: a number that no other socket ever has.
    pub socket: u64,
    /// Id of the control group (v2) of the socket.
    pub cgroup: u64,
    /// Network namespace: its inode.
    pub netns: u32,
    /// Process that sent it; 0 for a connection that is older than the witness.
    pub pid: u32,
    /// The socket's user.
    pub uid: u32,
    /// Name of the process, at most 15 bytes.
    pub comm: String,
    /// This end.
    pub local: SocketAddr,
    /// Whom it asks.
    pub server: SocketAddr,
    /// What carries it.
    pub transport: Transport,
    /// Id of the message.
    pub message: u16,
    /// Number of the type that it asks for; see [`type_name`].
    pub kind: u16,
    /// The name that it asks for; none where names are withheld.
    pub name: Option<String>,
    /// How it ended.
    pub rcode: Rcode,
    /// Whether the answer says that it is truncated.
    pub truncated: bool,
}

impl Query {
    pub(super) fn of(record: &QueryRecord) -> Self {
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

    /// From query to answer; none if there was none in time.
    pub fn latency(&self) -> Option<Duration> {
        (![Rcode::TIMEOUT, Rcode::ELSEWHERE].contains(&self.rcode)).then(|| self.ended.saturating_sub(self.begun))
    }
}

/// What carries DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A datagram each way.
    Udp,
    /// A connection.
    Tcp,
}

impl Transport {
    pub(super) fn of(number: u8) -> Self {
        if number == IPPROTO_TCP { Self::Tcp } else { Self::Udp }
    }

    /// Its name, such as `udp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// How a query ended: the code of the answer, with the bits that EDNS adds to those of the header (RFC 6891, 6.1.3), or why
/// there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rcode(u16);

impl Rcode {
    /// The answer says that there is nothing wrong.
    pub const NOERROR: Self = Self(0);
    /// There was no answer in time.
    pub const TIMEOUT: Self = Self(RCODE_TIMEOUT);
    /// There was none, but one from another server that was asked at the same time.
    pub const ELSEWHERE: Self = Self(RCODE_ELSEWHERE);

    /// The answer came, and its code is not known: the record of EDNS lies behind what is looked at.
    pub const UNKNOWN: Self = Self(RCODE_UNKNOWN);

    pub(super) fn of(number: u16) -> Self {
        Self(number)
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // https://www.iana.org/assignments/dns-parameters, DNS RCODEs
        const NAMES: [&str; 12] = [
            "NOERROR",
            "FORMERR",
            "SERVFAIL",
            "NXDOMAIN",
            "NOTIMP",
            "REFUSED",
            "YXDOMAIN",
            "YXRRSET",
            "NXRRSET",
            "NOTAUTH",
            "NOTZONE",
            "DSOTYPENI",
        ];
        const EXTENDED: [&str; 8] =
            ["BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE"];
        let number = usize::from(self.0);
        let extended = number.checked_sub(16).and_then(|place| EXTENDED.get(place));
        match (*self, NAMES.get(number).or(extended)) {
            (Self::TIMEOUT, _) => f.write_str("TIMEOUT"),
            (Self::ELSEWHERE, _) => f.write_str("ELSEWHERE"),
            (Self::UNKNOWN, _) => f.write_str("UNKNOWN"),
            (_, Some(name)) => f.write_str(name),
            (Self(number), None) => write!(f, "RCODE{number}"),
        }
    }
}

impl Serialize for Rcode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The name of a type, such as `AAAA`; `TYPE4711` for one without (RFC 3597).
pub fn type_name(number: u16) -> String {
    // https://www.iana.org/assignments/dns-parameters, Resource Record (RR) TYPEs
    const NAMES: [(u16, &str); 21] = [
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (12, "PTR"),
        (15, "MX"),
        (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"),
        (35, "NAPTR"),
        (39, "DNAME"),
        (43, "DS"),
        (46, "RRSIG"),
        (47, "NSEC"),
        (48, "DNSKEY"),
        (52, "TLSA"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (252, "AXFR"),
        (255, "ANY"),
        (257, "CAA"),
    ];
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("TYPE{number}"), |(_, name)| (*name).to_owned())
}

/// A name as people write it (RFC 1035, 5.1), without the last dot; the root is `.`.
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

#[cfg(test)]
mod tests;
