//! What becomes of everything that is not plain HTTP/1.1 in HTTP's place. `tests/cluster/behaviour.txt` has what is to come of
//! it. Of a live istiod's sidecars HTTP/1.0, raw bytes, a dotted name, `Expect` and `#` were seen to end so, `strict`; the rest
//! follows from their configuration, and `make test-kube` asks them.

use std::fs;

use serde_json::Value;
use testbed::{Kept, script, words};

/// Outcomes, a line each: policy, who speaks, what is said, and how it ended.
const EXPECTED: &str = include_str!("../../../../tests/cluster/behaviour.txt");

const TOPOLOGY: &str = "
name: behaviour
services:
  server: {port: 9080, command: [python3, BARE, '9080']}
  sniffed: {port: 9081, declared: false, command: [python3, BARE, '9081']}
  secret: {port: 9443, protocol: tcp, command: [python3, BARE, '9443']}
";

const EXPERIMENT: &str = "
name: behaviour
topology: topology.yaml
arms:
  strict: {plane: sidecar}
  permissive: {plane: sidecar, preset: today}
load:
  sequential: {target: 'http://server:9080/', requests: 16, connection: new}
warmup: 0
rounds: 2
stands: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn what_is_not_plain_http_ends_as_it_is_meant_to() {
    let home = tempfile::tempdir().unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(&experiment, EXPERIMENT).unwrap();
    let bare = script("bare.py").display().to_string();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("BARE", &bare)).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);

    let mut seen = String::new();
    for arm in ["strict", "permissive"] {
        let services = [("server", 9080), ("sniffed", 9081), ("secret", 9443)];
        let inside = services.map(|(service, port)| format!("{}:{port}", virtual_address(&lab, arm, service)));
        seen += &told(&lab, arm, "inside", "server.default.svc.cluster.local", &inside);
        let outside = services.map(|(service, port)| format!("{}:{port}", pod_address(&lab, arm, service)));
        seen += &told(&lab, arm, "outside", "uid:1337", &outside);
    }
    assert_eq!(seen, EXPECTED);
}

/// What `speak.py` tells in the client's pod.
fn told(lab: &Kept, arm: &str, who: &str, name: &str, places: &[String]) -> String {
    let speak = script("speak.py").display().to_string();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let output = lab.enter(arm, "client", &[&["python3", &*speak, name], &places[..]].concat());
    assert!(output.status.success(), "{}", words(&output));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| format!("{arm}, {who}: {line}\n")).collect()
}

fn bootstrap(lab: &Kept, arm: &str, pod: &str) -> Value {
    serde_json::from_str(&lab.run.file(&format!("planes/{arm}/{pod}/bootstrap.json"))).unwrap()
}

fn pod_address(lab: &Kept, arm: &str, service: &str) -> String {
    let bootstrap = bootstrap(lab, arm, &format!("{service}-v1"));
    let id = bootstrap["node"]["id"].as_str().unwrap();
    id.split('~').nth(1).expect("the second part of a node id is the address").to_owned()
}

fn virtual_address(lab: &Kept, arm: &str, service: &str) -> String {
    let asked = lab.enter(arm, "client", &["getent", "hosts", service]);
    let line = String::from_utf8_lossy(&asked.stdout).into_owned();
    line.split_whitespace().next().unwrap_or_else(|| panic!("no address of {service}: {}", words(&asked))).to_owned()
}
