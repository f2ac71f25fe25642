//! The bootstrap and the rules, checked as a reader of the files would.

mod options;
mod sniffed;
mod telemetry;

use std::net::Ipv4Addr;

use serde_json::Value;
use topology::Protocol;

use crate::{
    Destination, Files, MeshEndpoint, Mtls, Port, Preset, Sidecar, Workload, arguments, bootstrap, fqdn, redirect,
    spiffe,
};

const HTTP: Port = Port { number: 9080, protocol: Protocol::Http, declared: true };
const TCP: Port = Port { number: 6379, protocol: Protocol::Tcp, declared: true };

#[test]
fn a_sidecar_leads_to_its_application_and_to_every_destination() {
    check(
        &[HTTP],
        &Sidecar::default(),
        "
        virtualOutbound 0.0.0.0:15001
          port 15001 -> BlackHoleCluster
          any -> PassthroughCluster
        10.96.0.2_6379 10.96.0.2:6379
          any -> outbound|6379||cache.default.svc.cluster.local
        0.0.0.0_9080 0.0.0.0:9080
          any raw_buffer, reviews.default.svc.cluster.local -> outbound|9080||reviews.default.svc.cluster.local
          any raw_buffer, * -> PassthroughCluster
          else -> PassthroughCluster
        virtualInbound 0.0.0.0:15006
          port 15006 -> BlackHoleCluster
          port 9080 tls, * -> inbound|9080||
          any tls, * -> InboundPassthroughCluster
          any tls -> InboundPassthroughCluster
        0.0.0.0_15090 0.0.0.0:15090
          any, * -> prometheus_stats
        0.0.0.0_15021 0.0.0.0:15021
          any, * -> agent
        BlackHoleCluster
        PassthroughCluster
        InboundPassthroughCluster from 127.0.0.6
        inbound|9080|| from 127.0.0.6
        outbound|9080||reviews.default.svc.cluster.local 10.0.0.3:9080*2 10.0.0.4:9080*1 as spiffe://cluster.local/ns/default/sa/bookinfo-reviews
        outbound|6379||cache.default.svc.cluster.local 10.0.0.5:6379*1 as spiffe://cluster.local/ns/default/sa/cache
        prometheus_stats 127.0.0.1:15000*1
        agent 127.0.0.1:15020*1
        ",
    );
}

/// Ports of the application that its service does not have are reached as in Istio: see `Mtls`.
#[test]
fn ports_that_no_service_has_pass_where_their_kind_may() {
    let chains = |mtls| {
        let bootstrap = write(&[HTTP], &Sidecar { mtls, ..Sidecar::default() });
        let listeners = list(&bootstrap["static_resources"]["listeners"]);
        let inbound = listeners.iter().find(|listener| listener["name"] == "virtualInbound").unwrap();
        let others = list(&inbound["filter_chains"])
            .iter()
            .filter(|chain| chain["filter_chain_match"]["destination_port"].is_null());
        let line = |chain: &Value| {
            let wanted = &chain["filter_chain_match"];
            let protocols: Vec<&str> = list(&wanted["application_protocols"]).iter().map(text).collect();
            let socket = if chain["transport_socket"].is_null() { "as it is" } else { "mutual TLS" };
            format!("{} {} {protocols:?} {socket}", text(&chain["name"]), text(&wanted["transport_protocol"]))
        };
        let last = text(&list(&inbound["listener_filters"]).last().unwrap()["name"]).to_owned();
        others.map(line).chain([last]).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(chains(Mtls::Strict), @r#"
    virtualInbound-catchall-http tls ["istio-http/1.0", "istio-http/1.1", "istio-h2"] mutual TLS
    virtualInbound tls [] mutual TLS
    envoy.filters.listener.tls_inspector
    "#);
    insta::assert_snapshot!(chains(Mtls::Permissive), @r#"
    virtualInbound-catchall-http tls ["istio-http/1.0", "istio-http/1.1", "istio-h2"] mutual TLS
    virtualInbound-catchall-http raw_buffer ["http/1.1", "h2c"] as it is
    virtualInbound tls ["istio", "istio-peer-exchange"] mutual TLS
    virtualInbound raw_buffer [] as it is
    virtualInbound tls [] as it is
    envoy.filters.listener.http_inspector
    "#);
    insta::assert_snapshot!(chains(Mtls::Off), @r#"
    virtualInbound-catchall-http raw_buffer ["http/1.1", "h2c"] as it is
    virtualInbound raw_buffer [] as it is
    envoy.filters.listener.http_inspector
    "#);
}

/// The clusters and listeners that an Istio sidecar has before any call.
#[test]
fn every_sidecar_knows_the_control_plane() {
    let names = |preset| {
        let bootstrap = whole(&[HTTP], &Sidecar { preset, ..Sidecar::default() });
        let mut names = ["listeners", "clusters"].map(|kind| {
            let all = list(&bootstrap["static_resources"][kind]).iter();
            all.filter(|one| is_of_control(one)).map(|one| text(&one["name"]).to_owned()).collect::<Vec<_>>()
        });
        names.iter_mut().for_each(|names| names.sort());
        names.concat().join("\n")
    };
    insta::assert_snapshot!(names(Preset::Today), @"
    0.0.0.0_15010
    0.0.0.0_15014
    10.98.0.1_15012
    10.98.0.1_443
    10.98.0.2_15012
    10.98.0.2_443
    10.98.0.3_443
    10.98.0.4_53
    outbound|15010||istiod-revision-tag-default.istio-system.svc.cluster.local
    outbound|15010||istiod.istio-system.svc.cluster.local
    outbound|15012||istiod-revision-tag-default.istio-system.svc.cluster.local
    outbound|15012||istiod.istio-system.svc.cluster.local
    outbound|15014||istiod-revision-tag-default.istio-system.svc.cluster.local
    outbound|15014||istiod.istio-system.svc.cluster.local
    outbound|443||istiod-revision-tag-default.istio-system.svc.cluster.local
    outbound|443||istiod.istio-system.svc.cluster.local
    outbound|443||kubernetes.default.svc.cluster.local
    outbound|53||kube-dns.kube-system.svc.cluster.local
    ");
    assert_eq!(names(Preset::Istio19Demo), "");
}

#[test]
fn a_client_serves_nothing() {
    let outline = outline(&write(&[], &Sidecar::default()));
    assert!(!outline.contains("inbound|"), "{outline}");
}

#[test]
fn the_whole_bootstrap() {
    insta::assert_json_snapshot!(write(&[HTTP, TCP], &Sidecar { telemetry: false, ..Sidecar::default() }));
}

#[test]
fn pilot_agent_starts_envoy_like_this() {
    insta::assert_snapshot!(
        arguments(&Sidecar { concurrency: 4, ..Sidecar::default() }, "/etc/istio/proxy/bootstrap.json").join(" "),
        @"-c /etc/istio/proxy/bootstrap.json --drain-time-s 45 --drain-strategy immediate --local-address-ip-version v4 --file-flush-interval-msec 1000 --disable-hot-restart --skip-deprecated-logs --allow-unknown-static-fields -l warning --component-log-level misc:error --concurrency 4"
    );
}

#[test]
fn names_and_identities_are_istios() {
    assert_eq!(fqdn("reviews"), "reviews.default.svc.cluster.local");
    assert_eq!(spiffe("bookinfo-reviews"), "spiffe://cluster.local/ns/default/sa/bookinfo-reviews");
}

#[test]
fn the_rules_keep_istio_inits_order() {
    let rules: Vec<String> = redirect(&Sidecar::default())
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_string)
        .collect();
    insta::assert_snapshot!(rules.join("\n"), @r#"
    table ip meshtax_redirect {
    chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto tcp jump ISTIO_INBOUND
    }
    chain OUTPUT {
    type nat hook output priority -100; policy accept;
    jump ISTIO_OUTPUT
    }
    chain ISTIO_INBOUND {
    tcp dport 15008 return
    tcp dport 15090 return
    tcp dport 15021 return
    tcp dport 15020 return
    meta l4proto tcp jump ISTIO_IN_REDIRECT
    }
    chain ISTIO_OUTPUT {
    oifname "lo" ip saddr 127.0.0.6 return
    oifname "lo" ip daddr != 127.0.0.1 tcp dport != 15008 meta skuid 1337 jump ISTIO_IN_REDIRECT
    oifname "lo" meta skuid != 1337 return
    meta skuid 1337 return
    oifname "lo" ip daddr != 127.0.0.1 tcp dport != 15008 meta skgid 1337 jump ISTIO_IN_REDIRECT
    oifname "lo" meta skgid != 1337 return
    meta skgid 1337 return
    ip daddr 127.0.0.1 return
    jump ISTIO_REDIRECT
    }
    chain ISTIO_IN_REDIRECT {
    meta l4proto tcp redirect to :15006
    }
    chain ISTIO_REDIRECT {
    meta l4proto tcp redirect to :15001
    }
    }
    "#);
}

/// Checks the outline of the bootstrap of a pod that serves `ports` and calls `reviews` and `cache`.
fn check(ports: &[Port], options: &Sidecar, expect: &str) {
    let expect: Vec<&str> = expect.trim().lines().map(|line| line.strip_prefix("        ").unwrap_or(line)).collect();
    assert_eq!(outline(&write(ports, options)).trim_end(), expect.join("\n"));
}

/// The bootstrap without the parts for the control plane, which are always the same.
fn write(ports: &[Port], options: &Sidecar) -> Value {
    let mut bootstrap = whole(ports, options);
    forget_control(&mut bootstrap);
    bootstrap
}

pub(crate) fn forget_control(bootstrap: &mut Value) {
    for kind in ["listeners", "clusters"] {
        let all = bootstrap["static_resources"][kind].as_array_mut().expect("a bootstrap has a list here");
        all.retain(|one| !is_of_control(one));
    }
}

fn is_of_control(one: &Value) -> bool {
    let name = text(&one["name"]);
    let clusters = [".istio-system.", ".kube-system.", "||kubernetes."];
    name.starts_with("10.98.")
        || ["0.0.0.0_15010", "0.0.0.0_15014"].contains(&name)
        || clusters.iter().any(|part| name.contains(part))
}

fn whole(ports: &[Port], options: &Sidecar) -> Value {
    let files = Files {
        certificate: "/etc/certs/certificate.pem".into(),
        key: "/etc/certs/key.pem".into(),
        authority: "/etc/certs/authority.pem".into(),
    };
    bootstrap(&workload(ports), &destinations(), &files, options)
}

fn workload(ports: &[Port]) -> Workload {
    Workload {
        pod: "productpage-v1".into(),
        service: "productpage".into(),
        version: "v1".into(),
        namespace: crate::NAMESPACE,
        account: "bookinfo-productpage".into(),
        address: Ipv4Addr::new(10, 0, 0, 2),
        ports: ports.to_vec(),
    }
}

fn destinations() -> Vec<Destination> {
    let endpoint = |last, version: &str, weight| MeshEndpoint {
        pod: format!("pod-{version}"),
        address: Ipv4Addr::new(10, 0, 0, last),
        version: version.into(),
        weight,
    };
    let destination = |service: &str, port, account: &str, last, endpoints| Destination {
        service: service.into(),
        namespace: crate::NAMESPACE,
        port,
        account: account.into(),
        address: Ipv4Addr::new(10, 96, 0, last),
        endpoints,
    };
    let versions = vec![endpoint(3, "v1", 2), endpoint(4, "v2", 1), endpoint(9, "v3", 0)];
    vec![
        destination("reviews", HTTP, "bookinfo-reviews", 1, versions),
        destination("cache", TCP, "cache", 2, vec![endpoint(5, "v1", 1)]),
    ]
}

/// A bootstrap in a few lines: listeners with their chains, then clusters.
fn outline(bootstrap: &Value) -> String {
    let resources = &bootstrap["static_resources"];
    let listeners = list(&resources["listeners"]).iter().flat_map(|listener| {
        let head = format!("{} {}\n", text(&listener["name"]), address(&listener["address"]));
        let otherwise = &listener["default_filter_chain"]["filters"][0]["typed_config"]["cluster"];
        let otherwise = otherwise.as_str().map(|cluster| format!("  else -> {cluster}\n"));
        std::iter::once(head).chain(list(&listener["filter_chains"]).iter().map(chain)).chain(otherwise)
    });
    listeners.chain(list(&resources["clusters"]).iter().map(cluster)).collect()
}

fn chain(chain: &Value) -> String {
    let wanted = &chain["filter_chain_match"];
    let mut matched = wanted["destination_port"].as_u64().map_or("any".into(), |port| format!("port {port}"));
    if let Some(transport) = wanted["transport_protocol"].as_str() {
        matched = format!("{matched} {transport}");
    }
    let filter = &chain["filters"][0]["typed_config"];
    if let Some(cluster) = filter["cluster"].as_str() {
        return format!("  {matched} -> {cluster}\n");
    }
    let route = |host: &Value| {
        format!("  {matched}, {} -> {}\n", text(&host["domains"][0]), text(&host["routes"][0]["route"]["cluster"]))
    };
    list(&filter["route_config"]["virtual_hosts"]).iter().map(route).collect()
}

fn cluster(cluster: &Value) -> String {
    let mut line = text(&cluster["name"]).to_string();
    if let Some(source) = cluster["upstream_bind_config"]["source_address"]["address"].as_str() {
        line = format!("{line} from {source}");
    }
    for endpoint in list(&cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]) {
        let weight = endpoint["load_balancing_weight"].as_u64().unwrap_or(1);
        line = format!("{line} {}*{weight}", address(&endpoint["endpoint"]["address"]));
    }
    let asks = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["metadata"]["filter_metadata"];
    let transports = list(&cluster["transport_socket_matches"]).iter();
    let found = transports.clone().find(|one| one["match"] == asks["envoy.transport_socket_match"]);
    let transport = found.map_or(&Value::Null, |one| &one["transport_socket"]);
    let validation = &transport["typed_config"]["common_tls_context"]["validation_context"];
    if let Some(name) = validation["match_typed_subject_alt_names"][0]["matcher"]["exact"].as_str() {
        line = format!("{line} as {name}");
    }
    line + "\n"
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a bootstrap has a string here")
}

fn address(value: &Value) -> String {
    let socket = &value["socket_address"];
    format!("{}:{}", text(&socket["address"]), socket["port_value"])
}
