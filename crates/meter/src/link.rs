use std::path::Path;

use measure::LinkUse;

use crate::MeterError;
use crate::text::Text;

/// The link of a pod's network namespace.
const NAME: &str = "eth0:";

/// Columns of `/proc/net/dev` after the name: eight of what was received, then bytes and packets that were sent
/// (net/core/net-procfs.c).
const SENT_BYTES: usize = 8;
const SENT_PACKETS: usize = 9;

/// The link of one pod, as it counts itself since it was made.
#[derive(Debug)]
pub struct LinkMeter {
    pod: String,
    counters: Text,
}

impl LinkMeter {
    /// Opens the counters of the network namespace in which process `pid` is, below `root`.
    ///
    /// # Errors
    ///
    /// There is no such process.
    pub fn open(root: &Path, pod: &str, pid: u32) -> Result<Self, MeterError> {
        let counters = Text::open(root.join(format!("proc/{pid}/net/dev")))?;
        Ok(Self { pod: pod.to_owned(), counters })
    }

    /// What it has sent since it was made.
    ///
    /// # Errors
    ///
    /// The namespace has no link, or its counters cannot be read.
    pub fn sent(&self) -> Result<LinkUse, MeterError> {
        let text = self.counters.read()?;
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(NAME));
        let columns: Vec<&str> = line.ok_or_else(|| self.counters.lacks("eth0"))?.split_whitespace().collect();
        let column = |number: usize, name| {
            columns.get(number).and_then(|column| column.parse().ok()).ok_or_else(|| self.counters.lacks(name))
        };
        let (sent_bytes, sent_frames) = (column(SENT_BYTES, "bytes")?, column(SENT_PACKETS, "packets")?);
        Ok(LinkUse { pod: self.pod.clone(), sent_bytes, sent_frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_the_pods_own_link() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("proc/7/net");
        std::fs::create_dir_all(&folder).unwrap();
        let heading = "Inter-|   Receive                    |  Transmit\n face |bytes packets ... |bytes packets ...\n";
        let check = |links: &str, expected: Option<(u64, u64)>| {
            std::fs::write(folder.join("dev"), format!("{heading}{links}")).unwrap();
            let sent = LinkMeter::open(root.path(), "web-v1", 7).unwrap().sent();
            assert_eq!(sent.ok().map(|sent| (sent.sent_bytes, sent.sent_frames)), expected, "{links}");
        };
        let loopback = "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n";
        check(&format!("{loopback}  eth0: 100 2 0 0 0 0 0 0 1234567 89 0 0 0 0 0 0\n"), Some((1_234_567, 89)));
        check(&format!("{loopback}  eth0:100 2 0 0 0 0 0 0 7 1\n"), Some((7, 1)));
        check(loopback, None);
        check(&format!("{loopback}  eth0: 100 2 0 0\n"), None);
    }
}
