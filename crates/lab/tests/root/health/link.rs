//! What a probe is on the wire, by the counters of the pod's link.

use std::time::Instant;

use serde_json::{Value, json};

use super::{PATIENCE, address, ask, printed, probes};
use testbed::Kept;

/// Enough that a frame too many in each would show ten times over.
const PROBES: u64 = 10;

/// By how many digits `x-envoy-upstream-service-time`, in ms, may be longer than one before a kubelet loses patience.
const SLOWER_DIGITS: u64 = 3;

/// Both directions of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    frames: u64,
    bytes: u64,
}

/// By order, since neither depends on the period; in the arm where nobody else asks.
pub fn a_probe_is_ten_frames(lab: &Kept) {
    let address = address(lab, "front-v1");
    let probe: Vec<Value> = probes(lab, "sidecar")
        .into_iter()
        .filter(|probe| probe["pod"] == "front-v1" && probe["port"] == 15021)
        .collect();
    settle_neighbours(lab, "off");
    // The first one may find that a switch has to learn where the pod is.
    ask(lab, "off", &probe, 1);
    let before = at_rest(lab, "off");
    let answers = ask(lab, "off", &probe, PROBES as usize);
    assert!(answers.iter().all(|answer| *answer == json!({"asked": 1, "failed": 0})), "{answers:?}");
    let seen = at_rest(lab, "off").since(before);
    assert!(seen.is_of(PROBES, &address), "{PROBES} probes: {seen:?}");
}

/// The arm's own kubelet, every 2 s and, by default, every 15 s: so many connections from the node's own address as the
/// pod's kernel counts, and on the link nothing but what they explain.
pub fn kubelets_of_every_period_ask_from_the_nodes_address(lab: &Kept) {
    let address = address(lab, "front-v1");
    let arms = [("then", 2000, 3), ("sidecar", 15_000, 1)];
    let before = arms.map(|(arm, period_ms, _)| {
        let asked = probes(lab, arm).into_iter().find(|probe| probe["pod"] == "front-v1" && probe["port"] == 15021);
        assert_eq!(asked.unwrap()["period_ms"], period_ms);
        settle_neighbours(lab, arm);
        count_connections(lab, arm);
        counted(lab, arm)
    });
    for ((arm, _, least), (asked_before, before)) in arms.into_iter().zip(before) {
        let deadline = Instant::now() + 2 * PATIENCE;
        while connections(lab, arm, "asked") < asked_before + least {
            assert!(Instant::now() < deadline, "{arm}: too few probes");
        }
        let (asked, after) = counted(lab, arm);
        let (probes, seen) = (asked - asked_before, after.since(before));
        assert!(seen.is_of(probes, &address), "{arm}: {probes} probes: {seen:?}");
        assert_eq!(connections(lab, arm, "strangers"), 0, "{arm}: somebody else asks");
    }
}

/// Has the pod's kernel count who connects to the sidecar's readiness: the node, by the address of its bridge, and others.
fn count_connections(lab: &Kept, arm: &str) {
    let bridge = printed(&lab.inside(arm, "node", &["ip", "-4", "-o", "address", "show", "dev", "mtbr0"]));
    let node = bridge.split_whitespace().nth(3).and_then(|address| address.split('/').next()).unwrap().to_owned();
    let opens = "tcp dport 15021 tcp flags & (syn | ack) == syn";
    let rules = format!(
        "table ip witness {{ counter asked {{}}; counter strangers {{}}; chain input {{ type filter hook input priority 0; \
         ip saddr {node} {opens} counter name asked; ip saddr != {node} {opens} counter name strangers; }}; }}"
    );
    printed(&lab.inside(arm, "front-v1", &["nft", &rules]));
}

fn connections(lab: &Kept, arm: &str, counter: &str) -> u64 {
    let text = printed(&lab.inside(arm, "front-v1", &["nft", "list", "counter", "ip", "witness", counter]));
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "packets").expect("a counter has packets");
    words[at + 1].parse().unwrap()
}

/// Connections so far, and the link's counters once it is at rest, with no probe in between.
fn counted(lab: &Kept, arm: &str) -> (u64, Counted) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = connections(lab, arm, "asked");
        let link = at_rest(lab, arm);
        if connections(lab, arm, "asked") == asked {
            return (asked, link);
        }
        assert!(Instant::now() < deadline, "{arm}: probe after probe");
    }
}

/// Who is on the bridge of an arm knows all others for good, so that nobody asks for addresses meanwhile: the question
/// goes to every pod, whoever is asked for.
fn settle_neighbours(lab: &Kept, arm: &str) {
    let node = ("node", "mtbr0", "10.244.0.1".to_owned());
    let pods = ["front-v1", "echo-v1", "client"].map(|pod| (pod, "eth0", address(lab, pod)));
    let all: Vec<(&str, &str, String)> = [node].into_iter().chain(pods).collect();
    for (pod, link, own) in &all {
        let links: Value =
            serde_json::from_str(&printed(&lab.inside(arm, pod, &["ip", "-json", "link", "show", link]))).unwrap();
        let place = links[0]["address"].as_str().unwrap();
        for (other, through, _) in all.iter().filter(|(_, _, address)| address != own) {
            let command = ["ip", "neigh", "replace", own, "lladdr", place, "dev", through, "nud", "permanent"];
            printed(&lab.inside(arm, other, &command));
        }
    }
}

/// The counters once two looks agree: the last segments of a connection come after its last byte.
fn at_rest(lab: &Kept, arm: &str) -> Counted {
    let deadline = Instant::now() + PATIENCE;
    let mut last = counters(lab, arm);
    loop {
        let now = counters(lab, arm);
        if now == last {
            return now;
        }
        assert!(Instant::now() < deadline, "the link does not come to rest: {now:?}");
        last = now;
    }
}

fn counters(lab: &Kept, arm: &str) -> Counted {
    let text = printed(&lab.inside(arm, "front-v1", &["cat", "/proc/net/dev"]));
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("eth0:")).expect("a pod has a link");
    let columns: Vec<u64> = line.split_whitespace().map(|column| column.parse().unwrap()).collect();
    Counted { frames: columns[1] + columns[9], bytes: columns[0] + columns[8] }
}

impl Counted {
    fn since(self, earlier: Counted) -> Counted {
        Counted { frames: self.frames - earlier.frames, bytes: self.bytes - earlier.bytes }
    }

    /// Whether these are `probes` probes of the pod at `address` and nothing else: ten frames each, and 936 bytes at
    /// layer 2 where the address has eleven characters, since the request names it once, and the answer took less than
    /// 10 ms.
    fn is_of(self, probes: u64, address: &str) -> bool {
        let least = probes * (925 + address.len() as u64);
        self.frames == probes * 10 && (least..=least + probes * SLOWER_DIGITS).contains(&self.bytes)
    }
}
