use std::net::{IpAddr, Ipv4Addr};

use records::TcpSeries;

use crate::account::tests::Scripted;
use crate::metric::{Exposition, exposition};
use crate::registry::tests::Imagined;

use super::*;

const EXPIRE: Duration = Duration::from_secs(300);

/// A host with named network namespaces, and an agent on it.
struct Host {
    machine: Imagined,
    kernel: Scripted<TcpKey>,
    ledger: Ledger,
    now: Duration,
}

impl Host {
    fn new(series_max: usize) -> Self {
        let (machine, kernel) = (Imagined::default(), Scripted::default());
        let ledger = Ledger::new(machine.clone(), Bounds { series_max, expire: EXPIRE }, kernel.clone());
        Self { machine, kernel, ledger, now: EXPIRE }
    }

    /// Makes a pod, and returns its network namespace.
    fn pod(&self, name: &str) -> u32 {
        self.machine.name(7, &format!("meshtax-1-none-{name}"));
        7
    }

    /// Returns what a scrape exports when the kernel has these counters.
    fn scrape(&mut self, series: &[(TcpKey, TcpSeries)]) -> Vec<String> {
        self.kernel.tell(series);
        self.ledger.read().unwrap();
        let families = crate::export::families(&Scrape::default(), &mut self.ledger, self.now);
        let text = exposition(&families, Exposition::Classic);
        let sent = text.lines().filter(|line| line.starts_with("istio_tcp_received_bytes_total"));
        let short = |line: &str| {
            let (_, rest) = line.split_once("source_workload=\"").unwrap();
            let (workload, rest) = rest.split_once('"').unwrap();
            format!("{workload} {}", rest.rsplit(' ').next().unwrap())
        };
        sent.map(short).collect()
    }

    /// Returns whether expiry makes the kernel, which has these counters, forget any.
    fn forgets(&mut self, series: &[(TcpKey, TcpSeries)]) -> bool {
        self.kernel.tell(series);
        self.ledger.expire(&[], self.now).unwrap();
        self.kernel.series().unwrap().len() < series.len()
    }
}

fn sent(netns: u32, port: u16, sent: u64) -> (TcpKey, TcpSeries) {
    let key = TcpKey {
        role: ConnectionRole::Client,
        cgroup: 0,
        netns,
        comm: "curl".to_owned(),
        remote: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
        port,
    };
    (key, TcpSeries { sent, opened: 1, ..TcpSeries::default() })
}

#[test]
fn a_pod_keeps_its_name_when_it_is_gone_until_it_expires() {
    let mut host = Host::new(10);
    let netns = host.pod("web");
    assert_eq!(host.scrape(&[sent(netns, 80, 5)]), ["none-web 5"]);
    host.machine.end(netns);
    assert_eq!(host.scrape(&[sent(netns, 80, 7)]), ["none-web 7"]);
    let heard = host.now;
    host.now = heard + EXPIRE / 2;
    assert!(!host.forgets(&[sent(netns, 80, 9)]), "it was heard of a while ago");
    // Meanwhile the kernel counted two more bytes.
    host.now = heard + EXPIRE;
    assert!(host.forgets(&[sent(netns, 80, 9)]));
    assert_eq!(host.scrape(&[]), ["none-web 9"]);
    host.now += EXPIRE;
    assert!(!host.forgets(&[]));
    assert_eq!(host.scrape(&[]), Vec::<String>::new());
}

#[test]
fn a_number_that_is_used_again_keeps_neither_the_name_nor_the_counts_of_its_former_owner() {
    let mut host = Host::new(10);
    let netns = host.pod("web");
    host.scrape(&[sent(netns, 80, 5)]);
    host.machine.name(netns, "meshtax-1-none-shop");
    assert_eq!(host.scrape(&[sent(netns, 80, 8)]), ["none-shop 3", "none-web 5"]);
    host.now += EXPIRE;
    assert!(!host.forgets(&[sent(netns, 80, 8)]));
    assert_eq!(host.scrape(&[sent(netns, 80, 8)]), ["none-shop 3"]);
}

#[test]
fn an_idle_pod_that_lives_does_not_expire() {
    let mut host = Host::new(10);
    let netns = host.pod("web");
    host.scrape(&[sent(netns, 80, 5)]);
    host.now += 10 * EXPIRE;
    assert!(!host.forgets(&[sent(netns, 80, 5)]));
    assert_eq!(host.scrape(&[sent(netns, 80, 5)]), ["none-web 5"]);
}

#[test]
fn what_is_beyond_the_bound_is_summed_as_other_and_counted() {
    let mut host = Host::new(2);
    let netns = host.pod("web");
    let of_ports = |more: u64| [80, 81, 82, 83].map(|port| sent(netns, port, u64::from(port) + more)).to_vec();
    let sum = |told: Vec<String>| -> u64 {
        told.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    let told = host.scrape(&of_ports(0));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("other ")), "{told:?}");
    assert_eq!(sum(told), 80 + 81 + 82 + 83);
    assert_eq!(host.ledger.overflows(), 2);
    assert_eq!(sum(host.scrape(&of_ports(10))), 80 + 81 + 82 + 83 + 40);
}
