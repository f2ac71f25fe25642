use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::http::connection_manager;
use super::{silent_tcp_proxy, sniffed, socket_address, tcp_proxy, telling_of_unmatched};
use crate::cluster::{BLACK_HOLE, INBOUND_PASSTHROUGH, inbound_name};
use crate::extension::extension;
use crate::telemetry::Reporter;
use crate::{Destination, Files, INBOUND_PORT, Mtls, Port, Sidecar, Workload, authorization, callers, fqdn, peer, tls};

/// What a chain is for: a port of the service, or all other ports of the pod.
#[derive(Clone, Copy)]
struct Door {
    port: Option<u16>,
    protocol: Protocol,
    /// Whether the port's name declares the protocol; otherwise it was detected.
    declared: bool,
}

/// The pod behind the doors, and the settings that all doors share.
struct InboundPod<'a> {
    workload: &'a Workload,
    /// The filter that records callers, if they introduce themselves and somebody needs to know.
    noting: Option<Value>,
    files: &'a Files,
    options: &'a Sidecar,
}

/// The listener for all connections to the pod. Each port has a chain for mutual TLS, one for plaintext, or both, and
/// so do all ports that the service does not declare. Envoy closes a connection that no chain takes.
pub(crate) fn inbound(workload: &Workload, callers: &[Destination], files: &Files, options: &Sidecar) -> Value {
    let noting = (options.telemetry && options.metadata).then(|| callers::noting(callers));
    let pod = InboundPod { workload, noting, files, options };
    let mut chains = vec![black_hole()];
    chains.extend(workload.ports.iter().flat_map(|&port| of_port(&pod, port)));
    chains.extend(catch_all(&pod));
    let listener = json!({
        "name": "virtualInbound",
        "traffic_direction": "INBOUND",
        "address": socket_address(Ipv4Addr::UNSPECIFIED, INBOUND_PORT),
        "continue_on_listener_filters_timeout": true,
        "listener_filters_timeout": "0s",
        "max_connections_to_accept_per_socket_event": 1,
        "listener_filters": listener_filters(workload, options),
        "filter_chains": chains,
    });
    telling_of_unmatched(listener, options)
}

fn listener_filters(workload: &Workload, options: &Sidecar) -> Vec<Value> {
    // Restores the port that was dialled, which the chains match.
    let original = extension(
        "envoy.filters.listener.original_dst",
        "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
        json!({}),
    );
    let tls = (options.mtls != Mtls::Off).then(tls_inspector);
    // Encrypted connections say what they are; only plaintext is inspected.
    let declared: Vec<u16> = workload.ports.iter().filter(|port| port.declared).map(|port| port.number).collect();
    let http = (options.mtls != Mtls::Strict).then(|| sniffed::inspecting_all_but(&declared));
    [original].into_iter().chain(tls).chain(http).collect()
}

/// The listener filter that distinguishes TLS from plaintext.
fn tls_inspector() -> Value {
    let mut filter = extension(
        "envoy.filters.listener.tls_inspector",
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        json!({"initial_read_buffer_size": 512}),
    );
    filter["filter_disabled"] = sniffed::at(INBOUND_PORT);
    filter
}

/// The chain that stops a direct connection to this port, which would lead back to it.
fn black_hole() -> Value {
    json!({
        "name": "virtualInbound-blackhole",
        "filter_chain_match": {"destination_port": INBOUND_PORT},
        "filters": [silent_tcp_proxy(BLACK_HOLE)],
    })
}

fn of_port(pod: &InboundPod<'_>, port: Port) -> Vec<Value> {
    let number = Some(port.number);
    if port.declared {
        return chains(pod, Door { port: number, protocol: port.protocol, declared: true });
    }
    undeclared(pod, number)
}

/// A port without a declared protocol has its chains twice: for connections detected as HTTP, and for all others.
fn undeclared(pod: &InboundPod<'_>, port: Option<u16>) -> Vec<Value> {
    let speaking = |protocol| chains(pod, Door { port, protocol, declared: false });
    speaking(Protocol::Http).into_iter().map(sniffed::taking_http).chain(speaking(Protocol::Tcp)).collect()
}

/// The chains for ports that the service does not have. The application gets the connection, if it listens there.
fn catch_all(pod: &InboundPod<'_>) -> Vec<Value> {
    undeclared(pod, None)
}

fn chains(pod: &InboundPod<'_>, door: Door) -> Vec<Value> {
    let options = pod.options;
    let mutual = (options.mtls != Mtls::Off).then(|| mutual(pod, door));
    let plain = (options.mtls != Mtls::Strict).then(|| plain(pod, door));
    let foreign = (options.mtls == Mtls::Permissive && door.protocol == Protocol::Tcp && door.takes_tls(options))
        .then(|| foreign(pod, door));
    mutual.into_iter().chain(plain).chain(foreign).collect()
}

/// The chain for peers with a certificate of the mesh. If others may use TLS of their own, the peer's ALPN
/// distinguishes them.
fn mutual(pod: &InboundPod<'_>, door: Door) -> Value {
    let options = pod.options;
    let mut wanted = door.wanted("tls");
    if options.mtls == Mtls::Permissive {
        let names: &[&str] = match door.protocol {
            Protocol::Tcp if !door.declared || options.preset.is_before_1_10() => &["istio", "istio-peer-exchange"],
            _ => &["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"],
        };
        wanted["application_protocols"] = json!(names);
    }
    json!({
        "name": door.name(),
        "filter_chain_match": wanted,
        "transport_socket": tls::server(door.protocol, pod.files),
        "filters": filters(pod, door, "mutual_tls"),
    })
}

fn plain(pod: &InboundPod<'_>, door: Door) -> Value {
    json!({
        "name": door.name(),
        "filter_chain_match": door.wanted("raw_buffer"),
        "filters": filters(pod, door, "none"),
    })
}

/// The chain for TLS from outside the mesh, which passes unchanged. It is possible wherever TLS is detected and
/// plaintext is allowed.
fn foreign(pod: &InboundPod<'_>, door: Door) -> Value {
    json!({
        "name": door.name(),
        "filter_chain_match": door.wanted("tls"),
        "filters": filters(pod, door, "none"),
    })
}

fn filters(pod: &InboundPod<'_>, door: Door, security: &'static str) -> Vec<Value> {
    let options = pod.options;
    let reporter = options.telemetry.then(|| door.reporter(pod.workload, security));
    match door.protocol {
        Protocol::Http => vec![http(pod, door, reporter)],
        Protocol::Tcp => {
            let proxy = tcp_proxy(&door.cluster(), options, reporter.as_ref());
            authorization::tcp(options).into_iter().chain([proxy]).collect()
        }
    }
}

fn http(pod: &InboundPod<'_>, door: Door, reporter: Option<Reporter>) -> Value {
    let InboundPod { workload, noting, options, .. } = pod;
    let reporter = if noting.is_some() { reporter.map(Reporter::of_introduced) } else { reporter };
    let first = noting.iter().cloned().chain(authorization::http(options)).collect();
    let fields = json!({
        "stat_prefix": door.statistics(),
        "server_name": "istio-envoy",
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": true, "dns": true, "uri": true},
        "route_config": routes(workload, door, options),
    });
    connection_manager(fields, workload, options, first, reporter.as_ref())
}

fn routes(workload: &Workload, door: Door, options: &Sidecar) -> Value {
    let mut all = vec![route("default", json!({"prefix": "/"}), workload, door, options)];
    if options.metadata {
        // Only a peer that introduced itself gets an introduction in return.
        let introduced = json!({"prefix": "/", "headers": [{"name": peer::ID, "present_match": true}]});
        let mut answered = route("from-the-mesh", introduced, workload, door, options);
        answered["response_headers_to_add"] = peer::introduction(workload, options);
        all.insert(0, answered);
    }
    let mut routes = json!({
        "name": door.cluster(),
        "validate_clusters": false,
        "virtual_hosts": [{"name": format!("inbound|http|{}", door.number()), "domains": ["*"], "routes": all}],
    });
    if options.metadata {
        routes["request_headers_to_remove"] = json!([peer::ID, peer::METADATA]);
    }
    routes
}

fn route(name: &str, wanted: Value, workload: &Workload, door: Door, options: &Sidecar) -> Value {
    let mut action = json!({
        "cluster": door.cluster(),
        "timeout": "0s",
        "max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"},
    });
    // Istio does this since 1.24.
    if !options.preset.is_before_1_10() {
        action["retry_policy"] = json!({"retry_on": "reset-before-request", "num_retries": 2});
    }
    json!({
        "name": name,
        "match": wanted,
        "decorator": {"operation": door.operation(workload)},
        "route": action,
    })
}

impl Door {
    /// The port as Istio writes it: 0 stands for all others.
    fn number(self) -> u16 {
        self.port.unwrap_or(0)
    }

    fn address(self) -> String {
        format!("0.0.0.0_{}", self.number())
    }

    /// The prefix of its statistics.
    fn statistics(self) -> String {
        if self.port.is_some() { format!("inbound_{};", self.address()) } else { format!("{INBOUND_PASSTHROUGH};") }
    }

    /// Name of its chains, for any kind of connection.
    fn name(self) -> String {
        match (self.port, self.protocol) {
            (Some(_), _) => self.address(),
            (None, Protocol::Http) => "virtualInbound-catchall-http".to_owned(),
            (None, Protocol::Tcp) => "virtualInbound".to_owned(),
        }
    }

    /// Name of the cluster behind it.
    fn cluster(self) -> String {
        self.port.map_or_else(|| INBOUND_PASSTHROUGH.to_owned(), inbound_name)
    }

    /// Whether it lets TLS from outside the mesh pass. The door to all other ports does so in any release.
    fn takes_tls(self, options: &Sidecar) -> bool {
        self.port.is_none() || !options.preset.is_before_1_10()
    }

    /// The match of its chain.
    fn wanted(self, transport: &str) -> Value {
        let mut wanted = json!({"transport_protocol": transport});
        if let Some(port) = self.port {
            wanted["destination_port"] = port.into();
        }
        wanted
    }

    /// The operation's name, as traces and peers see it.
    fn operation(self, workload: &Workload) -> String {
        self.port.map_or_else(|| ":0/*".to_owned(), |port| format!("{}:{port}/*", fqdn(&workload.service)))
    }

    fn reporter(self, workload: &Workload, security: &'static str) -> Reporter {
        let reporter = Reporter::destination(workload, security);
        if self.port.is_some() { reporter } else { reporter.of_no_service(INBOUND_PASSTHROUGH) }
    }
}
