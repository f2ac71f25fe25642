use std::path::Path;

use crate::MeterError;
use crate::text::Text;

/// What a network namespace has counted of TCP and UDP since it was made (`/proc/net/snmp`, RFC 4022 and RFC 4113).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkTotals {
    /// Connections asked for.
    pub active_opens: u64,
    /// Connections accepted.
    pub passive_opens: u64,
    /// Opens that failed, of either end.
    pub failed_opens: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// UDP datagrams received, IPv4.
    pub datagrams_received: u64,
    /// UDP datagrams sent, IPv4.
    pub datagrams_sent: u64,
}

impl NetworkTotals {
    /// Of the network namespace in which process `pid` is, below `root`.
    ///
    /// # Errors
    ///
    /// There is no such process, or the kernel leaves a counter out.
    pub fn read(root: &Path, pid: u32) -> Result<Self, MeterError> {
        let source = Text::open(root.join(format!("proc/{pid}/net/snmp")))?;
        let text = source.read()?;
        let counter = |protocol, name| counter(&text, protocol, name).ok_or_else(|| source.lacks(name));
        Ok(Self {
            active_opens: counter("Tcp:", "ActiveOpens")?,
            passive_opens: counter("Tcp:", "PassiveOpens")?,
            failed_opens: counter("Tcp:", "AttemptFails")?,
            retransmits: counter("Tcp:", "RetransSegs")?,
            datagrams_received: counter("Udp:", "InDatagrams")?,
            datagrams_sent: counter("Udp:", "OutDatagrams")?,
        })
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u64::wrapping_add)
    }

    /// What was counted from `earlier` to this.
    pub fn since(self, earlier: Self) -> Self {
        self.with(earlier, u64::wrapping_sub)
    }

    fn with(self, other: Self, of: fn(u64, u64) -> u64) -> Self {
        Self {
            active_opens: of(self.active_opens, other.active_opens),
            passive_opens: of(self.passive_opens, other.passive_opens),
            failed_opens: of(self.failed_opens, other.failed_opens),
            retransmits: of(self.retransmits, other.retransmits),
            datagrams_received: of(self.datagrams_received, other.datagrams_received),
            datagrams_sent: of(self.datagrams_sent, other.datagrams_sent),
        }
    }
}

/// A line of names and one of numbers, both after the protocol.
fn counter(text: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let column = names.split_whitespace().position(|known| known == name)?;
    numbers.split_whitespace().nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_by_their_names() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("proc/7/net");
        std::fs::create_dir_all(&folder).unwrap();
        let check = |text: &str, expected: Option<NetworkTotals>| {
            std::fs::write(folder.join("snmp"), text).unwrap();
            assert_eq!(NetworkTotals::read(root.path(), 7).ok(), expected, "{text}");
        };
        let tcp = "Tcp: RtoMin ActiveOpens PassiveOpens AttemptFails RetransSegs\nTcp: 200 5 7 2 3\n";
        let udp = "Udp: InDatagrams NoPorts OutDatagrams\nUdp: 11 1 13\nUdpLite: InDatagrams\nUdpLite: 99\n";
        let totals = NetworkTotals {
            active_opens: 5,
            passive_opens: 7,
            failed_opens: 2,
            retransmits: 3,
            datagrams_received: 11,
            datagrams_sent: 13,
        };
        check(&format!("{tcp}{udp}"), Some(totals));
        check(tcp, None);
        assert_eq!(totals.plus(totals).since(totals), totals);
    }
}
