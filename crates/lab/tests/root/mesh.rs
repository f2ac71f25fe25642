//! Sidecars make a mesh: a lab of real Envoys, looked at from all sides.
//!
//! All probes share one lab, since standing one up takes longer than all of them.

mod answer;
mod encryption;
mod passage;
mod pod;
mod stranger;
mod telemetry;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use testbed::{Kept, echo, words};

/// Requests to `front` in each arm; enough for each of three instances to get one, but for once in 10⁸ runs.
const REQUESTS: u64 = 48;

/// `vault` is asked by nobody, so that probes may put something else in its place.
const TOPOLOGY: &str = "
name: mesh
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
          - call: echo/
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
  vault:
    port: 8443
    endpoints: {/: {response: 10 B}}
";

const EXPERIMENT: &str = "
name: mesh
topology: topology.yaml
arms:
  none: {plane: none}
  sidecar: {plane: sidecar}
  quiet: {plane: sidecar, telemetry: off, mtls: permissive}
load:
  sequential: {target: 'http://front:8080/', requests: REQUESTS, connection: new}
warmup: 0
rounds: 2
stands: 1
idle: {windows: 8, window: 50ms}
";

#[test]
fn sidecars_make_a_mesh() {
    let home = tempfile::tempdir().unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(&experiment, EXPERIMENT.replace("REQUESTS", &REQUESTS.to_string())).unwrap();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("ECHO", echo().to_str().unwrap())).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);

    every_call_arrives(&lab);
    pod::redirect_rules_are_those_of_istio_init(&lab);
    pod::envoy_has_its_user_and_workers(&lab);
    pod::envoy_accepts_every_bootstrap(&lab);
    pod::names_resolve(&lab);
    pod::pods_reach_themselves_by_their_service(&lab);
    telemetry::http_requests_are_counted_on_both_sides(&lab);
    telemetry::tcp_connections_are_counted_on_both_sides(&lab);
    telemetry::off_means_none(&lab);
    encryption::applications_see_the_sidecar_and_the_caller(&lab);
    encryption::clients_need_a_certificate_of_the_mesh(&lab);
    encryption::sidecars_agree_on_tls_1_3(&lab);
    answer::sidecars_sign_answers(&lab);
    answer::peers_that_name_no_operation_are_told_it(&lab);
    passage::unknown_destinations_pass_through(&lab);
    passage::the_sidecars_own_ports_lead_nowhere(&lab);
    passage::undeclared_ports_pass_where_plaintext_may_come(&lab);
    passage::undeclared_ports_take_the_meshs_certificates(&lab);
    passage::foreign_tls_passes_as_it_is(&lab);
    stranger::take_the_place_of_vault(&lab);
    stranger::servers_must_have_the_identity_of_their_service(&lab);
    stranger::clients_must_have_an_identity_of_the_trust_domain(&lab);
}

/// Over `http` and `tcp`, to a simulated service and a command, spread over instances, in every arm.
fn every_call_arrives(lab: &Kept) {
    for arm in ["none", "sidecar", "quiet"] {
        assert_eq!(lab.run.arm(arm)["metrics"]["errors"]["value"], 0.0, "{arm}");
        let requests = |service| lab.run.requests(arm, service).into_iter().map(|(_, requests)| requests);
        for service in ["front", "back", "cache"] {
            assert_eq!(requests(service).sum::<u64>(), REQUESTS, "{service} in {arm}");
        }
        assert!(requests("back").all(|requests| requests > 0), "{arm}: {:?}", lab.run.requests(arm, "back"));
        for edge in lab.run.arm(arm)["edges"].as_array().unwrap() {
            assert_eq!((&edge["calls"], &edge["failures"]), (&REQUESTS.into(), &0.into()), "{edge} in {arm}");
        }
    }
}

/// Where a pod's own files are on the host; it finds them at `/run/meshtax`.
fn files(lab: &Kept, pod: &str) -> PathBuf {
    lab.run.folder.join("planes/sidecar").join(pod)
}

/// Address of a pod, the same in each arm.
fn address(lab: &Kept, pod: &str) -> String {
    let bootstrap: Value =
        serde_json::from_str(&lab.run.file(&format!("planes/sidecar/{pod}/bootstrap.json"))).unwrap();
    let id = bootstrap["node"]["id"].as_str().unwrap();
    id.split('~').nth(1).expect("the second part of a node id is the address").to_owned()
}

/// The binary that the run used.
fn envoy_binary(lab: &Kept) -> String {
    let find = "readlink /proc/$(pgrep -x envoy)/exe";
    printed(&lab.enter("sidecar", "client", &["sh", "-c", find])).trim().to_owned()
}

/// What a program printed on standard output; it must have succeeded.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, words(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
