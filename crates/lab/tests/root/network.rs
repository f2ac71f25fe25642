//! Pods joined by a bridge, and pods on links of their own: the same lab in both shapes.

use std::fs;

use serde_json::Value;
use testbed::{Kept, words};

/// Requests to `front` in each arm.
const REQUESTS: u64 = 24;

const TOPOLOGY: &str = "
name: shape
services:
  front:
    port: 8080
    connections: new
    ready: /health
    endpoints:
      /:
        script:
          - call: back/
          - call: cache
  back:
    port: 8080
    instances: 3
    endpoints: {/: {response: 100 B}}
  cache:
    port: 6379
    protocol: tcp
    response: 64 B
  echo:
    port: 9000
    command: [python3, ECHO, '9000']
";

const EXPERIMENT: &str = "
name: shape
topology: topology.yaml
network: SHAPE
arms:
  none: {plane: none}
  sidecar: {plane: sidecar}
load:
  sequential: {target: 'http://front:8080/', requests: REQUESTS, connection: new}
warmup: 0
rounds: 2
stands: 1
idle: {windows: 8, window: 50ms}
";

/// The next hop of every pod on a link of its own.
const NEXT_HOP: &str = "169.254.1.1";

#[test]
fn pods_are_joined_by_a_bridge_or_by_routes() {
    for shape in ["bridge", "routed"] {
        let home = tempfile::tempdir().unwrap();
        let echo = testbed::echo();
        fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("ECHO", echo.to_str().unwrap())).unwrap();
        let experiment = home.path().join("experiment.yaml");
        let text = EXPERIMENT.replace("SHAPE", shape).replace("REQUESTS", &REQUESTS.to_string());
        fs::write(&experiment, text).unwrap();
        let lab = Kept::after(&[experiment.to_str().unwrap()]);
        for arm in ["none", "sidecar"] {
            every_call_arrives(&lab, arm);
            a_pod_reaches_itself_by_its_service(&lab, arm);
            links_are_those_of_the_shape(&lab, arm, shape);
            pods_know_their_neighbours_of_the_shape(&lab, arm, shape);
        }
        let id = lab.id.clone();
        drop(lab);
        nothing_is_left_of(&id);
    }
}

/// By name, over HTTP and TCP, spread over instances.
fn every_call_arrives(lab: &Kept, arm: &str) {
    assert_eq!(lab.run.arm(arm)["metrics"]["errors"]["value"], 0.0, "{arm}");
    for service in ["front", "back", "cache"] {
        let requests: u64 = lab.run.requests(arm, service).iter().map(|(_, requests)| requests).sum();
        assert_eq!(requests, REQUESTS, "{service} in {arm}");
    }
}

fn a_pod_reaches_itself_by_its_service(lab: &Kept, arm: &str) {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "http://echo:9000/"];
    let output = lab.enter(arm, "echo-v1", &curl);
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arm}: {}", words(&output)));
    // The node answers for it, or its sidecar does.
    assert_eq!(seen["peer"], if arm == "none" { "10.244.0.1" } else { "127.0.0.6" });
}

fn links_are_those_of_the_shape(lab: &Kept, arm: &str, shape: &str) {
    let bridges = list(lab, arm, "node", &["link", "show", "type", "bridge"]);
    assert_eq!(bridges.len(), usize::from(shape == "bridge"), "{arm}: {bridges:?}");
    let ports = list(lab, arm, "node", &["link", "show", "type", "veth"]);
    // Front, three times back, cache, echo, client.
    assert_eq!(ports.len(), 7, "{arm}: {ports:?}");
    assert!(ports.iter().all(|port| port["master"].is_string() == (shape == "bridge")), "{arm}: {ports:?}");
    let eth0 = list(lab, arm, "front-v1", &["-4", "addr", "show", "dev", "eth0"]);
    assert_eq!(eth0[0]["addr_info"][0]["prefixlen"], if shape == "bridge" { 16 } else { 32 }, "{arm}: {eth0:?}");
    let ways = list(lab, arm, "front-v1", &["-4", "route", "show", "default"]);
    assert_eq!(ways[0]["gateway"], if shape == "bridge" { "10.244.0.1" } else { NEXT_HOP }, "{arm}: {ways:?}");
}

/// On a bridge, the pods of a connection find each other by ARP; on links of their own they never ask for anybody.
fn pods_know_their_neighbours_of_the_shape(lab: &Kept, arm: &str, shape: &str) {
    let neighbours = list(lab, arm, "front-v1", &["-4", "neigh", "show", "dev", "eth0"]);
    let is_pod = |neighbour: &Value| {
        neighbour["dst"].as_str().is_some_and(|address| address.starts_with("10.244.") && address != "10.244.0.1")
    };
    let pods = neighbours.iter().filter(|neighbour| is_pod(neighbour)).count();
    let next_hop = neighbours.iter().find(|neighbour| neighbour["dst"] == NEXT_HOP);
    if shape == "bridge" {
        assert!(pods > 0 && next_hop.is_none(), "{arm}: {neighbours:?}");
    } else {
        assert_eq!(pods, 0, "{arm}: {neighbours:?}");
        let next_hop = next_hop.unwrap_or_else(|| panic!("{arm}: {neighbours:?}"));
        assert_eq!(next_hop["state"], serde_json::json!(["PERMANENT"]), "{arm}: {neighbours:?}");
    }
}

fn nothing_is_left_of(id: &str) {
    let names = fs::read_dir("/run/meshtax/netns").into_iter().flatten().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains(id)).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What `ip` lists in a pod's network namespace, or in the node's.
fn list(lab: &Kept, arm: &str, pod: &str, words: &[&str]) -> Vec<Value> {
    let output = lab.inside(arm, pod, &[&["ip", "-json"], words].concat());
    let listed: Value = serde_json::from_slice(&output.stdout).expect("`ip -json` prints JSON");
    let listed = listed.as_array().expect("it prints a list");
    // Without a match, `ip` prints empty objects.
    listed.iter().filter(|entry| entry.as_object().is_some_and(|entry| !entry.is_empty())).cloned().collect()
}
