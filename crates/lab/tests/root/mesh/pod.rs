//! A pod from inside: rules, processes, names.

use serde_json::Value;

use super::encryption::AS_PROXY;
use super::{envoy_binary, printed};
use testbed::{Kept, words};

/// The order decides, and so does every word.
const ISTIO_INIT: &str = r#"
chain PREROUTING {
type nat hook prerouting priority -100; policy accept;
meta l4proto 6 jump ISTIO_INBOUND
}
chain OUTPUT {
type nat hook output priority -100; policy accept;
jump ISTIO_OUTPUT
}
chain ISTIO_INBOUND {
tcp dport 15008 return
tcp dport 15090 return
tcp dport 15021 return
tcp dport 15020 return
meta l4proto 6 jump ISTIO_IN_REDIRECT
}
chain ISTIO_OUTPUT {
oifname "lo" ip saddr 127.0.0.6 return
oifname "lo" ip daddr != 127.0.0.1 tcp dport != 15008 meta skuid 1337 jump ISTIO_IN_REDIRECT
oifname "lo" meta skuid != 1337 return
meta skuid 1337 return
oifname "lo" ip daddr != 127.0.0.1 tcp dport != 15008 meta skgid 1337 jump ISTIO_IN_REDIRECT
oifname "lo" meta skgid != 1337 return
meta skgid 1337 return
ip daddr 127.0.0.1 return
jump ISTIO_REDIRECT
}
chain ISTIO_IN_REDIRECT {
meta l4proto 6 redirect to :15006
}
chain ISTIO_REDIRECT {
meta l4proto 6 redirect to :15001
}
"#;

/// Asks the pod's name server directly: prints the number of the answer's code, and of its records, for `NAME TYPE`.
const ASK: &str = "
import socket, struct, sys
server = next(line.split()[1] for line in open('/etc/resolv.conf') if line.startswith('nameserver'))
name = b''.join(bytes([len(label)]) + label.encode() for label in sys.argv[1].split('.')) + bytes(1)
query = struct.pack('>6H', 1, 0x100, 1, 0, 0, 0) + name + struct.pack('>2H', int(sys.argv[2]), 1)
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(5)
asker.sendto(query, (server, 53))
answer = asker.recv(512)
print(answer[3] & 15, struct.unpack('>H', answer[6:8])[0])
";

pub fn redirect_rules_are_those_of_istio_init(lab: &Kept) {
    for pod in ["front-v1", "client"] {
        let rules = printed(&lab.inside("sidecar", pod, &["nft", "-nn", "list", "table", "ip", "meshtax_redirect"]));
        let lines = rules.lines().map(str::trim).filter(|line| !line.is_empty());
        // Without the line that names the table.
        let lines: Vec<&str> = lines.skip(1).collect();
        let expected: Vec<&str> = ISTIO_INIT.trim().lines().chain(["}"]).collect();
        assert_eq!(lines, expected, "{pod}");
    }
    assert_eq!(printed(&lab.inside("none", "front-v1", &["nft", "list", "ruleset"])), "");
}

pub fn envoy_has_its_user_and_workers(lab: &Kept) {
    let look = "cd /proc/$(pgrep -x envoy) && grep -E '^(Uid|Gid|CapEff):' status && cat task/*/comm";
    let seen = printed(&lab.enter("sidecar", "front-v1", &["sh", "-c", look]));
    let field = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["1337"; 4]);
    assert_eq!(field("Gid:"), ["1337"; 4]);
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    let mut workers: Vec<&str> = seen.lines().filter(|thread| thread.starts_with("wrk:")).collect();
    workers.sort_unstable();
    assert_eq!(workers, ["wrk:worker_0", "wrk:worker_1"]);
}

/// Inside the pod and as the proxy's user, since the files belong to it and name places inside.
pub fn envoy_accepts_every_bootstrap(lab: &Kept) {
    let envoy = envoy_binary(lab);
    let mut validated = 0;
    for (arm, pod) in pods(lab).filter(|(arm, _)| *arm != "none") {
        let validate = [&*envoy, "--mode", "validate", "-c", "/run/meshtax/bootstrap.json"];
        let output = lab.enter(arm, pod, &[AS_PROXY, &validate].concat());
        assert!(words(&output).contains("bootstrap.json' OK"), "{arm}/{pod}: {}", words(&output));
        validated += 1;
    }
    assert_eq!(validated, 16, "eight pods in each of two arms have a sidecar");
}

pub fn names_resolve(lab: &Kept) {
    for arm in ["none", "sidecar"] {
        for name in ["back", "back.default", "back.default.svc.cluster.local"] {
            let found = printed(&lab.enter(arm, "front-v1", &["getent", "ahosts", name]));
            let addresses: Vec<&str> = found.lines().filter_map(|line| line.split_whitespace().next()).collect();
            assert!(!addresses.is_empty() && addresses.iter().all(|known| *known == "10.96.1.2"), "{arm}: {found}");
        }
        let ask = |name, kind| printed(&lab.enter(arm, "front-v1", &["python3", "-c", ASK, name, kind]));
        assert_eq!(ask("back.default.svc.cluster.local", "1"), "0 1\n", "A: no error, one address");
        assert_eq!(ask("back.default.svc.cluster.local", "28"), "0 0\n", "AAAA: no error, no address");
        assert_eq!(ask("nobody.default.svc.cluster.local", "1"), "3 0\n", "NXDOMAIN");
        assert_eq!(ask("example.com", "1"), "3 0\n", "NXDOMAIN: a node has no way out");
    }
}

/// In `none` the node must send the packets back where they came from; in `sidecar` Envoy does the same inside the pod.
pub fn pods_reach_themselves_by_their_service(lab: &Kept) {
    for arm in ["none", "sidecar"] {
        let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "http://echo:9000/"];
        let seen: Value = serde_json::from_str(&printed(&lab.enter(arm, "echo-v1", &curl))).unwrap();
        match seen["headers"]["x-forwarded-client-cert"].as_str() {
            // No kernel takes its own address as the source of what comes from outside.
            None => assert_eq!((arm, &seen["peer"]), ("none", &"10.244.0.1".into())),
            Some(caller) => assert!(caller.ends_with("URI=spiffe://cluster.local/ns/default/sa/echo"), "{caller}"),
        }
    }
}

/// Arm and name of every pod, as the hint of `--keep` lists them.
fn pods(lab: &Kept) -> impl Iterator<Item = (&str, &str)> {
    lab.run.said.lines().filter_map(|line| line.split_once("# ")?.1.split_once('/'))
}
