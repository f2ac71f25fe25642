//! What a run reports is what happened, in the promised format.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use testbed::{Run, insist_on_being_alone, insist_on_root, meshtax, words};

const ARMS: [&str; 2] = ["none", "sidecar"];

/// The contract: every metric, and its unit.
const METRICS: [(&str, &str); 28] = [
    ("latency_ms_mean", "ms"),
    ("latency_ms_p50", "ms"),
    ("latency_ms_p90", "ms"),
    ("latency_ms_p99", "ms"),
    ("wait_s_total", "s"),
    ("requests", "1"),
    ("errors", "1"),
    ("cpu_ms_per_request", "ms"),
    ("cpu_app_ms_per_request", "ms"),
    ("cpu_proxy_ms_per_request", "ms"),
    ("cpu_s_total", "s"),
    ("cpu_idle_cores", "cores"),
    ("cpu_peak_cores", "cores"),
    ("cpu_node_percent", "%"),
    ("memory_idle_mib", "MiB"),
    ("memory_loaded_mib", "MiB"),
    ("memory_growth_mib", "MiB"),
    ("memory_proxy_mib", "MiB"),
    ("wire_bytes_per_request", "B"),
    ("wire_frames_per_request", "frames"),
    ("cpu_with_client_proxy_ms_per_request", "ms"),
    ("cpu_dns_ms_per_request", "ms"),
    ("cpu_kubelet_ms_per_request", "ms"),
    ("cpu_idle_warm_cores", "cores"),
    ("memory_idle_warm_mib", "MiB"),
    ("memory_idle_with_client_proxy_mib", "MiB"),
    ("memory_idle_warm_with_client_proxy_mib", "MiB"),
    ("memory_loaded_with_client_proxy_mib", "MiB"),
];

/// The contract: every other key, and the type of its value.
const KEYS: [(&str, &str); 22] = [
    ("/schema", "string"),
    ("/experiment/name", "string"),
    ("/experiment/topology", "string"),
    ("/experiment/target", "string"),
    ("/experiment/rounds", "number"),
    ("/experiment/requests", "number"),
    ("/experiment/think_ms", "number"),
    ("/experiment/connection", "string"),
    ("/experiment/seed", "number"),
    ("/experiment/complete", "bool"),
    ("/environment/envoy", "string"),
    ("/environment/kernel", "string"),
    ("/environment/cores", "number"),
    ("/environment/cgroups", "string"),
    ("/environment/memory_source", "string"),
    ("/environment/started", "string"),
    ("/arms/0/name", "string"),
    ("/effects/0/arm", "string"),
    ("/null/effects/0/arm", "string"),
    ("/null/effects/0/metric", "string"),
    ("/cautions/0/kind", "string"),
    ("/cautions/0/text", "string"),
];

#[test]
fn twenty_three_pages_are_twenty_three_everywhere() {
    let run = Run::perform(&["experiments/bookinfo-lean.yaml", "--requests", "23", "--rounds", "1"]);
    check_counts(&run, 23);
    check_contract(&run.measurement);
    check_few_samples(&run);
    check_folder(&run);
    check_report(&run);
}

/// Checks that every service counted what was sent: one call per page, and one to the ratings for each review that
/// shows them.
fn check_counts(run: &Run, pages: u64) {
    for arm in ARMS {
        assert_eq!(run.metric(arm, "requests"), pages as f64, "{arm}");
        assert_eq!(run.metric(arm, "errors"), 0.0, "{arm}");
        for service in ["productpage", "details", "reviews"] {
            assert_eq!(total(&run.requests(arm, service)), pages, "{arm}: {service}");
        }
        let reviews = run.requests(arm, "reviews");
        let of_version = |pod: &str| reviews.iter().find(|(name, _)| name == pod).expect("a pod for each version").1;
        let with_stars = of_version("reviews-v2") + of_version("reviews-v3");
        assert_eq!(total(&run.requests(arm, "ratings")), with_stars, "{arm}: {reviews:?}");
    }
}

fn total(pods: &[(String, u64)]) -> u64 {
    pods.iter().map(|(_, requests)| requests).sum()
}

fn check_contract(measurement: &Value) {
    for (key, kind) in KEYS {
        let value = measurement.pointer(key).unwrap_or_else(|| panic!("no `{key}`"));
        assert_eq!(kind_of(value), kind, "{key}");
    }
    for (arm, name) in measurement["arms"].as_array().unwrap().iter().zip(ARMS) {
        assert_eq!(arm["name"], name);
        for (metric, unit) in METRICS {
            let figure = &arm["metrics"][metric];
            assert!(matches!(kind_of(&figure["value"]), "number" | "null"), "{name} {metric}: {figure}");
            assert_eq!(figure["unit"], unit, "{name} {metric}");
            assert!(figure["count"].is_u64(), "{name} {metric}: {figure}");
        }
    }
    for (key, arm) in [("/effects", "sidecar"), ("/null/effects", "null")] {
        check_effects(measurement.pointer(key).unwrap().as_array().unwrap(), arm);
    }
    check_schema(measurement);
}

/// Checks the effects of one arm on every metric. Keys exist even if they hold nothing.
fn check_effects(effects: &[Value], arm: &str) {
    let named = effects.iter().map(|effect| (effect["arm"].as_str().unwrap(), effect["metric"].as_str().unwrap()));
    assert_eq!(named.collect::<Vec<_>>(), METRICS.map(|(metric, _)| (arm, metric)));
    for effect in effects {
        for key in ["verdict", "p_value", "margin", "smallest_resolvable"] {
            assert!(effect.get(key).is_some(), "no {key} in {effect}");
        }
        for key in ["ratio", "difference"] {
            assert!(matches!(kind_of(&effect[key]), "number" | "null"), "{key} of {effect}");
        }
        for key in ["ratio_ci95", "difference_ci95"] {
            assert!(is_interval(&effect[key]) || effect.get(key) == Some(&Value::Null), "{key} of {effect}");
        }
    }
}

/// Checks that the measurement obeys the printed schema, and that it does not once a part is missing.
fn check_schema(measurement: &Value) {
    let printed = meshtax().args(["schema", "measurement"]).output().unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_slice(&printed.stdout).unwrap()).unwrap();
    let faults: Vec<String> = validator.iter_errors(measurement).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for (parent, key) in [("/effects/0", "metric"), ("/null", "effects"), ("/environment", "kernel")] {
        let mut torn = measurement.clone();
        torn.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&torn), "valid without {parent}/{key}");
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether the value is an interval `[low, high]`.
fn is_interval(value: &Value) -> bool {
    let bounds: Option<Vec<f64>> = value.as_array().and_then(|bounds| bounds.iter().map(Value::as_f64).collect());
    bounds.is_some_and(|bounds| bounds.len() == 2 && bounds[0] <= bounds[1])
}

/// With 23 requests there is a median; a p90 needs 100, a p99 1,000. One round has no interval, and neither have one
/// stand-up's idle windows, however many.
fn check_few_samples(run: &Run) {
    for arm in ARMS {
        let value = |metric: &str| kind_of(&run.arm(arm)["metrics"][metric]["value"]);
        let values = ["latency_ms_mean", "latency_ms_p50", "latency_ms_p90", "latency_ms_p99"].map(value);
        assert_eq!(values, ["number", "number", "null", "null"], "{arm}");
    }
    for (metric, _) in METRICS {
        let effect = run.effect(metric);
        assert!(effect["difference_ci95"].is_null() && effect["ratio_ci95"].is_null(), "{effect}");
        assert_eq!(effect["units"].as_u64(), effect["difference"].as_f64().map(|_| 1), "{effect}");
    }
    let report = run.file("report.txt").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("§ no interval: one stand-up shows memory and rest once"), "{report}");
    assert!(!report.contains("of memory at rest"), "what one stand-up shows is no cost: {report}");
}

fn check_folder(run: &Run) {
    for name in ["experiment.yaml", "topology.yaml", "plan.json", "environment.json", "measurement.json", "report.txt"]
    {
        assert_ne!(run.file(name), "", "{name}");
    }
    // One block and one reading of each arm and of the baseline's copy, and ten idle windows of each, before the first
    // request and after the warm-up.
    assert_eq!(run.file("load.jsonl").lines().count(), 3);
    let meters = run.file("meters.jsonl");
    let readings = |phase: &str| meters.lines().filter(|line| line.contains(&format!("\"phase\":\"{phase}\""))).count();
    assert_eq!(["load", "idle", "idle_warm"].map(readings), [3, 3 * 10, 3 * 10]);
    let shown = meshtax().args(["show", "topologies/bookinfo-lean.yaml"]).output().unwrap();
    assert_eq!(words(&shown), run.file("topology.yaml"));
    let environment: Value = serde_json::from_str(&run.file("environment.json")).unwrap();
    assert_eq!(environment, run.measurement["environment"]);
    for pod in ["productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1", "client"] {
        assert!(run.folder.join("logs/none").join(pod).join("app.log").exists(), "{pod}");
        assert!(run.folder.join("logs/sidecar").join(pod).join("proxy.log").exists(), "{pod}");
        let key = run.folder.join("planes/sidecar").join(pod).join("key.pem");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600, "{}", key.display());
    }
}

/// Checks that `meshtax report` prints exactly what the run printed.
fn check_report(run: &Run) {
    let report = |options: &[&str]| meshtax().arg("report").arg(&run.folder).args(options).output().unwrap();
    assert_eq!(words(&report(&["--full"])), run.file("report.txt"));
    assert!(words(&report(&["--json"])) == run.file("measurement.json"), "a figure changes when it is read again");
    assert!(words(&report(&["--format", "html"])) == run.file("report.html"), "the page changes when it is made again");
    let kept: Value = serde_json::from_str(&run.file("measurement.json")).unwrap();
    assert_eq!(kept, run.measurement);
}

#[test]
fn each_version_of_the_reviews_has_a_third_of_three_thousand_pages() {
    let home = tempfile::tempdir().unwrap();
    let experiment = home.path().join("experiment.yaml");
    fs::write(
        home.path().join("topology.yaml"),
        without_work(include_str!("../../../../topologies/bookinfo-lean.yaml")),
    )
    .unwrap();
    fs::write(&experiment, THIRDS).unwrap();
    let run = Run::perform(&[&experiment.to_string_lossy()]);
    check_counts(&run, 3_000);
    // The 99.9 % band of a binomial count with n = 3,000 and p = 1/3: 3.29 standard deviations to either side.
    let deviation = (3_000.0_f64 * (1.0 / 3.0) * (2.0 / 3.0)).sqrt();
    for arm in ARMS {
        for (pod, requests) in run.requests(arm, "reviews") {
            assert!((requests as f64 - 1_000.0).abs() < 3.29 * deviation, "{arm}: {pod} has {requests} of 3000");
        }
    }
}

const THIRDS: &str = "\
name: thirds
topology: topology.yaml
arms: {none: {plane: none}, sidecar: {plane: sidecar}}
load:
  sequential: {target: \"http://productpage:9080/productpage\", requests: 3000}
warmup: 0
rounds: 1
idle: {windows: 8, window: 50ms}
";

/// The topology with almost nothing to compute, because only its calls matter here.
fn without_work(topology: &str) -> String {
    let idle = |line: &str| match line.split_once("- compute:") {
        Some((indent, _)) => format!("{indent}- compute: 1us\n"),
        None => format!("{line}\n"),
    };
    topology.lines().map(idle).collect()
}

#[test]
fn sidecars_cost_latency_cpu_and_memory() {
    // On a machine that others use, the verdicts would be taken away.
    insist_on_being_alone();
    // Six rounds are the fewest that have intervals.
    let run =
        Run::perform(&["--topology", "topologies/pair.yaml", "--rounds", "6", "--stands", "1", "--requests", "240"]);
    check_verdicts(&run);
    for metric in ["latency_ms_mean", "wait_s_total", "cpu_ms_per_request", "cpu_s_total"] {
        let effect = run.effect(metric);
        assert!(effect["difference_ci95"][0].as_f64().is_some_and(|low| low > 0.0), "{effect}");
        assert!(effect["ratio_ci95"][0].as_f64().is_some_and(|low| low > 1.0), "{effect}");
    }
    // Memory, at rest and under load, is one observation per stand-up.
    for metric in ["memory_idle_mib", "memory_loaded_mib", "memory_proxy_mib"] {
        let memory = run.effect(metric);
        assert!(memory["difference"].as_f64().is_some_and(|more| more > 0.0), "{memory}");
        assert!(memory["difference_ci95"].is_null(), "{memory}");
    }
    let report = run.file("report.txt").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("Memory at rest after the warm-up: +") && report.contains("(one stand-up)"), "{report}");
    assert!(report.contains(" ~["), "six rounds have approximate intervals: {report}");
    // If the baseline has none, there is no ratio.
    let proxies = run.effect("cpu_proxy_ms_per_request");
    assert!(proxies["difference_ci95"][0].as_f64().is_some_and(|low| low > 0.0), "{proxies}");
    for metric in ["cpu_proxy_ms_per_request", "memory_proxy_mib"] {
        let effect = run.effect(metric);
        assert!(effect["ratio"].is_null() && effect["ratio_ci95"].is_null(), "{effect}");
    }
}

/// Checks the verdicts of six rounds: only the primary metrics have them, and what they rest on is there.
fn check_verdicts(run: &Run) {
    check_schema(&run.measurement);
    let primary = ["latency_ms_mean", "latency_ms_p50", "latency_ms_p90", "cpu_ms_per_request"];
    for (metric, _) in METRICS {
        let effect = run.effect(metric);
        assert_eq!(effect["verdict"].is_string(), primary.contains(&metric), "{effect}");
        assert_eq!(effect["margin"] == 0.02, primary.contains(&metric), "{effect}");
    }
    for metric in primary {
        let effect = run.effect(metric);
        assert!(matches!(effect["p_value"].as_f64(), Some(0.0..=1.0)), "{effect}");
        assert!(effect["smallest_resolvable"].as_f64().is_some_and(|least| least > 0.0), "{effect}");
    }
    assert_eq!(run.effect("cpu_ms_per_request")["verdict"], "costs");
    let floor = run.measurement["null"]["effects"].as_array().unwrap();
    assert!(floor.iter().all(|effect| effect["arm"] == "null") && floor.len() == METRICS.len());
}

#[test]
fn same_seed_same_order() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let [first, again, other] =
        [("first", "7"), ("again", "7"), ("other", "8")].map(|(name, seed)| plan(home.path(), name, seed));
    assert_eq!(first, again);
    assert_ne!(first, other);
}

/// Two arms without sidecars stand at the same time, and sixteen rounds of them in random order are quick.
fn plan(home: &Path, name: &str, seed: &str) -> String {
    let experiment = home.join("experiment.yaml");
    fs::write(&experiment, ORDER).unwrap();
    let folder = home.join(name);
    let output = meshtax().arg("run").arg(experiment).args(["--seed", seed, "--out"]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let told_again = meshtax().arg("report").arg(&folder).output().unwrap();
    let printed = [&output, &told_again].map(|output| String::from_utf8_lossy(&output.stdout));
    assert_eq!(printed[0], printed[1], "`meshtax report` prints what the run printed");
    fs::read_to_string(folder.join("plan.json")).unwrap()
}

const ORDER: &str = "\
name: order
topology: pair
arms: {one: {plane: none}, two: {plane: none}}
load:
  sequential: {target: \"http://front:8080/\", requests: 16}
warmup: 0
rounds: 16
stands: 1
idle: {windows: 8, window: 50ms}
";
