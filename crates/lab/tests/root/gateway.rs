//! An ingress gateway before pods with sidecars, and before pods without: what applications get to see, to the byte.

use std::fs;

use serde_json::Value;
use testbed::{Kept, words};

/// Requests to `productpage` in each arm.
const REQUESTS: u64 = 12;

/// Bookinfo's names and accounts, since they decide how long headers are.
const TOPOLOGY: &str = "
name: edge
services:
  productpage: {port: 9080, account: bookinfo-productpage, command: [python3, ECHO, '9080']}
  details: {port: 9080, account: bookinfo-details, command: [python3, ECHO, '9080']}
  reviews: {port: 9080, account: bookinfo-reviews, command: [python3, ECHO, '9080']}
  ratings: {port: 9080, account: bookinfo-ratings, command: [python3, ECHO, '9080']}
";

const EXPERIMENT: &str = "
name: edge
topology: topology.yaml
arms:
  none: {plane: none}
  sidecar: {plane: sidecar, gateway: ingress}
  mystery: {plane: none, gateway: ingress}
  mystery-then: {plane: none, gateway: ingress, preset: istio-1.9-demo}
load:
  sequential: {target: 'http://productpage:9080/', requests: REQUESTS}
warmup: 0
rounds: 2
stands: 1
idle: {windows: 8, window: 50ms}
";

/// Address of the gateway's pod.
const GATEWAY: &str = "10.244.255.254";

#[test]
fn requests_come_in_through_the_gateway() {
    let home = tempfile::tempdir().unwrap();
    let echo = testbed::echo();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("ECHO", echo.to_str().unwrap())).unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(&experiment, EXPERIMENT.replace("REQUESTS", &REQUESTS.to_string())).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);

    client_certificates_are_told_to_the_byte(&lab);
    the_gateway_tells_of_the_client(&lab);
    sidecars_keep_peer_metadata_from_the_application(&lab);
    without_sidecars_peer_metadata_reaches_the_application(&lab);
    clients_are_not_believed(&lab);
    the_run_folder_shows_what_a_gateway_adds(&lab);
    what_the_gateway_uses_is_told_apart(&lab);
}

/// It has its identity all the same.
#[test]
fn a_gateway_stands_where_no_arm_has_sidecars() {
    let home = tempfile::tempdir().unwrap();
    let echo = testbed::echo();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("ECHO", echo.to_str().unwrap())).unwrap();
    let experiment = home.path().join("experiment.yaml");
    let is_with_sidecars = |line: &&str| line.contains("plane: sidecar");
    let lines: Vec<&str> = EXPERIMENT.lines().filter(|line| !is_with_sidecars(line)).collect();
    fs::write(&experiment, lines.join("\n").replace("REQUESTS", "4")).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);
    assert_eq!(ask(&lab, "mystery", "client", "productpage", &[])["peer"], GATEWAY);
}

/// Bytes of the whole line, which the study counted: name, colon and blank, value, line end.
fn client_certificates_are_told_to_the_byte(lab: &Kept) {
    let line = |from: &str, to: &str| line(&ask(lab, "sidecar", from, to, &[]), "x-forwarded-client-cert");
    assert_eq!(line("client", "productpage"), 251);
    assert_eq!(line("productpage-v1", "details"), 226);
    assert_eq!(line("productpage-v1", "reviews"), 226);
    assert_eq!(line("reviews-v1", "ratings"), 222);
}

fn the_gateway_tells_of_the_client(lab: &Kept) {
    let direct = ask(lab, "none", "client", "productpage", &[]);
    assert!(direct["headers"].as_object().unwrap().keys().all(|name| !name.to_lowercase().starts_with("x-")));
    let client = direct["peer"].as_str().expect("the application saw who asked");
    for arm in ["sidecar", "mystery"] {
        let seen = ask(lab, arm, "client", "productpage", &[]);
        let headers = &seen["headers"];
        assert_eq!(seen["peer"], if arm == "sidecar" { "127.0.0.6" } else { GATEWAY });
        assert_eq!(headers["host"], "productpage:9080", "{arm}");
        assert_eq!(headers["x-forwarded-for"], client, "{arm}");
        assert_eq!(headers["x-forwarded-proto"], "http", "{arm}");
        assert_eq!(headers["x-envoy-attempt-count"], "1", "{arm}");
        assert_eq!(line(&seen, "x-request-id"), 52, "{arm}");
    }
    // Sidecars take this one off.
    let operation = |arm| ask(lab, arm, "client", "productpage", &[])["headers"]["x-envoy-decorator-operation"].clone();
    assert_eq!(operation("mystery"), "productpage.default.svc.cluster.local:9080/*");
    assert_eq!(operation("sidecar"), Value::Null);
}

fn sidecars_keep_peer_metadata_from_the_application(lab: &Kept) {
    for (from, to) in [("client", "productpage"), ("productpage-v1", "details")] {
        let seen = ask(lab, "sidecar", from, to, &[]);
        for name in ["x-envoy-peer-metadata", "x-envoy-peer-metadata-id"] {
            assert_eq!(seen["headers"][name], Value::Null, "{from} to {to}");
        }
    }
}

/// Nobody strips it, and nobody adds a certificate's header. The study saw 1041 B, in a cloud and with other pod names.
fn without_sidecars_peer_metadata_reaches_the_application(lab: &Kept) {
    for (arm, bytes) in [("mystery", 557), ("mystery-then", 1065)] {
        let seen = ask(lab, arm, "client", "productpage", &[]);
        assert_eq!(line(&seen, "x-envoy-peer-metadata"), bytes, "{arm}");
        let id = seen["headers"]["x-envoy-peer-metadata-id"].as_str().unwrap();
        assert!(id.starts_with(&format!("router~{GATEWAY}~istio-ingressgateway-")), "{id}");
        assert!(id.ends_with(".istio-system~istio-system.svc.cluster.local"), "{id}");
        assert_eq!(seen["headers"]["x-forwarded-client-cert"], Value::Null, "{arm}");
    }
}

fn clients_are_not_believed(lab: &Kept) {
    let forged = ["--header", "x-forwarded-client-cert: URI=spiffe://cluster.local/ns/default/sa/bookinfo-reviews"];
    let seen = ask(lab, "mystery", "client", "productpage", &forged);
    assert_eq!(seen["headers"]["x-forwarded-client-cert"], Value::Null);
    let seen = ask(lab, "sidecar", "client", "productpage", &forged);
    let told = seen["headers"]["x-forwarded-client-cert"].as_str().unwrap();
    let gateway = "URI=spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account";
    assert!(told.ends_with(gateway) && !told.contains(','), "{told}");
}

fn the_run_folder_shows_what_a_gateway_adds(lab: &Kept) {
    let added = lab.run.file("planes/mystery.diff");
    for file in ["node/gateway.nft", "node/probes.json", "istio-ingressgateway/bootstrap.json"] {
        assert!(added.contains(&format!("--- /dev/null\n+++ mystery/{file}\n")), "no {file} in {added}");
    }
    assert!(!added.lines().any(|line| line.starts_with('-') && !line.starts_with("--- /dev/null")), "{added}");
}

fn what_the_gateway_uses_is_told_apart(lab: &Kept) {
    for arm in ["none", "sidecar", "mystery", "mystery-then"] {
        assert_eq!(lab.run.metric(arm, "errors"), 0.0, "{arm}");
        assert_eq!(lab.run.metric(arm, "requests"), REQUESTS as f64, "{arm}");
    }
    let part = |arm: &str, figure: &str| lab.run.arm(arm)["gateway"][figure].as_f64();
    assert_eq!(part("none", "cpu_ms_per_request"), None);
    // It is the only proxy here, and one of five there.
    let alone = part("mystery", "cpu_ms_per_request").unwrap();
    assert!((alone - lab.run.metric("mystery", "cpu_proxy_ms_per_request")).abs() < 1e-6 && alone > 0.0, "{alone}");
    let memory = |arm: &str| (part(arm, "memory_mib").unwrap(), lab.run.metric(arm, "memory_proxy_mib"));
    let ((alone, all), (one, of_five)) = (memory("mystery"), memory("sidecar"));
    assert!((alone - all).abs() < 1e-6 && one > 0.0 && one < of_five / 2.0, "{alone} {all} {one} {of_five}");
    for arm in ["sidecar", "mystery"] {
        let (own, all) = (part(arm, "wire_bytes_per_request").unwrap(), lab.run.metric(arm, "wire_bytes_per_request"));
        assert!(own > 0.0 && own < all, "{arm}: {own} of {all}");
        let told = lab.run.file("report.txt");
        assert!(told.contains(&format!("arm `{arm}`: of its proxies' figures the ingress gateway used")), "{told}");
        let metrics = lab.run.file(&format!("planes/{arm}/istio-ingressgateway/stats.prom"));
        let own = "source_workload=\"istio-ingressgateway\"";
        assert!(metrics.contains(own) && metrics.contains("source_workload_namespace=\"istio-system\""), "{metrics}");
    }
    assert!(!lab.run.folder.join("planes/sidecar/client/bootstrap.json").exists(), "the client is outside the mesh");
}

/// What a service saw of a request that a pod's application sends to it.
fn ask(lab: &Kept, arm: &str, from: &str, to: &str, options: &[&str]) -> Value {
    let url = format!("http://{to}:9080/");
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5"];
    let output = lab.enter(arm, from, &[&curl, options, &[&url]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arm}: {}", words(&output)))
}

/// Bytes of a header's line.
fn line(seen: &Value, name: &str) -> usize {
    let value = seen["headers"][name].as_str().unwrap_or_else(|| panic!("no `{name}` in {seen}"));
    name.len() + ": ".len() + value.len() + "\r\n".len()
}
