use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{MetadataExt, symlink};

use probe::Losses;
use tempfile::TempDir;

use crate::cost::Cost;
use crate::metric::{Exposition, exposition};
use crate::namer::NAMED;
use crate::reading::Beyond;

use super::*;

const EXPIRE: Duration = Duration::from_secs(300);

/// A host with named network namespaces, and an agent on it.
struct Host {
    root: TempDir,
    ledger: Ledger,
    now: Instant,
}

impl Host {
    fn new(series_max: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (link, target) in [("self/ns/pid", "pid:[4026531836]"), ("1/ns/net", "net:[1]")] {
            let link = root.path().join("proc").join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target, link).unwrap();
        }
        fs::create_dir_all(root.path().join(NAMED[0])).unwrap();
        let ledger = Ledger::new(root.path(), Bounds { series_max, expire: EXPIRE });
        // An instant may lie no earlier than the start of the machine.
        Self { root, ledger, now: Instant::now() + EXPIRE }
    }

    /// Makes a pod; its network namespace.
    fn pod(&self, name: &str) -> u32 {
        let file = self.root.path().join(NAMED[0]).join(format!("meshtax-1-none-{name}"));
        fs::write(&file, "").unwrap();
        u32::try_from(fs::metadata(file).unwrap().ino()).unwrap()
    }

    fn end(&self, name: &str) {
        fs::remove_file(self.root.path().join(NAMED[0]).join(format!("meshtax-1-none-{name}"))).unwrap();
    }

    /// What a scrape tells once the kernel has these counts.
    fn scrape(&mut self, series: &[(Key, Series)]) -> Vec<String> {
        let losses = Losses::default();
        let reading = Reading {
            series: series.to_vec(),
            connections: Vec::new(),
            losses,
            beyond: Beyond::default(),
            translations: None,
            cost: Cost::default(),
        };
        let text = exposition(&crate::export::families(&reading, &mut self.ledger, self.now), Exposition::Classic);
        let sent = text.lines().filter(|line| line.starts_with("istio_tcp_received_bytes_total"));
        let short = |line: &str| {
            let (_, rest) = line.split_once("source_workload=\"").unwrap();
            let (workload, rest) = rest.split_once('"').unwrap();
            format!("{workload} {}", rest.rsplit(' ').next().unwrap())
        };
        sent.map(short).collect()
    }
}

fn sent(netns: u32, port: u16, sent: u64) -> (Key, Series) {
    let key = Key {
        role: Role::Client,
        cgroup: 0,
        netns,
        comm: "curl".to_owned(),
        remote: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
        port,
    };
    (key, Series { sent, opened: 1, ..Series::default() })
}

#[test]
fn a_pod_keeps_its_name_when_it_is_gone_until_it_expires() {
    let mut host = Host::new(10);
    let netns = host.pod("web");
    assert_eq!(host.scrape(&[sent(netns, 80, 5)]), ["none-web 5"]);
    host.end("web");
    assert_eq!(host.scrape(&[sent(netns, 80, 7)]), ["none-web 7"]);
    let now = host.now;
    assert!(host.ledger.gone(&[], now + EXPIRE / 2).is_empty(), "it was heard of a while ago");
    let gone = host.ledger.gone(&[], now + EXPIRE);
    assert_eq!(gone, HashSet::from([(netns, 0)]));
    // The kernel has heard of two bytes more.
    host.now += EXPIRE;
    host.ledger.forget(&[sent(netns, 80, 9)], &gone, host.now);
    assert_eq!(host.scrape(&[]), ["none-web 9"]);
    host.now += EXPIRE;
    assert!(host.ledger.gone(&[], host.now).is_empty());
    assert_eq!(host.scrape(&[]), Vec::<String>::new());
}

#[test]
fn a_number_that_is_used_again_keeps_neither_the_name_nor_the_counts_of_its_former_owner() {
    let mut host = Host::new(10);
    let netns = host.pod("web");
    host.scrape(&[sent(netns, 80, 5)]);
    let folder = host.root.path().join(NAMED[0]);
    fs::rename(folder.join("meshtax-1-none-web"), folder.join("meshtax-1-none-shop")).unwrap();
    assert_eq!(host.scrape(&[sent(netns, 80, 8)]), ["none-shop 3", "none-web 5"]);
    host.now += EXPIRE;
    assert!(host.ledger.gone(&[], host.now).is_empty());
    assert_eq!(host.scrape(&[sent(netns, 80, 8)]), ["none-shop 3"]);
}

#[test]
fn an_idle_pod_that_lives_does_not_expire() {
    let mut host = Host::new(10);
    let netns = host.pod("web");
    host.scrape(&[sent(netns, 80, 5)]);
    host.now += 10 * EXPIRE;
    assert!(host.ledger.gone(&[], host.now).is_empty());
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
