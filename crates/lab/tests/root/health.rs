//! Who asks pods for their health, and who answers: a kubelet, a sidecar's own ports, and the agent beside Envoy.

mod link;

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{Kept, marks, words};

const TOPOLOGY: &str = "
name: health
services:
  front:
    port: 8080
    ready: /health
    endpoints: {/: {script: [call: echo/]}}
  echo:
    port: 9000
    command: [python3, ECHO, '9000']
    ready: /ready
    metrics: /metrics
";

/// Nobody's own probes come while the test makes its own, but for the default ones of `sidecar`.
const EXPERIMENT: &str = "
name: health
topology: topology.yaml
arms:
  none: {plane: none, app_probe_period: 12h}
  sidecar: {plane: sidecar, app_probe_period: 12h}
  off: {plane: sidecar, probe_period: off}
  often: {plane: sidecar, probe_period: 20ms}
  then: {plane: sidecar, probe_period: 2s}
load:
  sequential: {target: 'http://front:8080/', requests: 12}
warmup: 0
rounds: 2
stands: 1
idle: {windows: 8, window: 500ms}
";

/// How long something that takes a moment may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn pods_are_asked_for_their_health_as_in_a_cluster() {
    let home = tempfile::tempdir().unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(&experiment, EXPERIMENT).unwrap();
    let echo = testbed::echo();
    fs::write(home.path().join("topology.yaml"), TOPOLOGY.replace("ECHO", echo.to_str().unwrap())).unwrap();
    let lab = Kept::after(&[experiment.to_str().unwrap()]);

    what_is_asked_stands_in_the_run_folder(&lab);
    probes_are_counted_beside_the_links(&lab);
    few_probes_are_all_that_a_mesh_at_rest_sends(&lab);
    the_agent_is_a_part_of_the_proxy(&lab);
    every_pod_is_well(&lab);
    applications_are_asked_through_the_agent(&lab);
    metrics_are_served_on_istios_ports(&lab);
    link::a_probe_is_ten_frames(&lab);
    link::kubelets_of_every_period_ask_from_the_nodes_address(&lab);
    without_an_agent_nobody_is_ready(&lab);
    the_agent_quits_with_envoy(&lab);

    let id = lab.id.clone();
    drop(lab);
    assert_eq!(marks(&id), Vec::<String>::new());
}

/// The default is Istio's; a sidecar's readiness is asked for, an application's only where the arm says so.
fn what_is_asked_stands_in_the_run_folder(lab: &Kept) {
    let asked = |arm: &str| -> Vec<String> {
        let probe = |probe: &Value| {
            let text = |key: &str| probe[key].as_str().unwrap().to_owned();
            format!("{} {}{} {}", text("pod"), probe["port"], text("path"), probe["period_ms"])
        };
        probes(lab, arm).iter().map(probe).collect()
    };
    assert_eq!(asked("none"), ["front-v1 8080/health 43200000", "echo-v1 9000/ready 43200000"]);
    assert_eq!(
        asked("sidecar"),
        [
            "front-v1 15021/healthz/ready 15000",
            "front-v1 15020/app-health/front/readyz 43200000",
            "echo-v1 15021/healthz/ready 15000",
            "echo-v1 15020/app-health/echo/readyz 43200000",
            "client 15021/healthz/ready 15000",
        ]
    );
    assert!(!lab.run.folder.join("planes/off/node/probes.json").exists());
}

/// In the arm that is asked often, what its links sent is what its probes explain: each pod sends half of a probe's ten
/// frames, or one less where its answer acknowledges the request before the kernel does. At the edges of a window a probe of each pod may be under way, and a neighbour may be looked for.
fn probes_are_counted_beside_the_links(lab: &Kept) {
    for (probing, reading) in windows(lab, "often") {
        let (asked, sent) = (asked(&probing), sent(&reading));
        assert_eq!((&probing["round"], &probing["failed"]), (&reading["round"], &0.into()));
        assert!(
            asked > 0 && (4 * asked.saturating_sub(3)..=5 * asked + 3 * 12).contains(&sent),
            "{asked} probes, {sent} frames: {reading}"
        );
        let most = 3.0 * (reading["wall_s"].as_f64().unwrap() / 0.02 + 3.0);
        assert!((asked as f64) <= most, "{asked} probes in {}", reading["wall_s"]);
    }
    assert!(lab.run.said.contains("health probes within blocks: often "), "{}", lab.run.said);
}

/// Every 2 s: over all windows together, but for a probe at either end and for the neighbours that pods look for.
fn few_probes_are_all_that_a_mesh_at_rest_sends(lab: &Kept) {
    let windows = windows(lab, "then");
    let asked: u64 = windows.iter().map(|(probing, _)| asked(probing)).sum();
    let sent: u64 = windows.iter().map(|(_, reading)| sent(reading)).sum();
    let least = 4 * asked.saturating_sub(1);
    assert!(
        asked > 0 && (least..=5 * (asked + 1) + 3 * 4).contains(&sent),
        "{asked} probes, {sent} frames: {windows:?}"
    );
}

/// What the kubelet of an arm and its meters told of each idle window.
fn windows(lab: &Kept, arm: &str) -> Vec<(Value, Value)> {
    let lines = |name: &str| -> Vec<Value> {
        let text = lab.run.file(name);
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["phase"] == "idle" && line["arm"] == arm).collect()
    };
    let (probings, readings) = (lines("probes.jsonl"), lines("meters.jsonl"));
    assert_eq!((probings.len(), readings.len()), (8, 8));
    probings.into_iter().zip(readings).collect()
}

fn asked(probing: &Value) -> u64 {
    probing["asked"].as_u64().unwrap()
}

/// Frames that all pods sent.
fn sent(reading: &Value) -> u64 {
    let links = reading["links"].as_array().unwrap();
    links.iter().map(|link| link["sent_frames"].as_u64().unwrap()).sum()
}

/// It has the proxy's user and control group, so that its share is the proxy's.
fn the_agent_is_a_part_of_the_proxy(lab: &Kept) {
    let look = "for process in $(pgrep -x envoy) $(pgrep -f '[r]ole pilot'); do \
                echo $(grep -E '^(Uid|Gid|CapEff):' /proc/$process/status) $(cat /proc/$process/cgroup); done";
    let seen = printed(&lab.enter("sidecar", "front-v1", &["sh", "-c", look]));
    let [envoy, agent] = seen.lines().collect::<Vec<_>>()[..] else { panic!("two processes, not: {seen}") };
    assert_eq!(envoy, agent);
    assert!(agent.contains("Uid: 1337 1337 1337 1337") && agent.contains("CapEff: 0000000000000000"), "{agent}");
    assert!(agent.contains("/sidecar/front-v1/proxy"), "{agent}");
    let asks = |arm: &str| marks(&lab.id).iter().any(|mark| mark.contains(&format!("planes/{arm}/node/probes.json")));
    assert!(asks("none") && asks("sidecar") && !asks("off"), "{:#?}", marks(&lab.id));
}

fn every_pod_is_well(lab: &Kept) {
    for (arm, expected) in [("none", 2), ("sidecar", 5)] {
        assert_eq!(ask(lab, arm, &probes(lab, arm), 1), [json!({"asked": expected, "failed": 0})], "{arm}");
    }
}

/// The kubelet has no certificate: strict mutual TLS turns it away, and the agent asks in its place.
fn applications_are_asked_through_the_agent(lab: &Kept) {
    let direct = probes(lab, "none");
    assert_eq!(ask(lab, "sidecar", &direct, 1), [json!({"asked": 2, "failed": 2})]);
    let url = format!("http://{}:15020/app-health/echo/readyz", address(lab, "echo-v1"));
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "--header", "X-Probe: 23", &url];
    let seen: Value = serde_json::from_str(&printed(&lab.inside("sidecar", "node", &curl))).unwrap();
    let headers = &seen["headers"];
    assert_eq!((&seen["peer"], &headers["x-probe"]), (&"127.0.0.6".into(), &"23".into()), "{seen}");
    assert_eq!(headers["host"], format!("{}:9000", address(lab, "echo-v1")), "{seen}");
    assert_eq!(headers["x-forwarded-client-cert"], Value::Null, "no sidecar is in between: {seen}");
}

/// `echo` tells metrics of its own, `front` is simulated and has none.
fn metrics_are_served_on_istios_ports(lab: &Kept) {
    let scrape = |pod: &str, port: u16| {
        let url = format!("http://{}:{port}/stats/prometheus", address(lab, pod));
        printed(&lab.inside("sidecar", "node", &["curl", "--silent", "--fail", "--max-time", "5", &url]))
    };
    let received = |text: &str| text.lines().any(|line| line.starts_with("envoy_istio_requests_total{reporter=\"dest"));
    let own = |text: &str| text.lines().any(|line| line.starts_with("istio_agent_scrapes_total "));
    let application = |text: &str| text.lines().any(|line| line.starts_with("echo_requests_total{method=\"GET\"} "));
    for (pod, tells) in [("front-v1", false), ("echo-v1", true)] {
        let (envoy, merged) = (scrape(pod, 15090), scrape(pod, 15020));
        assert!(received(&envoy) && !own(&envoy) && !application(&envoy), "{pod}: {envoy}");
        assert!(received(&merged) && own(&merged), "{pod}: {merged}");
        assert_eq!(application(&merged), tells, "{pod}: {merged}");
        assert!(merged.contains("istio_agent_scrape_failures_total{type=\"application\"} 0\n"), "{pod}: {merged}");
    }
}

fn without_an_agent_nobody_is_ready(lab: &Kept) {
    let sidecar = |pod: &str| {
        let url = format!("http://{}:15021/healthz/ready", address(lab, pod));
        let print = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        printed(&lab.inside("off", "node", &[&["curl", "--silent", "--max-time", "5", &url][..], &print].concat()))
    };
    assert_eq!(sidecar("front-v1"), "200");
    printed(&lab.enter("off", "front-v1", &["pkill", "-KILL", "-f", "[r]ole pilot"]));
    assert_eq!(sidecar("front-v1"), "503");
    let probes: Vec<Value> = probes(lab, "sidecar").into_iter().filter(|probe| probe["port"] == 15021).collect();
    assert_eq!(ask(lab, "off", &probes, 2), [json!({"asked": 3, "failed": 1}), json!({"asked": 3, "failed": 1})]);
}

fn the_agent_quits_with_envoy(lab: &Kept) {
    let post = ["curl", "--silent", "--max-time", "5", "-X", "POST"];
    let from_outside = format!("http://{}:15020/quitquitquit", address(lab, "echo-v1"));
    let said = printed(&lab.inside("off", "node", &[&post[..], &[&*from_outside]].concat()));
    assert!(said.contains("Only requests from localhost"), "{said}");
    let inside = [&post[..], &["http://127.0.0.1:15020/quitquitquit"]].concat();
    assert_eq!(printed(&lab.enter("off", "echo-v1", &inside)), "OK");
    let deadline = Instant::now() + PATIENCE;
    let look = "pgrep -x envoy; pgrep -f '[r]ole pilot'; true";
    while !printed(&lab.enter("off", "echo-v1", &["sh", "-c", look])).is_empty() {
        assert!(Instant::now() < deadline, "Envoy or the agent goes on");
    }
}

/// What is asked of an arm's pods.
fn probes(lab: &Kept, arm: &str) -> Vec<Value> {
    serde_json::from_str(&lab.run.file(&format!("planes/{arm}/node/probes.json"))).unwrap()
}

/// Address of a pod, the same in every arm.
fn address(lab: &Kept, pod: &str) -> String {
    let probes = probes(lab, "sidecar");
    let probe = probes.iter().find(|probe| probe["pod"] == pod).unwrap();
    probe["address"].as_str().unwrap().to_owned()
}

/// Has a further kubelet on the node of `arm` make all of `probes` at once, so many times; its answers.
fn ask(lab: &Kept, arm: &str, probes: &[Value], times: usize) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probes.json");
    let by_order = |probe: &Value| {
        let mut probe = probe.clone();
        probe["period_ms"] = (12 * 60 * 60 * 1000).into();
        probe
    };
    fs::write(&file, Value::from_iter(probes.iter().map(by_order)).to_string()).unwrap();
    let kubelet = [testbed::binary(), "role", "kubelet", file.to_str().unwrap()];
    let mut child = lab.command_inside(arm, "node", &kubelet);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all("probe\n".repeat(times).as_bytes()).unwrap();
    let said = printed(&child.wait_with_output().unwrap());
    said.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a program printed that ended well.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", words(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}
