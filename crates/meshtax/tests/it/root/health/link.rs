//! What a probe is on the wire, by the counters of the pod's link.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Kept, PATIENCE, address, ask, printed, probes};

/// Enough that a frame too many in each would show ten times over.
const PROBES: u64 = 10;

/// Both directions of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    frames: u64,
    bytes: u64,
}

/// Ten frames, and 936 bytes at layer 2 where the pod's address has eleven characters: the request names it once. By
/// order, since neither depends on the period; in the arm where nobody else asks.
pub fn a_probe_is_ten_frames(lab: &Kept) {
    let address = address(lab, "front-v1");
    let probe: Vec<Value> = probes(lab, "sidecar")
        .into_iter()
        .filter(|probe| probe["pod"] == "front-v1" && probe["port"] == 15021)
        .collect();
    settle_neighbours(lab, &address);
    // The first one may find that a switch has to learn where the pod is.
    ask(lab, "off", &probe, 1);
    let before = at_rest(lab);
    let answers = ask(lab, "off", &probe, PROBES as usize);
    assert!(answers.iter().all(|answer| *answer == json!({"asked": 1, "failed": 0})), "{answers:?}");
    let after = at_rest(lab);
    let each = Counted { frames: 10, bytes: 925 + address.len() as u64 };
    let all = Counted { frames: PROBES * each.frames, bytes: PROBES * each.bytes };
    assert_eq!(Counted { frames: after.frames - before.frames, bytes: after.bytes - before.bytes }, all);
}

/// Node and pod know each other for good, so that nobody asks for addresses meanwhile.
fn settle_neighbours(lab: &Kept, address: &str) {
    let place = |pod: &str, link: &str| printed(&lab.inside("off", pod, &["cat", &place_of(link)])).trim().to_owned();
    let know = |pod: &str, link: &str, other: &str, at: &str| {
        let command = ["ip", "neigh", "replace", other, "lladdr", at, "dev", link, "nud", "permanent"];
        printed(&lab.inside("off", pod, &command));
    };
    know("front-v1", "eth0", "10.244.0.1", &place("node", "mtbr0"));
    know("node", "mtbr0", address, &place("front-v1", "eth0"));
}

fn place_of(link: &str) -> String {
    format!("/sys/class/net/{link}/address")
}

/// The counters once two looks agree: the last segments of a connection come after its last byte.
fn at_rest(lab: &Kept) -> Counted {
    let deadline = Instant::now() + PATIENCE;
    let mut last = counters(lab);
    loop {
        let now = counters(lab);
        if now == last {
            return now;
        }
        assert!(Instant::now() < deadline, "the link does not come to rest: {now:?}");
        last = now;
    }
}

fn counters(lab: &Kept) -> Counted {
    let text = printed(&lab.inside("off", "front-v1", &["cat", "/proc/net/dev"]));
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("eth0:")).expect("a pod has a link");
    let columns: Vec<u64> = line.split_whitespace().map(|column| column.parse().unwrap()).collect();
    Counted { frames: columns[1] + columns[9], bytes: columns[0] + columns[8] }
}
