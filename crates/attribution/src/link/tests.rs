use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use records::ConnectionRole;

use crate::place::tests::{arm, socket};
use crate::registry::tests::Imagined;

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 244, 0, 3));

fn text(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name} {value}\n")).collect()
}

#[test]
fn pods_of_a_lab_have_all_of_istios_labels_that_a_kernel_can_know() {
    let (mut namer, pods) = arm(&["front-v1", "cache-v2"]);
    let mut places = Places::default();
    let sockets = [
        socket(ConnectionRole::Client, pods[0], "python", "10.244.0.2:40000"),
        socket(ConnectionRole::Listener, pods[1], "redis", "0.0.0.0:6379"),
        socket(ConnectionRole::Server, pods[1], "redis", "10.244.0.3:6379"),
    ];
    places.learn(&sockets, &mut namer, Duration::ZERO);
    let client = TcpKey {
        role: ConnectionRole::Client,
        cgroup: 0,
        netns: pods[0],
        comm: "python".to_owned(),
        remote: ADDRESS,
        port: 6379,
    };
    insta::assert_snapshot!(text(&Link::of(&client, &places, &mut namer).labels()), @"
    reporter source
    source_workload none-front-v1
    source_canonical_service front
    source_canonical_revision v1
    source_workload_namespace default
    source_principal unknown
    source_app front
    source_version v1
    source_cluster none
    destination_workload none-cache-v2
    destination_workload_namespace default
    destination_principal unknown
    destination_app cache
    destination_version v2
    destination_service cache.default.svc.cluster.local
    destination_canonical_service cache
    destination_canonical_revision v2
    destination_service_name cache
    destination_service_namespace default
    destination_cluster none
    request_protocol tcp
    response_flags -
    connection_security_policy unknown
    ");
}

#[test]
fn a_process_is_a_workload_and_a_service_of_its_name_and_a_stranger_is_unknown() {
    let mut namer = Namer::new(Imagined::default());
    let server = TcpKey {
        role: ConnectionRole::Server,
        cgroup: 0,
        netns: 7,
        comm: "nginx".to_owned(),
        remote: ADDRESS,
        port: 80,
    };
    let link = Link::of(&server, &Places::default(), &mut namer);
    insta::assert_snapshot!(text(&link.labels()), @"
    reporter destination
    source_workload unknown
    source_canonical_service unknown
    source_canonical_revision latest
    source_workload_namespace unknown
    source_principal unknown
    source_app unknown
    source_version unknown
    source_cluster unknown
    destination_workload nginx
    destination_workload_namespace unknown
    destination_principal unknown
    destination_app unknown
    destination_version unknown
    destination_service nginx:80
    destination_canonical_service nginx
    destination_canonical_revision latest
    destination_service_name nginx
    destination_service_namespace unknown
    destination_cluster unknown
    request_protocol tcp
    response_flags -
    connection_security_policy none
    ");
    let told = link.other().labels();
    assert!(told.iter().all(|(name, value)| **value == *if *name == "reporter" { "destination" } else { "other" }));
}
