//! What no service stands for: it passes the caller's sidecar, unless it would come back to the sidecar for ever.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::encryption::AS_PROXY;
use super::{Kept, echo, printed};
use crate::tool::words;

/// The node's own address, which no service has.
const NODE: &str = "10.244.0.1";

pub fn unknown_destinations_pass_through(lab: &Kept) {
    let passed = || {
        let ask = ["curl", "--silent", "--max-time", "5", "http://127.0.0.1:15000/stats/prometheus"];
        let metrics = printed(&lab.enter("sidecar", "client", &ask));
        let opened = metrics.lines().filter(|line| {
            line.starts_with("envoy_istio_tcp_connections_opened_total{") && line.contains("\"PassthroughCluster\"")
        });
        opened.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    let _server = Stray::at(lab, "9999");
    let before = passed();
    let seen: Value = serde_json::from_str(&printed(&curl(lab, &[], "9999"))).unwrap();
    assert_eq!(passed() - before, 1, "the sidecar counts it");
    // Bytes as they are: nothing is added, nobody is named.
    let names: Vec<&String> = seen["headers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Accept", "Host", "User-Agent"]);

    // On a port that services have, too, the sidecar reads the request, and lets it pass all the same.
    let _server = Stray::at(lab, "8080");
    let seen: Value = serde_json::from_str(&printed(&curl(lab, &[], "8080"))).unwrap();
    assert_eq!(seen["headers"]["host"], format!("{NODE}:8080"));
    assert!(seen["headers"]["x-request-id"].is_string(), "{seen}");
}

/// The same server is there, but who dials the sidecar's own port would be led to the sidecar again and again.
pub fn the_sidecars_own_port_leads_nowhere(lab: &Kept) {
    let _server = Stray::at(lab, "15001");
    assert!(curl(lab, AS_PROXY, "15001").status.success(), "who is not redirected finds the server");
    let output = curl(lab, &[], "15001");
    let said = words(&output);
    assert!(!output.status.success() && (said.contains("Empty reply") || said.contains("reset by peer")), "{said}");
}

fn curl(lab: &Kept, first: &[&str], port: &str) -> std::process::Output {
    let url = format!("http://{NODE}:{port}/");
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", &url];
    lab.enter("sidecar", "client", &[first, &curl].concat())
}

/// A server on the node, outside every pod; dropping it ends it.
struct Stray(Child);

impl Stray {
    fn at(lab: &Kept, port: &str) -> Stray {
        let echo = echo().display().to_string();
        let mut server = lab.command_inside("sidecar", "node", &["python3", &echo, port]);
        let mut server = Stray(server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        server
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
