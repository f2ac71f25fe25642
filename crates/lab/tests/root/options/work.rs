use std::fs;
use std::time::{Duration, Instant};

use super::{admin, listeners, printed, seen};
use testbed::Kept;

/// How long Envoy may take to write out what it has logged, which it does each second.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn access_logs_have_a_line_for_each_request(lab: &Kept) {
    let lines = |arm: &str, pod: &str| {
        let text = fs::read_to_string(lab.run.folder.join(format!("logs/{arm}/{pod}/proxy.log"))).unwrap();
        text.lines().filter(|line| line.contains("\"PATCH /")).map(str::to_owned).collect::<Vec<_>>()
    };
    let curl = ["curl", "--silent", "--max-time", "5", "--request", "PATCH", "http://echo:9000/"];
    for arm in ["sidecar", "logged", "of-1-9"] {
        lab.enter(arm, "client", &curl);
    }
    let deadline = Instant::now() + PATIENCE;
    for (arm, pod) in [("logged", "client"), ("logged", "echo-v1"), ("of-1-9", "client"), ("of-1-9", "echo-v1")] {
        while lines(arm, pod).is_empty() {
            assert!(Instant::now() < deadline, "{arm}/{pod} has logged nothing");
            std::thread::yield_now();
        }
        let [line] = &lines(arm, pod)[..] else { panic!("{arm}/{pod}: {:?}", lines(arm, pod)) };
        assert!(line.starts_with('[') && line.contains("\"PATCH / HTTP/1.1\" 501 - via_upstream - \"-\" 0 "), "{line}");
    }
    assert!(lines("sidecar", "echo-v1").is_empty());
}

/// One here; crate `plane` has two by default, and `rest` three.
pub fn workers_are_as_many_as_asked(lab: &Kept) {
    for pod in ["client", "echo-v1"] {
        assert_eq!(workers(lab, "sidecar", pod), ["wrk:worker_0"], "{pod}");
    }
}

/// Names of the threads of a pod's Envoy that serve requests.
pub fn workers(lab: &Kept, arm: &str, pod: &str) -> Vec<String> {
    let look = "cat /proc/$(pgrep -x envoy)/task/*/comm | grep ^wrk: | sort";
    printed(&lab.enter(arm, pod, &["sh", "-c", look])).lines().map(str::to_owned).collect()
}

/// The server says that it is unavailable, as gRPC would, and counts how often it was asked.
pub fn requests_are_tried_again_as_often_as_asked(lab: &Kept) {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "20", "http://echo:9000/unavailable"];
    for (arm, attempts) in [("sidecar", 3), ("eager", 6), ("tired", 1)] {
        printed(&lab.enter(arm, "client", &curl));
        let log = lab.run.file(&format!("logs/{arm}/echo-v1/app.log"));
        assert_eq!(log.matches("\"GET /unavailable HTTP/1.1\" 200").count(), attempts, "{arm}: {log}");
    }
}

pub fn rules_are_asked_and_let_pass(lab: &Kept) {
    let allowed = || {
        let stats = admin(lab, "guarded", "echo-v1", "/stats?filter=rbac");
        let counters = |name| {
            let of_chains = stats.lines().filter_map(move |line| line.split_once(name));
            of_chains.map(|(_, number)| number.parse::<u64>().unwrap()).collect::<Vec<_>>()
        };
        let denied = counters("rbac.denied: ");
        assert!(!denied.is_empty() && denied.iter().all(|number| *number == 0), "{stats}");
        counters("rbac.allowed: ").iter().sum::<u64>()
    };
    let before = allowed();
    seen(lab, "guarded");
    assert_eq!(allowed(), before + 1);
    let rules = |arm| listeners(lab, arm, "echo-v1").to_string().matches("policy[meshtax]-rule[").count();
    // The service's chain has them, and so have both that take mutual TLS at all other ports.
    assert_eq!([rules("sidecar"), rules("guarded")], [0, 3 * 4]);
}

pub fn a_larger_mesh_is_known_to_every_sidecar(lab: &Kept) {
    for pod in ["client", "echo-v1"] {
        let clusters = |arm| {
            let text = admin(lab, arm, pod, "/clusters");
            text.lines().filter(|line| line.contains("further-") && line.contains("::added_via_api")).count()
        };
        assert_eq!([clusters("sidecar"), clusters("large")], [0, 20], "{pod}");
        let hosts = listeners(lab, "large", pod).to_string().matches("\"further-00019.default\"").count();
        assert_eq!(hosts, 1, "{pod} has one virtual host for the last of them");
    }
}

/// Each option of one arm against the first; lines that are added or removed, and where.
pub fn the_run_folder_shows_what_an_arm_adds(lab: &Kept) {
    let changed = |arm: &str, sign: char| {
        let text = lab.run.file(&format!("planes/{arm}.diff"));
        let head = sign.to_string().repeat(3);
        let lines = text.lines().filter(|line| line.starts_with(sign) && !line.starts_with(&head));
        lines.map(|line| line[1..].trim().to_owned()).collect::<Vec<_>>()
    };
    // In each of two pods: the application's service, and none of the control plane's.
    assert_eq!(changed("eager", '+'), ["\"num_retries\": 5,"; 2]);
    assert_eq!(changed("eager", '-'), ["\"num_retries\": 2,"; 2]);
    for arm in ["logged", "guarded", "large"] {
        // The agent of a proxy that knows more services holds more.
        let removed: Vec<String> = changed(arm, '-').into_iter().filter(|line| line.parse::<u64>().is_err()).collect();
        assert_eq!(removed, [""; 0], "{arm} only adds");
        assert!(!changed(arm, '+').is_empty(), "{arm}");
    }
    assert_eq!(changed("server", '+').iter().filter(|line| line.starts_with("chain")).count(), 0);
    let files = lab.run.file("planes/server.diff");
    for name in
        ["--- sidecar/client/redirect.nft\n+++ /dev/null", "--- sidecar/echo-v1/redirect.nft\n+++ server/echo-v1"]
    {
        assert!(files.contains(name), "no {name}");
    }
    // The first ones are what others are compared with: all of them is added.
    let first = lab.run.file("planes/sidecar.diff");
    assert_eq!(changed("sidecar", '-'), [""; 0]);
    for file in ["redirect.nft", "command.txt", "agent.txt", "bootstrap.json"] {
        assert!(first.contains(&format!("--- /dev/null\n+++ sidecar/echo-v1/{file}\n")), "no {file} in {first}");
    }
    assert!(first.contains("+++ sidecar/node/probes.json") && !first.contains("PRIVATE KEY"), "{first}");
}
