//! Guards of real runs: figures that are not to be believed, and failures that sidecars hide.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use testbed::{Run, insist_on_root, meshtax, words};

/// Every request of one arm takes longer than the client waits; the other arm answers soon.
const LATE: &str = "\
name: late
topology: pair
arms: {none: {plane: none}, late: {plane: none, add: {to: front/, wait: 1500ms}}}
load: {sequential: {target: 'http://front:8080/', requests: 3, timeout: 500ms}}
warmup: 0
rounds: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn a_run_that_is_not_to_be_believed_is_refused_when_asked_to_be_strict() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("late.yaml"), LATE).unwrap();
    let run = |arguments: &[&str]| run(home.path(), arguments);
    let lenient = run(&["late.yaml", "--out", "lenient"]);
    assert_eq!(lenient.status.code(), Some(0), "{}", words(&lenient));
    assert!(!words(&lenient).contains("refused"), "{}", words(&lenient));
    let strict = run(&["late.yaml", "--out", "strict", "--strict"]);
    assert_eq!(strict.status.code(), Some(1), "{}", words(&strict));
    let reason = "refused by --strict: errors_uneven: arm `late` had 3 failed requests (3 timeout): no latency includes them, \
                  and an arm that fails early looks fast, while `none` had none; see the logs in the run folder";
    let said = String::from_utf8_lossy(&strict.stderr).into_owned();
    assert!(said.lines().any(|line| line == reason), "{said}");
    for folder in ["lenient", "strict"] {
        let text = fs::read_to_string(home.path().join(folder).join("measurement.json")).unwrap();
        let measurement: Value = serde_json::from_str(&text).unwrap();
        let of_kind =
            |kind: &str| caution(&measurement, kind).unwrap_or_else(|| panic!("{folder}: no {kind} in {text}"));
        assert_eq!(of_kind("errors_uneven")["fatal"], true, "{folder}: both runs saw the same");
    }
}

/// No requested path exists.
const MISSING: &str = "\
name: missing
topology: missing.topology.yaml
arms: {none: {plane: none}, copy: {plane: none}}
load: {sequential: {target: 'http://web:8000/missing', requests: 60}}
warmup: 5
rounds: 6
idle: {windows: 8, window: 50ms}
";

#[test]
fn a_run_whose_warm_up_fails_ends_before_its_rounds() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("missing.yaml"), MISSING).unwrap();
    let web = "name: web\nservices: {web: {port: 8000, ready: /, command: [python3, -m, http.server, '8000']}}\n";
    fs::write(home.path().join("missing.topology.yaml"), web).unwrap();
    let failed = run(home.path(), &["missing.yaml", "--out", "failed"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    let error = "error: no request of the warm-up succeeded in arm `none` (5 status_404), arm `copy` (5 status_404)";
    assert!(said.lines().any(|line| line == error), "{said}");
    assert!(said.contains("hint: check that `target` is right, and see the logs in "), "{said}");
    assert!(!home.path().join("failed/load.jsonl").exists(), "no round was begun");
}

/// Answers every third request with 503, which Istio 1.6's Envoy retries.
const FLAKY: &str = "
import http.server, itertools

asked = itertools.count(1)

class Flaky(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_ok = self.path == '/ready' or next(asked) % 3
        self.send_response(200 if is_ok else 503)
        self.send_header('Content-Length', '0')
        self.end_headers()

http.server.ThreadingHTTPServer(('', 8000), Flaky).serve_forever()
";

const TOPOLOGY: &str = "
name: flaky
services:
  app:
    port: 8000
    ready: /ready
    command: [python3, FOLDER/flaky.py]
";

const HIDDEN: &str = "\
name: hidden
topology: topology.yaml
arms: {none: {plane: none}, sidecar: {plane: sidecar, preset: istio-1.6-default}}
load: {sequential: {target: 'http://app:8000/', requests: 30}}
warmup: 0
rounds: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn failures_that_sidecars_hide_by_asking_again_are_told() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().expect("temporary folders have plain names");
    fs::write(home.path().join("flaky.py"), FLAKY).unwrap();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("FOLDER", folder)).unwrap();
    fs::write(home.path().join("hidden.yaml"), HIDDEN).unwrap();
    let run = Run::perform(&[&format!("{folder}/hidden.yaml")]);
    assert_eq!((run.metric("none", "errors"), run.metric("sidecar", "errors")), (10.0, 0.0));
    let facts: Value = serde_json::from_str(&run.file("facts.json")).unwrap();
    let client = facts["sidecars"].as_array().unwrap().iter().find(|facts| facts["pod"] == "client").unwrap();
    // There are thirty answers that count and five that settle the block. Every third attempt is refused: one more
    // attempt for every two answers.
    let retries = client["retries"].as_u64().unwrap();
    assert_eq!(retries, 17, "{client}");
    let told = caution(&run.measurement, "retries_uneven").expect("the sidecar's own attempts are told");
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with(&format!("sidecars of arm `sidecar` retried {retries} requests by themselves")), "{text}");
    assert!(text.contains(&format!("(`client` {retries};")) && text.contains("those of `none` none"), "{text}");
}

/// The first caution of a kind.
fn caution<'a>(measurement: &'a Value, kind: &str) -> Option<&'a Value> {
    measurement["cautions"].as_array()?.iter().find(|caution| caution["kind"] == kind)
}

/// Runs `meshtax run ARGUMENTS` in `folder`.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    meshtax().arg("run").args(arguments).current_dir(folder).output().unwrap()
}
