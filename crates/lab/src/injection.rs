//! Faults that are made on purpose, in one node, until they are mended again.

use std::net::Ipv4Addr;
use std::time::Duration;

use ground::{CallPath, Injection};

use crate::error::LabError;
use crate::node::Node;
use crate::pod::Pod;
use crate::rules::nft;
use crate::stop::Stop;

/// How long a program may take to obey.
const PATIENCE: Duration = Duration::from_secs(30);
/// The table of the rules that make a fault.
const TABLE: &str = "meshtax_fault";

impl Node {
    /// Makes a fault.
    ///
    /// # Errors
    ///
    /// `nft` or a program refuses.
    pub fn inject(&mut self, injection: &Injection, stop: &Stop) -> Result<(), LabError> {
        match injection {
            Injection::Loss(line, share) => self.rule(line, &lose(*share)),
            Injection::Reset(line, share) => self.rule(line, &reset(*share)),
            Injection::Name(name) => self.dns_mut().ask(&format!("hide {name}"), PATIENCE, stop).map(drop),
            Injection::Deaf(pods) => self.tell(pods, "deaf", stop),
        }
    }

    /// Mends it; how many packets it has hit, where packets are what it hits.
    ///
    /// # Errors
    ///
    /// `nft` or a program refuses.
    pub fn mend(&mut self, injection: &Injection, stop: &Stop) -> Result<Option<u64>, LabError> {
        match injection {
            Injection::Loss(line, _) | Injection::Reset(line, _) => self.unrule(line).map(Some),
            Injection::Name(name) => self.dns_mut().ask(&format!("show {name}"), PATIENCE, stop).map(|_| None),
            Injection::Deaf(pods) => self.tell(pods, "hear", stop).map(|()| None),
        }
    }

    fn rule(&self, line: &CallPath, verdict: &str) -> Result<(), LabError> {
        let callers: Vec<Ipv4Addr> = self.named(&line.callers).map(|pod| pod.address()).collect();
        let rules = rules(&callers, line.port, verdict);
        self.named(&line.callees).try_for_each(|pod| nft(pod.netns(), &rules).map(drop))
    }

    fn unrule(&self, line: &CallPath) -> Result<u64, LabError> {
        let unrule = |pod: &Pod| {
            let listed = nft(pod.netns(), &format!("list table ip {TABLE}\n"))?;
            nft(pod.netns(), &format!("delete table ip {TABLE}\n"))?;
            Ok(hits(&listed))
        };
        self.named(&line.callees).map(unrule).sum()
    }

    fn tell(&mut self, pods: &[String], order: &str, stop: &Stop) -> Result<(), LabError> {
        for name in pods {
            let app = self.pod_mut(name).and_then(|pod| pod.container("app")).expect("faults name pods that stand");
            app.ask(order, PATIENCE, stop)?;
        }
        Ok(())
    }

    fn named<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a Pod> {
        self.pods().iter().filter(|pod| names.iter().any(|name| name == pod.name()))
    }
}

fn lose(share: f64) -> String {
    format!("{}counter drop", some(share))
}

/// A message ends with a segment that is pushed.
fn reset(share: f64) -> String {
    format!("tcp flags & psh != 0 {}counter reject with tcp reset", some(share))
}

/// Returns the condition that matches this share of all packets at random.
fn some(share: f64) -> String {
    if share < 1.0 { format!("numgen random mod 10000 < {:.0} ", share * 10_000.0) } else { String::new() }
}

/// Before anything else in the pod sees the packets, a sidecar's redirection among them.
fn rules(callers: &[Ipv4Addr], port: u16, verdict: &str) -> String {
    let callers: Vec<String> = callers.iter().map(ToString::to_string).collect();
    format!(
        "table ip {TABLE} {{\n  chain fault {{\n    type filter hook prerouting priority raw;\n    \
         ip saddr {{ {} }} tcp dport {port} {verdict}\n  }}\n}}\n",
        callers.join(", ")
    )
}

/// What the counters of a listed table say: `counter packets 7 bytes 420`.
fn hits(listed: &str) -> u64 {
    let words: Vec<&str> = listed.split_whitespace().collect();
    let counts = words.windows(3).filter(|words| words[..2] == ["counter", "packets"]);
    counts.filter_map(|words| words[2].parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_for_one_line_and_counted() {
        let address = [Ipv4Addr::new(10, 244, 0, 2), Ipv4Addr::new(10, 244, 0, 3)];
        let text = rules(&address, 8080, &reset(0.25));
        assert!(text.contains("ip saddr { 10.244.0.2, 10.244.0.3 } tcp dport 8080 tcp flags & psh != 0 numgen random mod 10000 < 2500 counter reject"));
        assert_eq!(hits("x counter packets 7 bytes 420 drop\n y counter packets 5 bytes 9 drop"), 12);
    }
}
