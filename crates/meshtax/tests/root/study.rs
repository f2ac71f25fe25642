//! The study of 2021 as published, and without its flaws: every experiment stands, sends requests and reports. These
//! tests check CPU time, but not how long things take.

use std::fs;
use std::path::Path;

use serde_json::Value;
use testbed::Run;

/// Runs a bundled experiment with short idle windows and a short warm-up.
fn perform(name: &str, arguments: &[&str]) -> Run {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments").join(format!("{name}.yaml"));
    let text = fs::read_to_string(bundled).unwrap();
    assert!(text.contains("window: 1s}"), "{text}");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("experiment.yaml");
    fs::write(&file, text.replace("window: 1s}", "window: 50ms}").replace("warmup: 50", "warmup: 2")).unwrap();
    Run::perform(&[&[file.to_str().unwrap()], arguments].concat())
}

/// Blocks of an arm.
fn blocks(run: &Run, arm: &str) -> Vec<Value> {
    let blocks = run.file("load.jsonl");
    let blocks = blocks.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    blocks.filter(|block| block["arm"] == arm).collect()
}

fn sum(blocks: &[Value], key: &str) -> u64 {
    blocks.iter().map(|block| block[key].as_u64().unwrap()).sum()
}

/// Checks that every request succeeded, and reached `service` once.
fn came_through(run: &Run, service: &str, requests: u64) {
    for arm in ["none", "sidecar"] {
        assert_eq!((run.metric(arm, "requests"), run.metric(arm, "errors")), (requests as f64, 0.0), "{arm}");
        let received: u64 = run.requests(arm, service).iter().map(|(_, requests)| requests).sum();
        assert_eq!(received, requests, "{arm}");
    }
    assert_eq!(run.metric("none", "cpu_proxy_ms_per_request"), 0.0);
    assert!(run.metric("sidecar", "cpu_proxy_ms_per_request") > 0.0);
}

/// Checks the published form: one block per arm, the baseline's first, a connection per request, and a client that cuts
/// latencies.
fn is_as_published(run: &Run, requests: u64) {
    let plan: Value = serde_json::from_str(&run.file("plan.json")).unwrap();
    assert_eq!(plan["rounds"], serde_json::json!([{"order": ["none", "sidecar"], "requests": requests}]));
    assert_eq!(plan["warmup_requests"], 0);
    for (index, arm) in ["none", "sidecar"].into_iter().enumerate() {
        assert_eq!(sum(&blocks(run, arm), "connections"), requests, "{arm}");
        // 12.7 ms for the handshake and 12.7 for the request.
        assert!(run.metric(arm, "latency_ms_mean") > 25.4, "{arm}");
        let told = &run.measurement["truncated"]["arms"][index];
        let of = |key: &str| told[key].as_f64().unwrap_or_else(|| panic!("no {key}: {told}"));
        let lost_ms = of("exact_ms_mean") - of("latency_ms_mean");
        assert!((0.0..1.0).contains(&lost_ms), "{told}");
        let told_ms = of("wait_s_total") * 1e3;
        assert!((told_ms - told_ms.round()).abs() < 1e-6, "a sum of whole milliseconds: {told}");
    }
}

/// Checks the corrected form: both arms alike in each round, kept connections, and a noise floor.
fn is_correct(run: &Run, rounds: usize) {
    for arm in ["none", "sidecar"] {
        let blocks = blocks(run, arm);
        // The client's kept connection was open before.
        assert_eq!((blocks.len(), sum(&blocks, "connections")), (rounds, 0), "{arm}");
    }
    assert!(run.measurement["null"]["effects"].is_array() && run.measurement["truncated"].is_null());
    assert!(run.effect("latency_ms_mean")["ratio_ci95"].is_array());
}

/// A page burns the CPU time that was tuned to the study's printed 31.3 ms, of which the rest is the runtime's own
/// part. The check leaves room for a slower or busy machine, and for the many reviews of few pages.
#[test]
fn bookinfo_as_published() {
    let run = perform("bookinfo-sequential", &["--requests", "24", "--round-latency", "1"]);
    came_through(&run, "productpage", 24);
    came_through(&run, "reviews", 24);
    is_as_published(&run, 24);
    let burned_ms = run.arm("none")["recorded"]["cpu_ms_per_request"].as_f64().unwrap();
    let charged_ms = run.metric("none", "cpu_ms_per_request");
    assert!((burned_ms / 28.5 - 1.0).abs() < 0.05, "{burned_ms}");
    assert!((0.9..1.6).contains(&(charged_ms / 31.3)), "{charged_ms}");
    let idle_mib = run.metric("none", "memory_idle_mib");
    // The study printed 354.9 MB.
    assert!((idle_mib / 338.5 - 1.0).abs() < 0.1, "{idle_mib}");
}

#[test]
fn bookinfo_without_the_flaws() {
    let run = perform("bookinfo-sequential-correct", &["--requests", "24", "--rounds", "6"]);
    came_through(&run, "productpage", 24);
    is_correct(&run, 6);
}

/// The sidecars are not told the port's protocol. They detected HTTP, and so reported requests.
#[test]
fn the_simple_service_as_published() {
    let run = perform("simple-sequential", &["--requests", "30", "--round-latency", "1"]);
    came_through(&run, "hello", 30);
    is_as_published(&run, 30);
    assert_eq!(run.requests("sidecar", "hello").len(), 3);
    let told = run.measurement["telemetry"].as_array().unwrap();
    let requests = told.iter().find(|told| told["arm"] == "sidecar" && told["signal"] == "requests").unwrap();
    assert_eq!(requests["seen"], requests["truth"], "{requests}");
}

#[test]
fn the_simple_service_without_the_flaws() {
    let run = perform("simple-sequential-correct", &["--requests", "30", "--rounds", "6"]);
    came_through(&run, "hello", 30);
    is_correct(&run, 6);
}
