//! The gateway's bootstrap, as a reader of the file would check it.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::gateway_bootstrap;
use crate::{Destination, Files, MeshEndpoint, Mtls, Port, Sidecar};

#[test]
fn it_leads_to_every_http_service_and_nowhere_else() {
    let bootstrap = write(&Sidecar::default());
    assert!(bootstrap["node"]["id"].as_str().unwrap().starts_with("router~10.244.255.254~istio-ingressgateway-"));
    let listeners = bootstrap["static_resources"]["listeners"].as_array().unwrap();
    let names: Vec<&str> = listeners.iter().map(|listener| listener["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names.len(), 3, "beside its own readiness and metrics: {names:?}");
    let listener = &listeners[0];
    assert_eq!(listener["address"]["socket_address"]["port_value"], 8080);
    let hosts = manager(listener)["route_config"]["virtual_hosts"].as_array().unwrap();
    let [host] = &hosts[..] else { panic!("{hosts:?}") };
    assert_eq!(host["routes"][0]["route"]["cluster"], "outbound|9080||reviews.default.svc.cluster.local");
    assert_eq!(host["routes"][0]["decorator"]["operation"], "reviews.default.svc.cluster.local:9080/*");
}

#[test]
fn the_whole_bootstrap() {
    let mut bootstrap = write(&Sidecar { telemetry: false, ..Sidecar::default() });
    crate::tests::forget_control(&mut bootstrap);
    insta::assert_json_snapshot!(bootstrap);
}

#[test]
fn it_encrypts_towards_sidecars_only() {
    let transport = |options: &Sidecar| {
        let bootstrap = write(options);
        let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
        let found = clusters.iter().find(|cluster| cluster["name"].as_str().unwrap().contains("reviews")).unwrap();
        let endpoint = &found["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
        let asks = endpoint["metadata"]["filter_metadata"].get("envoy.transport_socket_match").cloned();
        // The first match is taken. An endpoint that asks for nothing matches what wants nothing.
        let all = found["transport_socket_matches"].as_array()?;
        let asks = asks.unwrap_or_else(|| json!({}));
        let taken = all.iter().find(|one| one["match"] == asks)?;
        taken["transport_socket"]["name"].as_str().map(str::to_owned)
    };
    assert_eq!(transport(&Sidecar::default()).unwrap(), "envoy.transport_sockets.tls");
    // If none matches, the transport is plaintext.
    assert_eq!(transport(&Sidecar { mtls: Mtls::Off, ..Sidecar::default() }), None);
}

#[test]
fn it_does_not_believe_what_clients_say_of_themselves() {
    let bootstrap = write(&Sidecar::default());
    let manager = manager(&bootstrap["static_resources"]["listeners"][0]);
    assert_eq!(manager["use_remote_address"], true);
    assert_eq!(manager["forward_client_cert_details"], "SANITIZE_SET");
}

fn manager(listener: &Value) -> &Value {
    &listener["filter_chains"][0]["filters"][0]["typed_config"]
}

fn write(options: &Sidecar) -> Value {
    let file = |name: &str| format!("/etc/certs/{name}.pem");
    let files = Files { certificate: file("certificate"), key: file("key"), authority: file("authority") };
    gateway_bootstrap(Ipv4Addr::new(10, 244, 255, 254), &destinations(), &files, options)
}

fn destinations() -> Vec<Destination> {
    let destination = |service: &str, number, protocol, last| Destination {
        service: service.into(),
        namespace: crate::NAMESPACE,
        port: Port { number, protocol, declared: true },
        account: service.into(),
        address: Ipv4Addr::new(10, 96, 0, last),
        endpoints: vec![MeshEndpoint {
            pod: "web-v1".into(),
            address: Ipv4Addr::new(10, 0, 0, last),
            version: "v1".into(),
            weight: 1,
        }],
    };
    vec![destination("reviews", 9080, Protocol::Http, 1), destination("cache", 6379, Protocol::Tcp, 2)]
}
