//! The noise floor, runs that go on until their intervals are narrow, and known costs.

use serde_json::Value;
use testbed::{Run, meshtax, words};

const SHORT: &str = "\
warmup: 4
rounds: 10
idle: {windows: 8, window: 50ms}
";

/// Runs an experiment of `arms` on the pair, with `rest` in the file and further arguments.
fn run(arms: &str, rest: &str, arguments: &[&str]) -> Run {
    run_under("sequential: {target: 'http://front:8080/', requests: 60}", arms, rest, arguments)
}

/// The same, under another load.
fn run_under(load: &str, arms: &str, rest: &str, arguments: &[&str]) -> Run {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("experiment.yaml");
    // One stand-up is quicker than the default of ten.
    let stands = if rest.contains("stands:") { "" } else { "stands: 1\n" };
    std::fs::write(
        &file,
        format!("name: numbers\ntopology: pair\narms: {arms}\nload: {{{load}}}\n{SHORT}{rest}{stands}"),
    )
    .unwrap();
    let mut all = vec![file.to_str().unwrap()];
    all.extend(arguments);
    Run::perform(&all)
}

fn arms_of(effects: &Value) -> Vec<&str> {
    let mut arms: Vec<&str> =
        effects.as_array().unwrap().iter().map(|effect| effect["arm"].as_str().unwrap()).collect();
    arms.dedup();
    arms
}

#[test]
fn a_null_run_compares_the_baseline_with_its_copy_alone() {
    let run = run("{none: {plane: none}, sidecar: {plane: sidecar}}", "", &["--null"]);
    assert_eq!(arms_of(&run.measurement["effects"]), ["null"]);
    assert!(run.measurement["null"].is_null());
    assert_eq!(run.measurement["environment"]["awake"], false);
    assert_eq!(run.requests("null", "back"), run.requests("none", "back"));
}

#[test]
fn beside_other_arms_the_copy_is_the_noise_floor() {
    let run = run("{none: {plane: none}, twice: {plane: none}}", "null: true\n", &[]);
    assert_eq!(arms_of(&run.measurement["effects"]), ["twice"]);
    assert_eq!(arms_of(&run.measurement["null"]["effects"]), ["null"]);
    let arms: Vec<&Value> = run.measurement["arms"].as_array().unwrap().iter().map(|arm| &arm["name"]).collect();
    assert_eq!(arms, ["none", "twice"]);
    assert!(run.file("report.txt").contains("noise floor"), "{}", run.file("report.txt"));
}

#[test]
fn a_lab_that_stands_up_anew_is_the_unit_of_statistics() {
    let arms = "{none: {plane: none}, twice: {plane: none}}";
    let run = run(arms, "stands: 4\n", &["--rounds", "12", "--stands", "6"]);
    assert_eq!(run.measurement["experiment"]["stands"], serde_json::json!({"rounds": 2, "windows": 2}));
    let timings: Value = serde_json::from_str(&run.file("timing.json")).unwrap();
    assert_eq!(timings.as_array().unwrap().len(), 6);
    // The services of all six stand-ups counted this; each ended with its lab.
    let requests = run.requests("none", "front").into_iter().map(|(_, requests)| requests).sum::<u64>();
    assert_eq!(requests, 60);
    assert_eq!(run.file("load.jsonl").lines().count(), 12 * 2);
    assert!(run.file("report.txt").contains("12 rounds in 6 stand-ups of the lab"), "{}", run.file("report.txt"));
    // Six stand-ups give an interval of memory at rest.
    let effects = run.measurement["effects"].as_array().unwrap();
    let rest = effects.iter().find(|effect| effect["metric"] == "memory_idle_mib").unwrap();
    assert!(rest["units"] == 6 && rest["difference_ci95"].is_array(), "{rest}");
    assert_is_reported_again(&run);
}

/// With any number of rounds, each client opens one connection per stand-up, before the first block.
#[test]
fn a_kept_connection_lives_as_long_as_the_lab() {
    let arms = "{none: {plane: none}, ebpf: {plane: none, watch: on}}";
    let run = run(arms, "stands: 2\n", &[]);
    let lines =
        |file: &str| run.file(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    for block in lines("load.jsonl") {
        assert_eq!((&block["connections"], &block["reconnects"]), (&0.into(), &0.into()), "{block}");
    }
    // The kernel agrees: nobody in the arm opened a connection, nor did the front to the back.
    for sight in lines("probe.jsonl") {
        assert_eq!((&sight["opened"], &sight["failed"]), (&0.into(), &0.into()), "{sight}");
    }
    assert_eq!(
        run.measurement["cautions"].as_array().unwrap().iter().filter(|told| told["kind"] == "connections").count(),
        0
    );
    // Services do not count the requests at the start of blocks.
    assert_eq!(
        (run.requests("none", "front"), run.requests("ebpf", "back")),
        (vec![("front-v1".to_owned(), 60)], vec![("back-v1".to_owned(), 60)])
    );
}

/// Whoever sets the pace, each request is counted by the client and by both services.
#[test]
fn users_and_a_rate_are_counted_everywhere() {
    let arms = "{none: {plane: none}, twice: {plane: none}}";
    for (load, key, value) in [
        ("users: {target: 'http://front:8080/', users: 4, think: 'exp:5ms', requests: 230}", "users", 4.0),
        ("rate: {target: 'http://front:8080/', rate: 200, poisson: true, requests: 230}", "rate_per_s", 200.0),
    ] {
        let run = run_under(load, arms, "", &[]);
        assert_eq!(run.measurement["experiment"][key].as_f64(), Some(value));
        for arm in ["none", "twice"] {
            assert_eq!((run.metric(arm, "requests"), run.metric(arm, "errors")), (230.0, 0.0), "{load}: {arm}");
            assert_eq!(run.requests(arm, "front"), [("front-v1".to_owned(), 230)], "{load}: {arm}");
            assert_eq!(run.requests(arm, "back"), [("back-v1".to_owned(), 230)], "{load}: {arm}");
        }
        assert_is_reported_again(&run);
    }
}

/// Ten rounds have ten stand-ups by default.
#[test]
fn the_lab_stands_up_ten_times_unless_told_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("experiment.yaml");
    let rest = "load: {sequential: {target: 'http://front:8080/', requests: 24}}\nidle: {windows: 8, window: 50ms}\n";
    let text = format!(
        "name: lives\ntopology: pair\narms: {{none: {{plane: none}}, twice: {{plane: none}}}}\nwarmup: 1\nrounds: 12\n{rest}"
    );
    std::fs::write(&file, text).unwrap();
    let run = Run::perform(&[file.to_str().unwrap()]);
    assert_eq!(run.measurement["experiment"]["stands"], serde_json::json!({"rounds": 1, "longer": 2, "windows": 1}));
    assert!(run.file("report.txt").contains("12 rounds in 10 stand-ups of the lab"), "{}", run.file("report.txt"));
    assert!(run.said.contains("in 12 rounds over 10 stand-ups of the lab"), "{}", run.said);
    let effects = run.measurement["effects"].as_array().unwrap();
    for metric in ["latency_ms_mean", "cpu_ms_per_request", "memory_idle_mib", "memory_growth_mib"] {
        let effect = effects.iter().find(|effect| effect["metric"] == metric).unwrap();
        assert!(effect["units"] == 10 && effect["difference_ci95"].is_array(), "{effect}");
    }
    assert_is_reported_again(&run);
}

/// Checks that `meshtax report` prints the same bytes that the run left.
fn assert_is_reported_again(run: &Run) {
    for (option, file) in [("--full", "report.txt"), ("--format=html", "report.html")] {
        let output = meshtax().arg("report").arg(&run.folder).arg(option).output().unwrap();
        assert!(words(&output) == run.file(file), "{file} changes when it is made again");
    }
}

#[test]
fn a_run_goes_on_until_its_interval_is_narrow_and_no_longer() {
    let rounds = |arguments: &[&str]| {
        let run = run("{none: {plane: none}, twice: {plane: none}}", "", arguments);
        run.measurement["experiment"]["rounds"].as_u64().unwrap()
    };
    // Every block has the same number of requests, so the interval has no width after the first rounds that may end a
    // run.
    assert_eq!(rounds(&["--until", "requests<1%", "--max-rounds", "40"]), 10);
    assert_eq!(rounds(&["--until", "latency_ms_p50<0.0000001%", "--max-rounds", "12"]), 12);
    // With several stand-ups, these are the unit: ten of two rounds, rather than ten rounds.
    assert_eq!(rounds(&["--until", "requests<1%", "--stands", "5", "--max-rounds", "25"]), 20);
}

#[test]
fn known_costs_are_recorded_by_the_services_and_found_again() {
    let arms = "{none: {plane: none}, wait: {plane: none, add: {to: front/, wait: 5ms}}, \
                burn: {plane: none, add: {to: front/, compute: 5ms}}, grow: {plane: none, add: {to: back/, response: 1000 B}}}";
    let run = run(arms, "awake: true\n", &[]);
    assert_is_reported_again(&run);
    assert_eq!(run.measurement["environment"]["awake"], true);
    let words: Vec<String> = run.file("report.txt").split_whitespace().map(str::to_owned).collect();
    assert!(words.join(" ").contains("processors kept awake"), "{words:?}");
    assert!(run.file("report.txt").contains("known costs lie inside"), "{}", run.file("report.txt"));
    let recoveries = run.measurement["calibration"].as_array().unwrap();
    let of = |arm: &str| recoveries.iter().find(|recovery| recovery["arm"] == arm).unwrap();
    for (arm, metric) in [("wait", "latency_ms_mean"), ("burn", "cpu_ms_per_request")] {
        let recovery = of(arm);
        assert_eq!(recovery["metric"], metric);
        let [truth, found] = ["truth", "difference"].map(|key| recovery[key].as_f64().unwrap());
        assert!(truth >= 4.99, "{recovery}");
        // A machine that others use widens the interval, which then says what can be asked of the figure.
        let [low, high] = [0, 1].map(|bound| recovery["difference_ci95"][bound].as_f64().unwrap());
        assert!((found - truth).abs() < (0.25 * truth).max(1.5 * (high - low)), "{recovery}");
        assert!(found > 0.5 * truth, "{recovery}");
    }
    let bytes = |arm: &str| run.arm(arm)["recorded"]["answer_bytes_per_request"].as_f64().unwrap();
    assert_eq!(bytes("grow") - bytes("none"), 1000.0);
    // The links saw them, plus at most a longer length and one more segment.
    let found = of("grow")["difference"].as_f64().unwrap();
    assert!(of("grow")["metric"] == "wire_bytes_per_request" && (990.0..1200.0).contains(&found), "{}", of("grow"));
}
