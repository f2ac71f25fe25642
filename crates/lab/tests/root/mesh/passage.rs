//! What no service stands for: it passes the caller's sidecar and, where plaintext may come, the called one's, unless it
//! would come back to the sidecar for ever.

use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};

use serde_json::Value;

use super::encryption::{AS_PROXY, status};
use super::{address, printed};
use testbed::{Kept, echo, words};

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
    let _server = Stray::at(lab, ("sidecar", "node"), &["9999"]);
    let before = passed();
    let seen: Value = serde_json::from_str(&printed(&curl(lab, &[], "9999"))).unwrap();
    assert_eq!(passed() - before, 1, "the sidecar counts it");
    // Bytes as they are: nothing is added, nobody is named.
    let names: Vec<&String> = seen["headers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Accept", "Host", "User-Agent"]);

    // On a port that services have, too, the sidecar reads the request, and lets it pass all the same.
    let _server = Stray::at(lab, ("sidecar", "node"), &["8080"]);
    let seen: Value = serde_json::from_str(&printed(&curl(lab, &[], "8080"))).unwrap();
    assert_eq!(seen["headers"]["host"], format!("{NODE}:8080"));
    assert!(seen["headers"]["x-request-id"].is_string(), "{seen}");
}

/// The same server is there, but who dials the sidecar's own port would be led to the sidecar again and again.
pub fn the_sidecars_own_ports_lead_nowhere(lab: &Kept) {
    let _server = Stray::at(lab, ("sidecar", "node"), &["15001"]);
    assert!(curl(lab, AS_PROXY, "15001").status.success(), "who is not redirected finds the server");
    is_hung_up_on(&curl(lab, &[], "15001"));
    // The called side's own port, which no rule spares: it is dialled as if it were the application's.
    for arm in ["sidecar", "quiet"] {
        is_hung_up_on(&ask(lab, arm, AS_PROXY, &format!("http://{}:15006/", address(lab, "front-v1"))));
    }
}

/// The application listens on a port that its service does not have; the caller's sidecar knows nothing of it.
pub fn undeclared_ports_pass_where_plaintext_may_come(lab: &Kept) {
    let front = format!("http://{}:9999/", address(lab, "front-v1"));
    let _strict = Stray::at(lab, ("sidecar", "front-v1"), &["9999"]);
    let _permissive = Stray::at(lab, ("quiet", "front-v1"), &["9999"]);
    for first in [&[], AS_PROXY] {
        is_hung_up_on(&ask(lab, "sidecar", first, &front));
        let seen: Value = serde_json::from_str(&printed(&ask(lab, "quiet", first, &front))).unwrap();
        assert_eq!(seen["peer"], "127.0.0.6", "it came through the sidecar");
        // Found to be HTTP, and treated as such.
        assert!(seen["headers"]["x-request-id"].is_string(), "{seen}");
        assert_eq!(seen["headers"]["x-forwarded-client-cert"], Value::Null);
    }
}

pub fn undeclared_ports_take_the_meshs_certificates(lab: &Kept) {
    let _server = Stray::at(lab, ("sidecar", "front-v1"), &["9999"]);
    let front = format!("https://{}:9999/", address(lab, "front-v1"));
    assert_eq!(status(lab, &front, Some("")), Ok("200".to_owned()));
    assert!(status(lab, &front, None).is_err(), "nobody without one is answered");
}

/// An application that encrypts by itself: its own server sees the caller's certificate.
pub fn foreign_tls_passes_as_it_is(lab: &Kept) {
    let folder = lab.run.folder.join("planes/quiet/front-v1");
    let files = ["certificate.pem", "key.pem", "authority.pem"].map(|name| folder.join(name).display().to_string());
    let [certificate, key, authority] = &files;
    let _server = Stray::at(lab, ("quiet", "front-v1"), &["9998", certificate, key, authority]);
    let own = ["--insecure", "--http1.1", "--cert", "/run/meshtax/certificate.pem", "--key", "/run/meshtax/key.pem"];
    let front = format!("https://{}:9998/", address(lab, "front-v1"));
    let curl = [AS_PROXY, &["curl", "--silent", "--show-error", "--max-time", "5"], &own, &[&front]].concat();
    let seen: Value = serde_json::from_str(&printed(&lab.enter("quiet", "client", &curl))).unwrap();
    assert_eq!(seen["names"][0][1], "spiffe://cluster.local/ns/default/sa/client");
    assert_eq!((&seen["peer"], &seen["headers"]["x-request-id"]), (&"127.0.0.6".into(), &Value::Null));
}

/// Somebody accepted the connection, and closed it without an answer.
fn is_hung_up_on(output: &Output) {
    let said = words(output);
    assert!(!output.status.success() && (said.contains("Empty reply") || said.contains("reset by peer")), "{said}");
}

fn curl(lab: &Kept, first: &[&str], port: &str) -> Output {
    ask(lab, "sidecar", first, &format!("http://{NODE}:{port}/"))
}

/// What comes of asking for a URL in the client's pod.
fn ask(lab: &Kept, arm: &str, first: &[&str], url: &str) -> Output {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", url];
    lab.enter(arm, "client", &[first, &curl].concat())
}

/// A server that no service knows; dropping it ends it.
struct Stray(Child);

impl Stray {
    /// In the place of an arm: the node, or a pod beside its application.
    fn at(lab: &Kept, (arm, place): (&str, &str), arguments: &[&str]) -> Stray {
        let echo = echo().display().to_string();
        let mut server = lab.command_inside(arm, place, &[&["python3", &echo], arguments].concat());
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
