use std::time::Duration;

use super::*;
use crate::tests::parse;

/// An experiment on `services` with these `arms`, in YAML's short form.
fn experiment(services: &str, arms: &str) -> Experiment {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("experiment.yaml");
    std::fs::write(home.path().join("topology.yaml"), format!("name: t\nservices: {{{services}}}\n")).unwrap();
    let text = format!(
        "name: e\ntopology: topology.yaml\narms: {{{arms}}}\nload: {{sequential: {{target: 'http://a:80/', requests: 10}}}}\n\
         rounds: 10\n"
    );
    parse(&path, text).unwrap()
}

const ONE: &str = "a: {port: 80, endpoints: {/: {response: 5 B}}}";

#[test]
fn a_pod_without_a_mesh_takes_what_it_was_seen_to_take() {
    let demand = Demand::of(&experiment(ONE, "none: {plane: none}"));
    // Measured: 15 files for each pod, and one pod is the client's; 2 + 5 processes and threads, and the client's 2 +
    // 2; the node's DNS.
    assert_eq!((demand.arms, demand.pods, demand.namespaces), (1, 2, 3));
    assert_eq!(demand.tasks, 2 + 5 + 2 + 2 + 2);
    assert_eq!(demand.files, 8 + 1 + 2 + 2 + 2 * (7 + 2 + 2 + 2));
    assert_eq!(demand.threads, 1 + 1 + 2 * 2);
    assert_eq!((demand.proxy_tasks, demand.unknown), (0, 0));
}

/// A larger plan has a larger demand, by as much as was measured.
#[test]
fn every_part_of_a_plan_adds_to_it() {
    let of = |arms: &str| Demand::of(&experiment(ONE, arms));
    let (none, sidecar) = (of("none: {plane: none}"), of("s: {plane: sidecar}"));
    // An Envoy with two workers has 9 threads, its agent 2.
    assert_eq!(sidecar.tasks - none.tasks, 2 * (9 + 2));
    assert_eq!(sidecar.proxy_tasks, 2 * (9 + 2));
    assert_eq!(of("s: {plane: sidecar, concurrency: 4}").tasks - sidecar.tasks, 2 * 4);
    // Measured: 71.6 MiB for a sidecar that knows 1000 more services.
    let large = of("s: {plane: sidecar, mesh_size: 1000}").memory_bytes - sidecar.memory_bytes;
    assert!((120 * MIB..2 * 72 * MIB).contains(&large), "{large}");
    let both = of("none: {plane: none}, s: {plane: sidecar}");
    assert_eq!(both.pods, none.pods + sidecar.pods);
    assert_eq!(both.memory_bytes, none.memory_bytes + sidecar.memory_bytes);
    assert_eq!(both.disk_bytes, none.disk_bytes + sidecar.disk_bytes);
    let gateway = of("s: {plane: sidecar, gateway: ingress}");
    assert_eq!((gateway.pods, gateway.proxy_tasks), (sidecar.pods + 1, sidecar.proxy_tasks));
    // A pod that only serves has no sidecar of a caller.
    assert_eq!(of("s: {plane: sidecar, side: client}").proxy_tasks, sidecar.proxy_tasks / 2);
}

#[test]
fn memory_that_is_declared_counts_and_what_is_not_known_is_told() {
    let large = "a: {port: 80, memory: 3 GiB, endpoints: {/: {response: 5 B}}}";
    let more = Demand::of(&experiment(large, "none: {plane: none}")).memory_bytes;
    assert_eq!(more - Demand::of(&experiment(ONE, "none: {plane: none}")).memory_bytes, 3 << 30);
    let own = Demand::of(&experiment("a: {port: 80, command: [sleep]}", "none: {plane: none}"));
    assert_eq!(own.unknown, 1);
    assert!(own.to_string().contains("an unknown amount for your own program"), "{own}");
    let limited = Demand::of(&experiment(ONE, "s: {plane: sidecar, mesh_size: 1000, limits: {memory: 20 MiB}}"));
    assert!(limited.memory_bytes < 50 * MIB, "{limited}");
}

#[test]
fn requests_take_what_their_scripts_say() {
    let time = |services: &str| {
        let experiment = experiment(services, "none: {plane: none}");
        request(&experiment, &experiment.arms[0])
    };
    assert_eq!(time(ONE), HOP);
    let tree = "a: {port: 80, endpoints: {/: {response: 5 B, script: [{wait: 10ms}, {parallel: [b/, c/]}, {call: b/}]}}}, \
                b: {port: 80, endpoints: {/: {response: 5 B, script: [{compute: 2ms}]}}}, \
                c: {port: 80, endpoints: {/: {response: 5 B, script: [{compute: 5ms}]}}}";
    assert_eq!(time(tree), Duration::from_millis(10 + 5 + 2) + HOP * 3);
}

/// Each of forty services calls the next one twice: a million million hops, but they must be counted quickly. Calls
/// time out, though.
#[test]
fn calls_without_end_are_no_reason_to_count_for_ever() {
    let service = |number: u32| {
        let next = number + 1;
        format!(
            "s{number}: {{port: 80, endpoints: {{/: {{response: 5 B, script: [{{call: s{next}/}}, {{call: s{next}/}}]}}}}}}, "
        )
    };
    let first = "a: {port: 80, endpoints: {/: {response: 5 B, script: [{call: s0/}]}}}, ";
    let services = format!(
        "{first}{}s40: {{port: 80, endpoints: {{/: {{response: 5 B}}}}}}",
        (0..40).map(service).collect::<String>()
    );
    let experiment = experiment(&services, "none: {plane: none}");
    assert_eq!(request(&experiment, &experiment.arms[0]), Duration::from_secs(15) + HOP);
}
