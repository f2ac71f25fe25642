//! A port without a declared protocol.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::{forget_control, list, text};
use crate::{Destination, Files, MeshEndpoint, Mtls, Port, Sidecar, Workload, bootstrap};

/// The bootstrap of a pod that serves an undeclared port and calls one.
fn written(protocol: Protocol, options: &Sidecar) -> Value {
    let port = Port { number: 12235, protocol, declared: false };
    let workload = Workload {
        pod: "hello-v1".into(),
        service: "hello".into(),
        version: "v1".into(),
        namespace: "default",
        account: "default".into(),
        address: Ipv4Addr::new(10, 0, 0, 2),
        ports: vec![port],
    };
    let destination = Destination {
        service: "hello".into(),
        namespace: crate::NAMESPACE,
        port,
        account: "default".into(),
        address: Ipv4Addr::new(10, 96, 0, 1),
        endpoints: vec![MeshEndpoint {
            pod: "web-v1".into(),
            address: Ipv4Addr::new(10, 0, 0, 2),
            version: "v1".into(),
            weight: 1,
        }],
    };
    let files = Files { certificate: "c".into(), key: "k".into(), authority: "a".into() };
    let mut bootstrap = bootstrap(&workload, &[destination], &files, options);
    forget_control(&mut bootstrap);
    bootstrap
}

fn named<'a>(bootstrap: &'a Value, kind: &str, name: &str) -> &'a Value {
    let all = list(&bootstrap["static_resources"][kind]);
    all.iter().find(|one| text(&one["name"]) == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The protocol is detected, so it does not change the bootstrap.
#[test]
fn nobody_knows_what_is_spoken() {
    assert_eq!(written(Protocol::Http, &Sidecar::default()), written(Protocol::Tcp, &Sidecar::default()));
}

#[test]
fn the_whole_bootstrap() {
    let options = Sidecar { telemetry: false, mtls: Mtls::Permissive, ..Sidecar::default() };
    insta::assert_json_snapshot!(written(Protocol::Http, &options));
}

#[test]
fn the_caller_hands_on_http_as_http_and_everything_else_as_bytes() {
    let bootstrap = written(Protocol::Http, &Sidecar::default());
    let cluster = "outbound|12235||hello.default.svc.cluster.local";
    let listener = named(&bootstrap, "listeners", "10.96.0.1_12235");
    assert_eq!(listener["listener_filters"][0]["name"], "envoy.filters.listener.http_inspector");
    let [chain, of_http_2] = list(&listener["filter_chains"]) else { panic!("{listener}") };
    let wanted = |found| json!({"transport_protocol": "raw_buffer", "application_protocols": [found]});
    assert_eq!(chain["filter_chain_match"], wanted("http/1.1"));
    assert_eq!(of_http_2["filter_chain_match"], wanted("h2c"));
    assert!(of_http_2.to_string().contains("istio-h2,istio,h2"), "{of_http_2}");
    let host = &chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0];
    assert_eq!((&host["domains"], &host["routes"][0]["route"]["cluster"]), (&json!(["*"]), &json!(cluster)));
    assert_eq!(listener["default_filter_chain"]["filters"][0]["typed_config"]["cluster"], cluster);
    // The cluster offers the names for bytes; those for HTTP are in each request's state.
    let offered = "/transport_socket_matches/0/transport_socket/typed_config/common_tls_context/alpn_protocols";
    let cluster = named(&bootstrap, "clusters", cluster);
    assert_eq!(cluster.pointer(offered), Some(&json!(["istio-peer-exchange", "istio"])));
    let filters = list(&chain["filters"][0]["typed_config"]["http_filters"]);
    let names: Vec<&str> = filters.iter().map(|filter| text(&filter["name"])).collect();
    assert_eq!(names[names.len() - 2..], ["envoy.filters.http.set_filter_state", "envoy.filters.http.router"]);
}

#[test]
fn the_called_side_goes_by_what_the_caller_offers() {
    let bootstrap = written(Protocol::Http, &Sidecar::default());
    let chains = list(&named(&bootstrap, "listeners", "virtualInbound")["filter_chains"]);
    let of_port = chains.iter().filter(|chain| chain["filter_chain_match"]["destination_port"] == 12235);
    let told: Vec<(&Value, &str)> = of_port
        .map(|chain| {
            assert_eq!(chain["filter_chain_match"]["transport_protocol"], "tls");
            (&chain["filter_chain_match"]["application_protocols"], text(&chain["filters"][0]["name"]))
        })
        .collect();
    let http = json!(["istio-http/1.0", "istio-http/1.1", "istio-h2"]);
    assert_eq!(
        told,
        [(&http, "envoy.filters.network.http_connection_manager"), (&Value::Null, "envoy.filters.network.tcp_proxy"),]
    );
}

/// Where plaintext is allowed, it is inspected. Traffic from a peer of the mesh is recognised by its ALPN offer.
#[test]
fn plaintext_is_looked_at() {
    let bootstrap = written(Protocol::Http, &Sidecar { mtls: Mtls::Permissive, ..Sidecar::default() });
    let listener = named(&bootstrap, "listeners", "virtualInbound");
    let inspector = list(&listener["listener_filters"]).last().unwrap();
    assert_eq!(inspector["name"], "envoy.filters.listener.http_inspector");
    assert_eq!(inspector["filter_disabled"]["destination_port_range"]["start"], 15006, "no other port is known");
    let wanted = list(&listener["filter_chains"]).iter().map(|chain| &chain["filter_chain_match"]);
    let wanted = wanted.filter(|wanted| wanted["destination_port"] == 12235);
    let told: Vec<_> = wanted.map(|wanted| wanted["application_protocols"].to_string()).collect();
    let https = r#"["istio-http/1.0","istio-http/1.1","istio-h2"]"#;
    assert_eq!(told, [https, r#"["http/1.1","h2c"]"#, r#"["istio","istio-peer-exchange"]"#, "null", "null"]);
}
