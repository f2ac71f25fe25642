use super::*;
use crate::address::assign;

fn read(services: &str) -> Topology {
    topology::read_topology(&format!("name: app\nservices:\n{services}")).unwrap()
}

/// `PODS WEIGHT` of each pod of the only service, which has these versions.
fn check(versions: &str, expect: &[(&str, u32)]) {
    let topology = read(&format!("  web: {{port: 80, endpoints: {{/: {{}}}}, versions: {versions}}}\n"));
    let weights: Vec<(String, u32)> =
        weighted(&topology.services[0]).map(|(pod, weight)| (pod.name(), weight)).collect();
    let weights: Vec<(&str, u32)> = weights.iter().map(|(pod, weight)| (pod.as_str(), *weight)).collect();
    assert_eq!(weights, expect, "{versions}");
}

#[test]
fn rules_spread_a_service_over_its_pods() {
    let topology = read(
        "  back: {port: 81, endpoints: {/: {}}, versions: {v1: {weight: 3}, v2: {instances: 2}, v3: {weight: 0}}}\n",
    );
    insta::assert_snapshot!(rules(&topology, &assign(&topology)), @"
    table ip meshtax_services {
      chain services {
        # back
        ip daddr 10.96.1.1 tcp dport 81 dnat to numgen random mod 8 map { 0-5 : 10.244.0.2, 6-6 : 10.244.0.3, 7-7 : 10.244.0.4 }
      }
      chain prerouting { type nat hook prerouting priority dstnat; jump services; }
      chain output { type nat hook output priority -100; jump services; }
      chain postrouting {
        type nat hook postrouting priority srcnat;
        ip saddr . ip daddr { 10.244.0.2 . 10.244.0.2, 10.244.0.3 . 10.244.0.3, 10.244.0.4 . 10.244.0.4, 10.244.0.5 . 10.244.0.5, 10.244.0.6 . 10.244.0.6 } masquerade
      }
    }
    ");
}

#[test]
fn a_version_shares_its_weight_with_its_instances() {
    check("{v1: {}, v2: {}}", &[("web-v1", 1), ("web-v2", 1)]);
    check("{v1: {weight: 3}, v2: {weight: 0}}", &[("web-v1", 3), ("web-v2", 0)]);
    check("{v1: {}, v2: {instances: 2}}", &[("web-v1", 2), ("web-v2-0", 1), ("web-v2-1", 1)]);
    check(
        "{v1: {instances: 2}, v2: {instances: 3}}",
        &[("web-v1-0", 3), ("web-v1-1", 3), ("web-v2-0", 2), ("web-v2-1", 2), ("web-v2-2", 2)],
    );
}

#[test]
fn weights_that_need_more_than_32_bits_keep_their_shares() {
    let primes = [13, 17, 19, 23, 29, 31, 37, 41];
    let versions: Vec<String> = primes.iter().map(|prime| format!("v{prime}: {{instances: {prime}}}")).collect();
    let topology =
        read(&format!("  web: {{port: 80, endpoints: {{/: {{}}}}, versions: {{{}}}}}\n", versions.join(", ")));
    let weights: Vec<(Pod<'_>, u32)> = weighted(&topology.services[0]).collect();
    let total: u32 = weights.iter().map(|(_, weight)| *weight).try_fold(0, u32::checked_add).expect("they fit");
    for (pod, weight) in weights {
        let share = f64::from(weight) / f64::from(total);
        assert!((share / pod.share() - 1.0).abs() < 1e-6, "{}: {share}", pod.name());
    }
}
