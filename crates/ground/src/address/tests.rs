use super::*;

#[test]
fn services_and_pods_are_numbered_in_the_order_of_the_topology() {
    let text = "name: app\nservices:\n  \
                web: {port: 80, instances: 2, endpoints: {/: {script: [call: back/]}}}\n  \
                back: {port: 81, endpoints: {/: {}}, versions: {v1: {}, v2: {}}}\n";
    let addresses = assign(&topology::read_topology(text).unwrap());
    let lines = |list: &[(String, Ipv4Addr)]| {
        list.iter().map(|(name, address)| format!("{name} {address}")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(lines(&addresses.services), @"
    web 10.96.1.1
    back 10.96.1.2
    ");
    insta::assert_snapshot!(lines(&addresses.pods), @"
    web-v1-0 10.244.0.2
    web-v1-1 10.244.0.3
    back-v1 10.244.0.4
    back-v2 10.244.0.5
    client 10.244.0.6
    ");
    assert_eq!(addresses.service("back"), Ipv4Addr::new(10, 96, 1, 2));
    assert_eq!(addresses.pod(CLIENT), addresses.pods.last().unwrap().1);
}

#[test]
fn pods_look_names_up_as_in_a_cluster() {
    insta::assert_snapshot!(resolv_conf(), @"
    search default.svc.cluster.local svc.cluster.local cluster.local
    nameserver 10.96.0.10
    options ndots:5
    ");
}
