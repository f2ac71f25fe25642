use std::fs;
use std::time::Duration;

use measure::ConnectionUse;
use plane::Sidecar;
use traffic::{Model, Think};

use super::*;
use crate::tests::{parse, shipped, shipped_on, told};

fn read(name: &str) -> Experiment {
    shipped(name)
}

fn pair() -> Experiment {
    read("experiments/pair.yaml")
}

/// Checks what a user would see after a change to the bundled experiment `pair`: its outline, or the failure.
fn check(change: impl FnOnce(&mut Experiment) -> Result<(), Refusal>, expect: &str) {
    let mut experiment = pair();
    let seen = match change(&mut experiment) {
        Ok(()) => outline(&experiment),
        Err(refusal) => told(&refusal),
    };
    assert_eq!(seen.trim_end(), expect);
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn bundled_experiments_are_valid_and_compare_a_mesh_with_none() {
    const WATCHED: [(&str, &str); 2] = [("ebpf", "none"), ("both", "sidecar")];
    for (name, watched) in [("bookinfo-lean", 0), ("pair", 0), ("demo", 1), ("four-arms", 2), ("faults", 2)] {
        let experiment = read(&format!("experiments/{name}.yaml"));
        let arms: Vec<&str> = experiment.arms.iter().map(|arm| &*arm.name).collect();
        assert_eq!(arms[..2], ["none", "sidecar"], "{name}");
        assert_eq!(arms.len(), 2 + watched, "{name}");
        for (arm, same) in &WATCHED[..watched] {
            let plane = |name: &str| &experiment.arms.iter().find(|arm| arm.name == name).unwrap().plane;
            assert_eq!(plane(arm), plane(same), "{name}");
        }
        assert!(experiment.arms.iter().all(|arm| arm.watched == WATCHED.iter().any(|(name, _)| *name == arm.name)));
        assert!(experiment.rounds >= 10, "{name}: good intervals need 10 rounds");
        assert!(experiment.needs_envoy(), "{name}");
    }
}

/// The studies as they were published have one round, which has no interval, so a noise floor would show nothing.
#[test]
fn bundled_experiments_have_a_noise_floor_but_those_of_one_round() {
    const ONE_ROUND: [&str; 2] = ["experiments/bookinfo-sequential.yaml", "experiments/simple-sequential.yaml"];
    for name in bundled::names().filter(|name| name.starts_with("experiments/") && name.ends_with(".yaml")) {
        let experiment = read(name);
        assert_eq!((experiment.null, experiment.rounds > 1), (!ONE_ROUND.contains(&name), experiment.null), "{name}");
    }
    let mut of_topology = shipped_on("topologies/pair.yaml", None);
    let standing = |experiment: &Experiment| experiment.standing().into_iter().map(|arm| arm.name).collect::<Vec<_>>();
    assert_eq!(standing(&of_topology), ["none", "sidecar", "null"]);
    of_topology.choose(&names(&["sidecar"])).unwrap();
    assert_eq!(standing(&of_topology), ["sidecar"], "nothing is compared with one arm alone");
}

#[test]
fn what_a_file_leaves_out_has_defaults() {
    let text = "name: least\ntopology: pair\narms: {here: {plane: none}, meshed: {plane: sidecar}}\n\
                load: {sequential: {target: 'http://front:8080/', requests: 15}}\n";
    let experiment = parse(Path::new("least.yaml"), text.to_owned()).unwrap();
    assert_eq!(experiment.load.model, Model::Closed { users: 1, think: Think::None, pace: Duration::ZERO });
    assert_eq!(experiment.load.connection, ConnectionUse::Keep);
    assert_eq!(experiment.load.timeout, Duration::from_secs(10));
    assert_eq!(experiment.warmup, 50);
    assert_eq!(experiment.rounds, 15);
    assert_eq!(experiment.idle, (8, Duration::from_secs(1)));
    assert_eq!(experiment.seed, 1);
    assert!(matches!(&experiment.arms[0].plane, Plane::None));
    assert!(matches!(&experiment.arms[1].plane, Plane::Sidecar(sidecar) if *sidecar == Sidecar::default()));
}

#[test]
fn telemetry_is_switched_in_either_spelling() {
    for (written, expect) in [("on", true), ("true", true), ("off", false), ("false", false)] {
        let text = pair().text.replace("{plane: sidecar}", &format!("{{plane: sidecar, telemetry: {written}}}"));
        let experiment = parse(Path::new("pair.yaml"), text).unwrap();
        let Plane::Sidecar(sidecar) = &experiment.arms[1].plane else { panic!("`sidecar` has sidecars") };
        assert_eq!(sidecar.telemetry, expect, "{written}");
    }
}

#[test]
fn a_topology_alone_becomes_an_experiment() {
    let experiment = shipped_on("topologies/bookinfo-lean.yaml", None);
    assert_eq!(
        outline(&experiment).trim_end(),
        "experiment bookinfo-lean: arms none, sidecar\n1500 requests per arm to \
         http://productpage:9080/productpage in 15 rounds over 10 stand-ups of the lab"
    );
    // The experiment in the run folder can be run again.
    let again = parse(Path::new("experiment.yaml"), experiment.text.clone()).unwrap();
    assert_eq!(outline(&again), outline(&experiment));

    let target = Some("http://reviews.default.svc.cluster.local:9080/reviews/0");
    let experiment = shipped_on("topologies/bookinfo-lean.yaml", target);
    assert_eq!(experiment.load.request.target.host(), "reviews.default.svc.cluster.local");
}

#[test]
fn amounts_of_the_command_line_win() {
    let amounts = |rounds, requests| Amounts { rounds, requests, seed: Some(7), ..Amounts::default() };
    let amend = |amounts: Amounts| move |experiment: &mut Experiment| experiment.amend(&amounts);
    check(
        amend(amounts(Some(6), Some(60))),
        "experiment pair: arms none, sidecar\n60 requests per arm to http://front:8080/ in 6 rounds over 6 stand-ups of the lab",
    );
    // Nobody asked for 15 rounds.
    check(
        amend(amounts(None, Some(4))),
        "experiment pair: arms none, sidecar\n4 requests per arm to http://front:8080/ in 4 rounds over 4 stand-ups of the lab",
    );
    check(
        amend(amounts(Some(5), Some(4))),
        "error: 5 rounds need as many requests, got 4\n\n\
         hint: each round needs a request: raise `--requests` or lower `--rounds`",
    );
    let mut experiment = pair();
    experiment.amend(&amounts(None, None)).unwrap();
    assert_eq!(experiment.seed, 7);
}

/// The bundled experiment `pair` with further lines.
fn pair_with(lines: &str) -> Result<Experiment, String> {
    let text = pair().text.replace("rounds: 15", "rounds: 20");
    assert_ne!(text, pair().text, "the experiment has the rounds that are replaced");
    parse(Path::new("pair.yaml"), format!("{text}{lines}"))
}

#[test]
fn a_run_that_goes_on_has_a_bound() {
    let most = |lines: &str, amounts: Amounts| {
        let mut experiment = pair_with(lines).unwrap();
        experiment.amend(&amounts).map(|()| experiment.most_rounds()).map_err(|refusal| told(&refusal))
    };
    let until = || Some("latency_ms_p50<2%".parse().unwrap());
    let none = Amounts::default;
    let rule = "until: latency_ms_p50<2%\n";
    assert_eq!(most("", none()), Ok(20));
    assert_eq!(most(rule, none()), Ok(200));
    assert_eq!(most(rule, Amounts { stands: Some(1), max_rounds: Some(41), ..none() }), Ok(41));
    assert_eq!(most("max_rounds: 40\n", Amounts { until: until(), ..none() }), Ok(40), "the file's bound holds");
    assert_eq!(most("max_rounds: 40\n", Amounts { until: until(), max_rounds: Some(50), ..none() }), Ok(50));
    assert_eq!(most(rule, Amounts { rounds: Some(300), ..none() }), Ok(300));
    // Ten stand-ups have two rounds each; a 41st round would be half of another stand-up.
    assert_eq!(most(rule, Amounts { max_rounds: Some(41), ..none() }), Ok(40));
    assert_eq!(most(rule, Amounts { stands: Some(7), max_rounds: Some(25), ..none() }), Ok(24));
    assert_eq!(
        most(rule, Amounts { rounds: Some(10), max_rounds: Some(9), ..none() }).unwrap_err(),
        "error: `max_rounds` is below the 10 rounds of the run\n\nhint: raise `max_rounds` or lower `rounds`\n"
    );
    assert_eq!(
        most("", Amounts { max_rounds: Some(200), ..none() }).unwrap_err(),
        "error: `--max-rounds` has no effect without `--until`\n\nhint: say when to stop, such as \
         `--until 'latency_ms_p50<2%'`\n"
    );
}

#[test]
fn a_file_whose_run_would_not_end_as_asked_is_refused_at_its_place() {
    let lines = 1 + pair().text.lines().count();
    let refused = |text: &str, line: usize, what: &str| {
        let refusal = pair_with(text).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("error: pair.yaml:{line}:")) && refusal.contains(what), "{refusal}");
    };
    let rest = "has an interval only over several stand-ups";
    refused("until: memory_idle_mib<2%\nstands: 1\n", lines, rest);
    refused("until: memory_growth_mib<2%\nstands: 1\n", lines, rest);
    assert!(pair_with("until: memory_idle_mib<2%\n").is_ok(), "the lab stands up ten times unless told otherwise");
    refused("until: p50<2%\n", lines, "metrics are latency_ms_mean, latency_ms_p50");
    refused("until: latency_ms_p50<2%\nmax_rounds: 19\n", lines + 1, "is below the 20 rounds");
}

#[test]
fn arms_are_chosen_in_the_order_of_the_command_line() {
    let choose = |list: &[&str]| {
        let list = names(list);
        move |experiment: &mut Experiment| experiment.choose(&list)
    };
    check(
        choose(&["sidecar", "none"]),
        "experiment pair: arms sidecar, none\n2000 requests per arm to http://front:8080/ in 15 rounds over 10 stand-ups of the lab",
    );
    check(
        choose(&[]),
        "experiment pair: arms none, sidecar\n2000 requests per arm to http://front:8080/ in 15 rounds over 10 stand-ups of the lab",
    );
    check(choose(&["ambient"]), "error: no arm is called `ambient`\n\nhint: arms here are none, sidecar");
    check(choose(&["none", "none"]), "error: arm `none` is named twice\n\nhint: name each arm once in `--arms`");

    let mut experiment = pair();
    experiment.choose(&names(&["none"])).unwrap();
    assert!(!experiment.needs_envoy());
}

#[test]
fn a_target_leads_into_the_topology() {
    let aim = |url: &'static str| move |experiment: &mut Experiment| experiment.aim(url);
    check(
        aim("http://back:8080/?page=2"),
        "experiment pair: arms none, sidecar\n2000 requests per arm to http://back:8080/?page=2 in 15 rounds over 10 stand-ups of the lab",
    );
    check(
        aim("http://back.default.svc.cluster.local:8080/health"),
        "experiment pair: arms none, sidecar\n2000 requests per arm to \
         http://back.default.svc.cluster.local:8080/health in 15 rounds over 10 stand-ups of the lab",
    );
    for (url, what) in [
        ("http://example.org/", "topology `pair` has no service `example.org`"),
        ("http://back/", "service `back` listens on port 8080, not 80"),
        ("http://back:8080/none", "not every version of service `back` has an endpoint `/none`"),
        ("back:8080", "`back:8080` does not start with `http://`"),
    ] {
        check(aim(url), &format!("error: {what}\n\nhint: write a URL such as `http://front:8080/`"));
    }
}

#[test]
fn the_key_null_is_a_key_and_its_faults_have_their_place() {
    let with = |null: &str| {
        let text = pair().text.replace("null: true", null);
        parse(Path::new("pair.yaml"), text)
    };
    assert!(with("null: true").unwrap().null);
    assert!(!with("null: false").unwrap().null);
    let line = 1 + pair().text.lines().position(|line| line.starts_with("null:")).unwrap();
    let refusal = with("null: perhaps").unwrap_err().to_string();
    assert!(refusal.starts_with(&format!("error: pair.yaml:{line}:7: ")), "{refusal}");
}

#[test]
fn faults_lie_between_a_caller_and_whom_it_calls() {
    let read = |topology: &str, fault: &str| {
        let text = pair().text.replace("topology: pair ", &format!("topology: {topology} "));
        parse(Path::new("pair.yaml"), format!("{text}faults: [{{{fault}}}]\n"))
    };
    let planned = read("pair", "kind: loss, from: front, to: back, share: 10%").unwrap().faults;
    let line = ground::CallPath { callers: names(&["front-v1"]), callees: names(&["back-v1"]), port: 8080 };
    assert_eq!(planned[0].injection, ground::Injection::Loss(line, 0.1));
    assert_eq!((planned[0].at, planned[0].lasting), (Duration::from_secs(2), Duration::from_secs(4)));
    assert_eq!(read("faults", "kind: reset, from: front, to: back").unwrap().faults[0].share, Some(1.0));
    assert!(read("faults", "kind: name, from: front, to: back").is_ok());
    for (topology, fault, what) in [
        ("pair", "kind: loss, from: back, to: front", "`back` never calls `front`"),
        ("pair", "kind: loss, from: front, to: side", "topology `pair` has no service `side`"),
        (
            "pair",
            "kind: name, from: front, to: back",
            "`front` keeps its connections, so it never looks up the name again",
        ),
        ("faults", "kind: name, from: front, to: back, share: 10%", "this kind of fault has no share"),
        ("pair", "kind: loss, from: front, to: back, share: 0%", "`share` must be greater than 0"),
        ("pair", "kind: loss, from: front, to: back, at: 1ms", "this is too short to see anything"),
    ] {
        let refusal = read(topology, fault).unwrap_err().to_string();
        assert!(refusal.contains(what), "{fault}: {refusal}");
    }
}

/// The templates of proxies are also bundled, and can be filled in for every pod.
#[test]
fn the_bundled_proxies_are_programs() {
    let experiment = read("experiments/proxies.yaml");
    let programs: Vec<_> = experiment.programs.iter().map(|wanted| (&*wanted.arm, &*wanted.program)).collect();
    assert_eq!(programs, [("haproxy", "haproxy"), ("nginx", "nginx")]);
    for name in ["haproxy", "nginx"] {
        let plane = &experiment.arms.iter().find(|arm| arm.name == name).unwrap().plane;
        assert!(matches!(plane, Plane::Proxy(proxy) if proxy.templates.len() == 1), "{name}");
    }
}

/// nginx can only proxy HTTP, and its template says so for a topology with something else.
#[test]
fn a_template_refuses_what_its_program_cannot_do() {
    let text = read("experiments/proxies.yaml").text;
    let text = text.replace("topology: pair", "topology: tcp.yaml").replace("front:8080", "front:9080");
    let home = tempfile::tempdir().unwrap();
    let topology = "name: tcp\nservices:\n  front: {port: 9080, endpoints: {/: {script: [call: cache]}}}\n  \
                    cache: {port: 6379, protocol: tcp, response: 9}\n";
    fs::write(home.path().join("tcp.yaml"), topology).unwrap();
    fs::create_dir(home.path().join("proxies")).unwrap();
    for name in ["haproxy.cfg", "nginx.conf"] {
        let template = bundled::file(&format!("experiments/proxies/{name}")).unwrap();
        fs::write(home.path().join("proxies").join(name), template).unwrap();
    }
    let failure = parse(&home.path().join("proxies.yaml"), text).unwrap_err().to_string();
    assert!(failure.contains("nginx.conf:") && failure.contains("nginx cannot lead to `cache`"), "{failure}");
}
