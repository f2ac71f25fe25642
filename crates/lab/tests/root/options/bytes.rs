//! What crosses the wire between two sidecars, and what the application gets to see of it, to the byte.

use serde_json::Value;

use super::{header, printed, stand};
use testbed::Kept;

/// Bookinfo's names and identities, of which its headers are made; `details` answers as the real one does.
const TOPOLOGY: &str = "
name: bookinfo
services:
  productpage: {port: 9080, account: bookinfo-productpage, command: [python3, ECHO, '9080']}
  details:
    port: 9080
    account: bookinfo-details
    endpoints: {/details/0: {response: 178 B, type: application/json}}
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
const REQUESTS: u64 = 10;

/// The client of the budget: its name is in every request.
const CURL: &str = "curl/7.88.1";

/// The budget of a warm call from productpage to details between sidecars of Istio's shape, as TCP payload: request and
/// answer in plaintext without metadata, and both with metadata, encrypted, the answer in two records. The answer has one
/// digit in `x-envoy-upstream-service-time`.
const PLAINTEXT: (u64, u64) = (259, 342);
const WITH_METADATA: (u64, u64) = (892, 965);

/// By how many letters the names of the budget's pods were shorter than those here. They were not written down; this
/// length gives its figures in both directions.
const SHORTER: u64 = 6;

/// The request as the application gets it, without `x-forwarded-client-cert`, and the length of that line.
const REQUEST_SEEN: u64 = 188;
const CALLER_NAMED: u64 = 226;

/// The application's answer: a body, and a head without the two headers that the sidecar adds.
const ANSWER_SEEN: u64 = 287;

/// What a TLS record has beside what it carries: header, kind and tag in 1.3; header, nonce and tag in 1.2.
const RECORD_1_3: u64 = 22;
const RECORD_1_2: u64 = 29;

#[test]
fn what_crosses_the_wire_is_istios_to_the_byte() {
    let lab = stand(TOPOLOGY, EXPERIMENT);
    callers_are_named_in_istios_length(&lab);
    let of_details = |arm| moved(&lab, arm, "details");
    let [plaintext, silent, old, sidecar] = ["plaintext", "silent", "old", "sidecar"].map(of_details);
    let apart = moved(&lab, "silent", "ratings");
    let [asking, answering] = ["productpage-v1", "details-v1"].map(|pod| Introduction::of(&lab, pod));

    let (request, answer) = PLAINTEXT;
    assert_eq!(plaintext.requests, REQUESTS * request);
    assert_eq!(silent.requests, REQUESTS * (request + RECORD_1_3));
    assert_eq!(old.requests, REQUESTS * (request + RECORD_1_2));
    assert_eq!(sidecar.requests, REQUESTS * (request + RECORD_1_3 + asking.bytes()));
    let digits = plaintext.answers.checked_sub(REQUESTS * answer);
    assert!(digits.is_some_and(|digits| digits <= REQUESTS), "{} B in plaintext", plaintext.answers);
    in_one_or_two_records("mutual TLS", silent.answers, answer, RECORD_1_3);
    // Named and answering alike, but in two writes: the other way to be in two records.
    assert_eq!(apart.requests, silent.requests);
    in_one_or_two_records("mutual TLS, written apart", apart.answers, answer, RECORD_1_3);
    in_one_or_two_records("TLS 1.2", old.answers, answer, RECORD_1_2);
    in_one_or_two_records("metadata", sidecar.answers, answer + answering.bytes(), RECORD_1_3);

    // What pods are called is all that tells the rest from the budget.
    assert_eq!(request + RECORD_1_3 + asking.bytes_if(SHORTER), WITH_METADATA.0);
    assert_eq!(answer + 2 * RECORD_1_3 + answering.bytes_if(SHORTER), WITH_METADATA.1);

    // The application sees neither who asks, in plaintext, nor metadata, ever.
    for (arm, moved, named) in
        [("plaintext", &plaintext, 0), ("silent", &silent, CALLER_NAMED), ("sidecar", &sidecar, CALLER_NAMED)]
    {
        assert_eq!(moved.requests_seen, REQUESTS * (REQUEST_SEEN + named), "{arm}");
        assert_eq!(moved.answers_seen, REQUESTS * ANSWER_SEEN, "{arm}");
    }
}

/// Each of the answers, of `bare` bytes, fits one record and may come in two: head and body reach the sidecar as they
/// come. One that took longer than 9 ms has a digit more.
fn in_one_or_two_records(what: &str, answers: u64, bare: u64, record: u64) {
    let beyond = answers.checked_sub(REQUESTS * bare).unwrap_or_else(|| panic!("{what}: {answers} B"));
    let (records, digits) = (beyond / record, beyond % record);
    let are_one_or_two = (REQUESTS..=2 * REQUESTS).contains(&records);
    assert!(are_one_or_two && digits <= REQUESTS, "{what}: {answers} B: {records} records and {digits} B");
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

/// Both headers in which a pod's sidecar introduces it.
struct Introduction {
    id: String,
    metadata: String,
}

impl Introduction {
    /// As its configuration has them.
    fn of(lab: &Kept, pod: &str) -> Introduction {
        let text = lab.run.file(&format!("planes/sidecar/{pod}/bootstrap.json"));
        let bootstrap: Value = serde_json::from_str(&text).unwrap();
        let listeners = bootstrap["static_resources"]["listeners"].as_array().unwrap();
        let of_port = |listener: &&Value| listener["name"] == "0.0.0.0_9080";
        let listener = listeners.iter().find(of_port).expect("a listener for the services");
        let routes = &listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"];
        let [id, metadata] = [0, 1].map(|index| &routes["request_headers_to_add"][index]["header"]);
        assert_eq!((&id["key"], &metadata["key"]), (&ID.into(), &METADATA.into()));
        let value = |header: &Value| header["value"].as_str().unwrap().to_owned();
        Introduction { id: value(id), metadata: value(metadata) }
    }

    /// Bytes of both lines.
    fn bytes(&self) -> u64 {
        self.bytes_if(0)
    }

    /// Bytes of both lines if the pod's name were so many letters shorter. Each has it once, and that of the metadata goes
    /// by base64: four letters for every three bytes.
    fn bytes_if(&self, shorter: u64) -> u64 {
        let metadata = self.metadata.trim_end_matches('=').len() as u64 * 3 / 4 - shorter;
        let line = |name: &str, value: u64| (name.len() + ": \r\n".len()) as u64 + value;
        line(ID, self.id.len() as u64 - shorter) + line(METADATA, metadata.div_ceil(3) * 4)
    }
}

const ID: &str = "x-envoy-peer-metadata-id";
const METADATA: &str = "x-envoy-peer-metadata";

/// What sockets have counted of their payload, all requests together: between the two sidecars, and between the called
/// one and its application.
struct Moved {
    requests: u64,
    answers: u64,
    requests_seen: u64,
    answers_seen: u64,
}

/// What warm requests from productpage to a service of details' shape move.
fn moved(lab: &Kept, arm: &str, callee: &str) -> Moved {
    let (pod, url) = (format!("{callee}-v1"), format!("http://{callee}:9080/details/0"));
    let bootstrap = lab.run.file(&format!("planes/{arm}/{pod}/bootstrap.json"));
    let address = bootstrap.split("sidecar~").nth(1).and_then(|rest| rest.split('~').next()).unwrap().to_owned();
    let ask = || {
        let urls = ["--output", "/dev/null", &url].repeat(REQUESTS as usize);
        let curl = ["curl", "--silent", "--show-error", "--fail", "--user-agent", CURL];
        printed(&lab.enter(arm, "productpage-v1", &[&curl[..], &urls].concat()));
    };
    let between = || counters(lab, arm, "productpage-v1", &["dst", &address, "dport", "=", "9080"]);
    let within = || counters(lab, arm, &pod, &["src", &address, "sport", "=", "9080", "dst", "127.0.0.6"]);
    ask();
    let before = (between(), within());
    ask();
    let after = (between(), within());
    Moved {
        requests: after.0.0 - before.0.0,
        answers: after.0.1 - before.0.1,
        requests_seen: after.1.1 - before.1.1,
        answers_seen: after.1.0 - before.1.0,
    }
}

/// Bytes sent and received by a pod's established connections that `filter` names.
fn counters(lab: &Kept, arm: &str, pod: &str, filter: &[&str]) -> (u64, u64) {
    let text = printed(&lab.inside(arm, pod, &[&["ss", "-tinH", "state", "established"], filter].concat()));
    let sum = |name: &str| -> u64 {
        let words = text.split_whitespace().filter_map(|word| word.strip_prefix(name));
        words.map(|number| number.parse::<u64>().unwrap()).sum()
    };
    (sum("bytes_sent:"), sum("bytes_received:"))
}
