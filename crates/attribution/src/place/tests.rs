use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use records::{EventKind, Flags, State};

use crate::kubernetes::KubernetesPod;
use crate::registry::tests::Imagined;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A socket of a process in a network namespace.
pub fn socket(role: ConnectionRole, netns: u32, comm: &str, local: &str) -> Connection {
    Connection {
        kind: EventKind::Seen,
        at: Duration::ZERO,
        id: 1,
        role,
        state: State::Established,
        begun: None,
        established: None,
        cgroup: 0,
        netns,
        pid: 4242,
        uid: 0,
        comm: comm.to_owned(),
        local: address(local),
        remote: address("0.0.0.0:0"),
        sent: 0,
        received: 0,
        retransmitted: 0,
        retransmits: 0,
        srtt_us: 0,
        rttvar_us: 0,
        rtt_min_us: 0,
        lost: 0,
        out_of_order: 0,
        reordered: 0,
        ecn_marked: 0,
        queue: 0,
        queue_max: 0,
        syn_queue: 0,
        listener: 0,
        drops: 0,
        error: None,
        flags: Flags {
            zero_window_sent: false,
            zero_window_received: false,
            seeded: false,
            partial: false,
            bypassed: false,
        },
    }
}

/// A namer on a host that has the pods of an arm `none`, and their network namespaces.
pub fn arm(pods: &[&str]) -> (Namer, Vec<u32>) {
    let machine = Imagined::default();
    let make = |(netns, pod): (u32, &&str)| {
        machine.name(netns, &format!("meshtax-1-none-{pod}"));
        netns
    };
    make((100, &"node"));
    let inodes = (101..).zip(pods).map(make).collect();
    let mut namer = Namer::new(machine.clone());
    namer.reread();
    (namer, inodes)
}

#[test]
fn an_address_has_the_name_of_its_one_owner_until_it_is_forgotten() {
    let (begin, later) = (Duration::ZERO, Duration::ZERO + Duration::from_secs(1));
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    let mut owners = Owners::default();
    let own = |owners: &mut Owners<IpAddr, &'static str>, name, at| {
        owners.own(address, name, at);
        owners.only(&address).copied()
    };
    assert_eq!(own(&mut owners, "web", begin), Some("web"));
    assert_eq!(own(&mut owners, "web", begin), Some("web"));
    assert_eq!(own(&mut owners, "shop", begin), None, "two at once");
    assert_eq!(own(&mut owners, "web", begin), None);
    assert_eq!(own(&mut owners, "shop", later), Some("shop"), "one after the other");
    owners.forget(later);
    assert_eq!(owners.only(&address), None);
}

/// The server that a client in a network namespace reaches, and the service that it calls.
fn called(places: &Places, network: &str, netns: u32, remote: &str) -> String {
    let place = Place { network, netns, transport: Transport::Tcp };
    let (server, service) = places.called(place, address(remote));
    format!("{} {}", server.map_or("-".to_owned(), |peer| peer.workload.to_string()), service.host)
}

/// The client that asks a server, and the service that it asks for, as the server sees them.
fn asked(places: &Places, namer: &mut Namer, network: &str, server: (u32, &str, u16), seen: &str) -> String {
    let (netns, comm, port) = server;
    let here = namer.peer(netns, 0, comm);
    let place = Place { network, netns, transport: Transport::Tcp };
    let (client, service) = places.asked(place, seen.parse().unwrap(), (&here, port), namer);
    format!("{} {}", client.map_or("-".to_owned(), |peer| peer.workload.to_string()), service.host)
}

#[test]
fn both_sides_call_a_process_of_the_same_host_by_its_name_and_port() {
    let mut namer = Namer::new(Imagined::default());
    let mut places = Places::default();
    let sockets = [
        socket(ConnectionRole::Listener, 7, "nginx", "0.0.0.0:80"),
        socket(ConnectionRole::Listener, 7, "redis", "127.0.0.1:6379"),
        socket(ConnectionRole::Server, 7, "nginx", "192.0.2.1:80"),
        socket(ConnectionRole::Client, 7, "curl", "192.0.2.1:40000"),
    ];
    places.learn(&sockets, &mut namer, Duration::ZERO);
    assert_eq!(called(&places, "", 7, "192.0.2.1:80"), "nginx nginx:80", "an address that several processes share");
    assert_eq!(called(&places, "", 7, "127.0.0.1:6379"), "redis redis:6379");
    assert_eq!(called(&places, "", 7, "127.0.0.1:23"), "- 127.0.0.1:23");
    assert_eq!(called(&places, "", 8, "127.0.0.1:6379"), "- 127.0.0.1:6379", "another host's own address");
    assert_eq!(called(&places, "", 7, "198.51.100.1:80"), "- 198.51.100.1:80");
    assert_eq!(asked(&places, &mut namer, "", (7, "nginx", 80), "198.51.100.1"), "- nginx:80");
}

#[test]
fn both_sides_call_a_pod_of_a_lab_by_its_service() {
    let (mut namer, pods) = arm(&["front-v1", "cache-v1"]);
    let network = "meshtax-1-none-";
    let mut places = Places::default();
    let sockets = [
        socket(ConnectionRole::Client, pods[0], "python", "10.244.0.2:40000"),
        socket(ConnectionRole::Listener, pods[1], "redis", "0.0.0.0:6379"),
        socket(ConnectionRole::Server, pods[1], "redis", "10.244.0.3:6379"),
    ];
    let at = Duration::ZERO;
    places.learn(&sockets, &mut namer, at);
    let cache = "cache.default.svc.cluster.local";
    assert_eq!(called(&places, network, pods[0], "10.244.0.3:6379"), format!("none-cache-v1 {cache}"));
    let server = (pods[1], "redis", 6379);
    assert_eq!(asked(&places, &mut namer, network, server, "10.244.0.2"), format!("none-front-v1 {cache}"));
    // The same by the service's address.
    let told = Translation {
        netns: pods[0],
        transport: Transport::Tcp,
        client: "10.244.0.2".parse().unwrap(),
        service: address("10.96.0.2:6379"),
        backend: address("10.244.0.3:6379"),
        seen: "10.244.0.2".parse().unwrap(),
    };
    places.learn_translations(&[told], &mut namer, at);
    assert_eq!(called(&places, network, pods[0], "10.96.0.2:6379"), format!("none-cache-v1 {cache}"));
    assert_eq!(asked(&places, &mut namer, network, server, "10.244.0.2"), format!("none-front-v1 {cache}"));
}

#[test]
fn both_sides_call_pods_of_kubernetes_by_what_made_them_also_where_several_answer() {
    let (machine, at) = (Imagined::default(), Duration::ZERO);
    let pods = [
        (70, "asks-d89bb565d-slpqv", "10.88.0.2"),
        (71, "web-58d845bbb9-nkrcc", "10.88.0.3"),
        (72, "web-58d845bbb9-w2rx8", "10.88.0.4"),
        (73, "web-next-6d4f8bb9c7-4hv2x", "10.88.0.5"),
    ];
    let mut owners = BTreeSet::new();
    for (netns, name, address) in pods {
        let (_, pod) =
            KubernetesPod::of_folder(&format!("shop_{name}_5d4b7e0a-93c1-4f3b-8e55-0a6f2f1d9b{netns}")).unwrap();
        machine.pod(u64::from(netns) + 1_000, pod, address);
        owners.insert((netns, u64::from(netns) + 1_000));
    }
    let (mut namer, mut places) = (Namer::new(machine), Places::default());
    namer.settle(&BTreeSet::new(), &owners);
    places.learn(&[], &mut namer, at);
    assert_eq!(called(&places, "", 70, "10.88.0.3:8080"), "web web:8080");
    let mut answers = |backend: &str| {
        let told = Translation {
            netns: 70,
            transport: Transport::Tcp,
            client: "10.88.0.2".parse().unwrap(),
            service: address("10.96.0.2:80"),
            backend: address(backend),
            seen: "10.88.0.2".parse().unwrap(),
        };
        places.learn_translations(&[told], &mut namer, at);
        called(&places, "", 70, "10.96.0.2:80")
    };
    assert_eq!(answers("10.88.0.3:8080"), "web 10.96.0.2:80");
    assert_eq!(answers("10.88.0.4:8080"), "web 10.96.0.2:80");
    assert_eq!(answers("10.88.0.5:8080"), "- 10.96.0.2:80");
    assert_eq!(asked(&places, &mut namer, "", (71, "httpd", 8080), "10.88.0.2"), "asks 10.96.0.2:80");
}

#[test]
fn only_a_proxy_that_takes_both_ways_is_a_sidecar() {
    let mut namer = Namer::new(Imagined::default());
    let mut check = |sockets: &[(ConnectionRole, &str, &str)], is_sidecar: bool| {
        let mut places = Places::default();
        let sockets: Vec<Connection> =
            sockets.iter().map(|(role, comm, local)| socket(*role, 7, comm, local)).collect();
        places.learn(&sockets, &mut namer, Duration::ZERO);
        assert_eq!(places.is_meshed(7), is_sidecar, "{sockets:?}");
    };
    let [outbound, inbound] = ["0.0.0.0:15001", "0.0.0.0:15006"];
    check(&[(ConnectionRole::Listener, "envoy", outbound), (ConnectionRole::Listener, "envoy", inbound)], true);
    check(
        &[(ConnectionRole::Listener, "envoy", "0.0.0.0:443"), (ConnectionRole::Listener, "envoy", "127.0.0.1:9901")],
        false,
    );
    check(&[(ConnectionRole::Listener, "envoy", outbound)], false);
    check(&[(ConnectionRole::Listener, "envoy", outbound), (ConnectionRole::Server, "envoy", inbound)], false);
    check(&[(ConnectionRole::Listener, "nginx", outbound), (ConnectionRole::Listener, "nginx", inbound)], false);
    check(&[(ConnectionRole::Listener, "envoy", outbound), (ConnectionRole::Listener, "nginx", inbound)], false);
}

#[test]
fn behind_a_sidecar_the_service_is_what_comes_to_the_pod_and_the_last_step_is_apart() {
    let (mut namer, pods) = arm(&["cache-v1"]);
    let mut places = Places::default();
    let sockets = [
        socket(ConnectionRole::Listener, pods[0], "envoy", "0.0.0.0:15001"),
        socket(ConnectionRole::Listener, pods[0], "envoy", "0.0.0.0:15006"),
        socket(ConnectionRole::Listener, pods[0], "redis", "0.0.0.0:6379"),
    ];
    places.learn(&sockets, &mut namer, Duration::ZERO);
    let network = "meshtax-1-none-";
    let from = |namer: &mut Namer, comm, port, seen| asked(&places, namer, network, (pods[0], comm, port), seen);
    assert_eq!(from(&mut namer, "envoy", 15006, "10.244.0.2"), "- cache.default.svc.cluster.local");
    assert_eq!(from(&mut namer, "redis", 6379, "127.0.0.6"), "none-cache-v1 none-cache-v1:6379");
}
