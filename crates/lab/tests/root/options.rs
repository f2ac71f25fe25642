//! Options of sidecars against real Envoys: each changes what it names.
//!
//! All arms of a lab stand side by side, since standing one up takes longer than all looks at it. That an option changes
//! nothing else, `rest` shows on Envoys of the arms' own; crate `plane` holds what is written for them line by line.

mod bytes;
mod encryption;
mod header;
mod rest;
mod spans;
mod work;

use std::fs;
use std::process::Output;

use serde_json::Value;
use testbed::{Kept, words};

/// A command that answers with what it saw, and the client.
const TOPOLOGY: &str = "
name: options
services:
  echo:
    port: 9000
    command: [python3, ECHO, '9000']
";

/// One worker: what a request finds warm the next one does, too.
const EXPERIMENT: &str = "
name: options
topology: topology.yaml
arms:
  sidecar: {plane: sidecar, concurrency: 1}
  permissive: {plane: sidecar, concurrency: 1, mtls: permissive}
  plaintext: {plane: sidecar, concurrency: 1, mtls: off}
  b3: {plane: sidecar, concurrency: 1, tracing: b3, sampling: 0%}
  traceparent: {plane: sidecar, concurrency: 1, tracing: traceparent, sampling: 100%}
  logged: {plane: sidecar, concurrency: 1, access_log: on}
  eager: {plane: sidecar, concurrency: 1, retries: 5}
  tired: {plane: sidecar, concurrency: 1, retries: 0}
  guarded: {plane: sidecar, concurrency: 1, authz: 3}
  server: {plane: sidecar, concurrency: 1, side: server}
  client: {plane: sidecar, concurrency: 1, side: client}
  large: {plane: sidecar, concurrency: 1, mesh_size: 20}
  of-1-6: {plane: sidecar, concurrency: 1, preset: istio-1.6-default}
  of-1-9: {plane: sidecar, concurrency: 1, preset: istio-1.9-demo}
  today: {plane: sidecar, concurrency: 1, preset: today}
load:
  sequential: {target: 'http://echo:9000/', requests: 4}
warmup: 0
rounds: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn each_option_changes_what_it_names() {
    let lab = stand(TOPOLOGY, EXPERIMENT);
    every_request_arrives(&lab);
    encryption::plaintext_is_taken_where_it_is_allowed(&lab);
    encryption::sidecars_encrypt_wherever_both_can(&lab);
    header::traces_have_the_headers_of_their_era(&lab);
    header::a_sidecar_at_one_end_does_its_half(&lab);
    header::applications_never_see_what_peers_tell(&lab);
    header::before_1_10_the_application_is_dialled_at_loopback(&lab);
    work::access_logs_have_a_line_for_each_request(&lab);
    work::workers_are_as_many_as_asked(&lab);
    work::requests_are_tried_again_as_often_as_asked(&lab);
    work::rules_are_asked_and_let_pass(&lab);
    work::a_larger_mesh_is_known_to_every_sidecar(&lab);
    work::the_run_folder_shows_what_an_arm_adds(&lab);
}

/// In every arm, whatever its options, and without a caution about its encryption or its workers.
fn every_request_arrives(lab: &Kept) {
    for arm in lab.run.measurement["arms"].as_array().unwrap() {
        assert_eq!(arm["metrics"]["errors"]["value"], 0.0, "{}", arm["name"]);
    }
    let cautions = lab.run.measurement["cautions"].to_string();
    assert!(!cautions.contains("mtls_off") && !cautions.contains("concurrency"), "{cautions}");
}

/// A lab with a topology and an experiment of its own.
fn stand(topology: &str, experiment: &str) -> Kept {
    let home = tempfile::tempdir().unwrap();
    let echo = testbed::echo();
    fs::write(home.path().join("topology.yaml"), topology.replace("ECHO", echo.to_str().unwrap())).unwrap();
    let path = home.path().join("experiment.yaml");
    fs::write(&path, experiment).unwrap();
    Kept::after(&[path.to_str().unwrap()])
}

/// What `echo` saw of a request from the client's pod.
fn seen(lab: &Kept, arm: &str) -> Value {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "http://echo:9000/"];
    serde_json::from_str(&printed(&lab.enter(arm, "client", &curl))).unwrap()
}

/// A header of a request, as `echo` saw it.
fn header<'a>(seen: &'a Value, name: &str) -> Option<&'a str> {
    seen["headers"][name].as_str()
}

/// What a pod's Envoy says of itself.
fn admin(lab: &Kept, arm: &str, pod: &str, path: &str) -> String {
    let url = format!("http://127.0.0.1:15000{path}");
    printed(&lab.enter(arm, pod, &["curl", "--silent", "--show-error", "--max-time", "5", &url]))
}

/// Listeners that a pod's Envoy runs on.
fn listeners(lab: &Kept, arm: &str, pod: &str) -> Value {
    serde_json::from_str(&admin(lab, arm, pod, "/config_dump?resource=static_listeners")).unwrap()
}

/// What a program printed on standard output; it must have succeeded.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, words(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
