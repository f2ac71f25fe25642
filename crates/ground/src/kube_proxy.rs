//! Service addresses, spread over instances as kube-proxy does: a random instance for each new connection.

use std::fmt::Write;

use topology::{Pod, Service, Topology};

use crate::address::Addresses;

/// The node's rules as nftables text. A connection from a pod to its own service may come back to the pod itself, whose
/// kernel would refuse its own address as source; hence the masquerade.
pub fn rules(topology: &Topology, addresses: &Addresses) -> String {
    let mut text = String::from("table ip meshtax_services {\n  chain services {\n");
    for service in &topology.services {
        let (slots, map) = spread(service, addresses);
        let address = addresses.service(&service.name);
        writeln!(text, "    # {}", service.name).expect("writing to a string cannot fail");
        writeln!(
            text,
            "    ip daddr {address} tcp dport {} dnat to numgen random mod {slots} map {{ {map} }}",
            service.port
        )
        .expect("writing to a string cannot fail");
    }
    let itself: Vec<String> = addresses.pods.iter().map(|(_, pod)| format!("{pod} . {pod}")).collect();
    text.push_str("  }\n");
    text.push_str("  chain prerouting { type nat hook prerouting priority dstnat; jump services; }\n");
    text.push_str("  chain output { type nat hook output priority -100; jump services; }\n");
    text.push_str("  chain postrouting {\n    type nat hook postrouting priority srcnat;\n");
    writeln!(text, "    ip saddr . ip daddr {{ {} }} masquerade", itself.join(", "))
        .expect("writing to a string cannot fail");
    text.push_str("  }\n}\n");
    text
}

/// How many slots the random number has, and which slots lead to which pod.
fn spread(service: &Service, addresses: &Addresses) -> (u32, String) {
    let mut next = 0;
    let mut map = Vec::new();
    for (pod, weight) in weighted(service).filter(|(_, weight)| *weight > 0) {
        let last = next + weight - 1;
        map.push(format!("{next}-{last} : {}", addresses.pod(&pod.name())));
        next += weight;
    }
    (next, map.join(", "))
}

/// The pods of a service with whole-number weights: a version's weight is split evenly over its instances, so every
/// weight is scaled by the least common multiple of the numbers of instances.
pub fn weighted(service: &Service) -> impl Iterator<Item = (Pod<'_>, u32)> {
    let scale = service.versions.iter().map(|version| u128::from(version.instances)).fold(1, least_common_multiple);
    let exact = move |pod: &Pod<'_>| u128::from(pod.version.weight) * (scale / u128::from(pod.version.instances));
    let total: u128 = service.pods().map(|pod| exact(&pod)).sum();
    // The random number of nftables and the sum of Envoy's weights have 32 bits; odd numbers of instances may need
    // more, and then lose less than a millionth of a share.
    let excess = total / u128::from(u32::MAX) + 1;
    service.pods().map(move |pod| {
        let weight = u32::try_from(exact(&pod) / excess).expect("a part is no more than the whole");
        (pod, weight)
    })
}

fn least_common_multiple(a: u128, b: u128) -> u128 {
    a / greatest_common_divisor(a, b) * b
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests;
