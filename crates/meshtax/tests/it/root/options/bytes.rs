//! What crosses the wire between two sidecars, to the byte.

use super::{header, printed, stand};
use crate::tool::Kept;

/// Bookinfo's names and identities, of which its headers are made; `details` answers as many bytes as the real one.
const TOPOLOGY: &str = "
name: bookinfo
services:
  productpage: {port: 9080, account: bookinfo-productpage, command: [python3, ECHO, '9080']}
  details:
    port: 9080
    account: bookinfo-details
    endpoints: {/details/0: {response: 178 B}}
  reviews: {port: 9080, account: bookinfo-reviews, command: [python3, ECHO, '9080']}
  ratings: {port: 9080, account: bookinfo-ratings, command: [python3, ECHO, '9080']}
";

/// One worker: one connection between two sidecars.
const EXPERIMENT: &str = "
name: bytes
topology: topology.yaml
arms:
  sidecar: {plane: sidecar, concurrency: 1}
  silent: {plane: sidecar, concurrency: 1, metadata: off}
  plaintext: {plane: sidecar, concurrency: 1, metadata: off, mtls: off}
  old: {plane: sidecar, concurrency: 1, metadata: off, tls: 1.2}
load:
  sequential: {target: 'http://details:9080/details/0', requests: 4}
warmup: 0
rounds: 1
idle: {windows: 8, window: 50ms}
";

/// Requests between two readings.
const REQUESTS: usize = 10;
/// Of a request without metadata in plaintext, from a curl of this name (with Istio's own sidecars: 259).
const PLAINTEXT: u64 = 259;
const CURL: &str = "curl/7.88.1";
/// What a TLS record has beside what it carries: header, kind and tag in 1.3; header, nonce and tag in 1.2.
const RECORD_1_3: u64 = 22;
const RECORD_1_2: u64 = 29;

#[test]
fn what_crosses_the_wire_is_istios_to_the_byte() {
    let lab = stand(TOPOLOGY, EXPERIMENT);
    callers_are_named_in_istios_length(&lab);
    let [plaintext, silent, old, sidecar] = ["plaintext", "silent", "old", "sidecar"].map(|arm| moved(&lab, arm));
    let [asking, answering] = ["productpage-v1", "details-v1"].map(|pod| introduction(&lab, pod));
    assert_eq!(plaintext.0, PLAINTEXT);
    assert_eq!(silent.0, PLAINTEXT + RECORD_1_3);
    assert_eq!(old.0, PLAINTEXT + RECORD_1_2);
    assert_eq!(sidecar.0, PLAINTEXT + RECORD_1_3 + asking);
    // An answer may take two records, and a slow one a digit more in x-envoy-upstream-service-time.
    for (what, bytes, least, record) in [
        ("mutual TLS", silent.1, plaintext.1 + RECORD_1_3, RECORD_1_3),
        ("TLS 1.2", old.1, plaintext.1 + RECORD_1_2, RECORD_1_2),
        ("metadata", sidecar.1, plaintext.1 + RECORD_1_3 + answering, RECORD_1_3),
    ] {
        assert!((least - 2..=least + record + 2).contains(&bytes), "{what}: {bytes} B, and {least} B are expected");
    }
    // Istio's names, and its lengths but for that of an address.
    assert!((620..=630).contains(&asking) && (588..=598).contains(&answering), "{asking} B and {answering} B");
}

/// Whole lines of `x-forwarded-client-cert`, as the called application sees them.
fn callers_are_named_in_istios_length(lab: &Kept) {
    for (from, to, length) in [("productpage-v1", "reviews", 226), ("reviews-v1", "ratings", 222)] {
        let url = format!("http://{to}:9080/");
        let said = printed(&lab.enter("sidecar", from, &["curl", "--silent", "--max-time", "5", &url]));
        let seen = serde_json::from_str(&said).unwrap();
        let value = header(&seen, "x-forwarded-client-cert").expect("the sidecar names the caller");
        assert_eq!("x-forwarded-client-cert: \r\n".len() + value.len(), length, "{value}");
        assert!(seen["headers"].as_object().unwrap().keys().all(|name| !name.contains("metadata")), "{seen}");
    }
}

/// Bytes of both headers in which a pod's sidecar introduces it, as lines.
fn introduction(lab: &Kept, pod: &str) -> u64 {
    let text = lab.run.file(&format!("planes/sidecar/{pod}/bootstrap.json"));
    let bootstrap: serde_json::Value = serde_json::from_str(&text).unwrap();
    let listeners = bootstrap["static_resources"]["listeners"].as_array().unwrap();
    let of_port = |listener: &&serde_json::Value| listener["name"] == "0.0.0.0_9080";
    let listener = listeners.iter().find(of_port).expect("a listener for the services");
    let headers = &listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["request_headers_to_add"];
    let line = |header: &serde_json::Value| {
        let part = |name: &str| header["header"][name].as_str().unwrap().len();
        (part("key") + ": \r\n".len() + part("value")) as u64
    };
    headers.as_array().unwrap().iter().map(line).sum()
}

/// Mean bytes of a warm request and of its answer from productpage to details: what the sockets between the two sidecars
/// have counted of their payload.
fn moved(lab: &Kept, arm: &str) -> (u64, u64) {
    let details = lab.run.file(&format!("planes/{arm}/details-v1/bootstrap.json"));
    let address = details.split("sidecar~").nth(1).and_then(|rest| rest.split('~').next()).unwrap().to_owned();
    let ask = || {
        let urls = ["--output", "/dev/null", "http://details:9080/details/0"].repeat(REQUESTS);
        let curl = ["curl", "--silent", "--show-error", "--fail", "--user-agent", CURL];
        printed(&lab.enter(arm, "productpage-v1", &[&curl[..], &urls].concat()));
    };
    let counters = || {
        let filter = ["state", "established", "dst", &address, "dport", "=", "9080"];
        let text = printed(&lab.inside(arm, "productpage-v1", &[&["ss", "-tinH"], &filter[..]].concat()));
        let sum = |name: &str| -> u64 {
            let words = text.split_whitespace().filter_map(|word| word.strip_prefix(name));
            words.map(|number| number.parse::<u64>().unwrap()).sum()
        };
        (sum("bytes_sent:"), sum("bytes_received:"))
    };
    ask();
    let before = counters();
    ask();
    let after = counters();
    assert_eq!((after.0 - before.0) % REQUESTS as u64, 0, "{arm}: requests differ in length");
    ((after.0 - before.0) / REQUESTS as u64, (after.1 - before.1) / REQUESTS as u64)
}
