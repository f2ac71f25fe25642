use std::cmp::Ordering;
use std::time::Duration;

use bytesize::ByteSize;

use super::Row;
use crate::table::{cell, nonempty, nonzero};
use crate::tool::bytes;

/// A column of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Pid,
    Comm,
    Local,
    Remote,
    Received,
    Sent,
    Rtt,
    Retransmits,
    Pod,
    Service,
}

impl Field {
    /// All fields, from left to right.
    pub const ALL: [Self; 10] = [
        Self::Pid,
        Self::Comm,
        Self::Local,
        Self::Remote,
        Self::Received,
        Self::Sent,
        Self::Rtt,
        Self::Retransmits,
        Self::Pod,
        Self::Service,
    ];

    /// All fields, the most important first. The last ones are left out when there is no room.
    pub const BY_WORTH: [Self; 10] = [
        Self::Remote,
        Self::Sent,
        Self::Received,
        Self::Comm,
        Self::Local,
        Self::Rtt,
        Self::Retransmits,
        Self::Pod,
        Self::Pid,
        Self::Service,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pid => "PID",
            Self::Comm => "COMM",
            Self::Local => "LADDR",
            Self::Remote => "RADDR",
            // As wide as the widest rate, so that rates do not jump.
            Self::Received => "    RX/s",
            Self::Sent => "    TX/s",
            Self::Rtt => "RTT_MS",
            Self::Retransmits => "RETR",
            Self::Pod => "POD",
            Self::Service => "SERVICE",
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Received | Self::Sent | Self::Rtt | Self::Retransmits)
    }

    pub fn is_address(self) -> bool {
        matches!(self, Self::Local | Self::Remote)
    }

    /// Returns the text of the row's cell. `took` is the length of the interval.
    pub fn cell(self, row: &Row, took: Duration) -> String {
        let connection = &row.connection;
        let [sent, received] = bytes(connection);
        match self {
            Self::Pid => cell(nonzero(connection.pid)),
            Self::Comm => cell(nonempty(&connection.comm)),
            Self::Local => connection.local.to_string(),
            Self::Remote => connection.remote.to_string(),
            Self::Received => cell(received.map(|bytes| per_second(bytes, took))),
            Self::Sent => cell(sent.map(|bytes| per_second(bytes, took))),
            Self::Rtt => cell(nonzero(connection.srtt_us).map(|srtt| format!("{:.3}", f64::from(srtt) / 1e3))),
            Self::Retransmits => connection.retransmits.to_string(),
            Self::Pod => cell(nonempty(&row.names.pod)),
            Self::Service => cell(row.names.service.as_ref()),
        }
    }

    /// Orders numbers from high to low, and everything else from low to high.
    pub fn order(self, one: &Row, other: &Row) -> Ordering {
        let (a, b) = (&one.connection, &other.connection);
        match self {
            Self::Pid => a.pid.cmp(&b.pid),
            Self::Comm => a.comm.cmp(&b.comm),
            Self::Local => a.local.cmp(&b.local),
            Self::Remote => a.remote.cmp(&b.remote),
            Self::Received => b.received.cmp(&a.received),
            Self::Sent => b.sent.cmp(&a.sent),
            Self::Rtt => b.srtt_us.cmp(&a.srtt_us),
            Self::Retransmits => b.retransmits.cmp(&a.retransmits),
            Self::Pod => one.names.pod.cmp(&other.names.pod),
            Self::Service => one.names.service.cmp(&other.names.service),
        }
    }
}

/// Formats a number of bytes that moved within `took` as a rate per second.
pub fn per_second(bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(f64::MIN_POSITIVE);
    ByteSize((bytes as f64 / seconds).round() as u64).display().si().to_string()
}
