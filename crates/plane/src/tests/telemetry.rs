use serde_json::Value;

use super::{HTTP, TCP, list, text, write};
use crate::Sidecar;

/// Istio's labels in Istio's order (istio.io, "Istio Standard Metrics").
const LABELS: [&str; 25] = [
    "reporter",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_service_name",
    "destination_service_namespace",
    "destination_cluster",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
    "connection_security_policy",
];

const HTTP_METRICS: [&str; 4] = ["requests_total", "request_duration_milliseconds", "request_bytes", "response_bytes"];

const TCP_METRICS: [&str; 4] = [
    "tcp_connections_opened_total",
    "tcp_connections_closed_total",
    "tcp_sent_bytes_total",
    "tcp_received_bytes_total",
];

#[test]
fn each_direction_reports_each_standard_metric_with_istios_labels() {
    let tcp_labels: Vec<&str> =
        LABELS.into_iter().filter(|label| !["response_code", "grpc_response_status"].contains(label)).collect();
    for listener in ["0.0.0.0_9080", "virtualInbound"] {
        check(listener, &HTTP_METRICS, &LABELS);
    }
    for listener in ["virtualOutbound", "10.96.0.2_6379", "virtualInbound"] {
        check(listener, &TCP_METRICS, &tcp_labels);
    }
}

#[test]
fn the_caller_knows_both_ends() {
    insta::assert_snapshot!(labels("0.0.0.0_9080", "requests_total"), @"
    reporter source
    source_workload productpage-v1
    source_canonical_service productpage
    source_canonical_revision v1
    source_workload_namespace default
    source_principal %UPSTREAM_LOCAL_URI_SAN%
    source_app productpage
    source_version v1
    source_cluster Kubernetes
    destination_workload %METADATA(UPSTREAM_HOST:istio:workload)%
    destination_workload_namespace %METADATA(UPSTREAM_HOST:istio:namespace)%
    destination_principal %UPSTREAM_PEER_URI_SAN%
    destination_app %METADATA(UPSTREAM_HOST:istio:service)%
    destination_version %METADATA(UPSTREAM_HOST:istio:version)%
    destination_service %METADATA(CLUSTER:istio:host)%
    destination_canonical_service %METADATA(UPSTREAM_HOST:istio:service)%
    destination_canonical_revision %METADATA(UPSTREAM_HOST:istio:version)%
    destination_service_name %METADATA(CLUSTER:istio:name)%
    destination_service_namespace %METADATA(CLUSTER:istio:namespace)%
    destination_cluster %METADATA(UPSTREAM_HOST:istio:cluster)%
    request_protocol http
    response_code %RESPONSE_CODE%
    grpc_response_status %GRPC_STATUS_NUMBER%
    response_flags %RESPONSE_FLAGS%
    connection_security_policy unknown
    ");
}

#[test]
fn the_callee_knows_its_caller_by_what_it_says_and_vouches_for_mutual_tls() {
    insta::assert_snapshot!(labels("virtualInbound", "requests_total"), @"
    reporter destination
    source_workload %DYNAMIC_METADATA(istio.peer:workload)%
    source_canonical_service %DYNAMIC_METADATA(istio.peer:service)%
    source_canonical_revision %DYNAMIC_METADATA(istio.peer:revision)%
    source_workload_namespace %DYNAMIC_METADATA(istio.peer:namespace)%
    source_principal %DOWNSTREAM_PEER_URI_SAN%
    source_app %DYNAMIC_METADATA(istio.peer:service)%
    source_version %DYNAMIC_METADATA(istio.peer:version)%
    source_cluster %DYNAMIC_METADATA(istio.peer:cluster)%
    destination_workload productpage-v1
    destination_workload_namespace default
    destination_principal %DOWNSTREAM_LOCAL_URI_SAN%
    destination_app productpage
    destination_version v1
    destination_service productpage.default.svc.cluster.local
    destination_canonical_service productpage
    destination_canonical_revision v1
    destination_service_name productpage
    destination_service_namespace default
    destination_cluster Kubernetes
    request_protocol http
    response_code %RESPONSE_CODE%
    grpc_response_status %GRPC_STATUS_NUMBER%
    response_flags %RESPONSE_FLAGS%
    connection_security_policy mutual_tls
    ");
}

/// Only the header that introduces a caller is read, and only if callers introduce themselves.
#[test]
fn callers_are_known_where_they_introduce_themselves() {
    let filter = |options: &Sidecar| {
        let bootstrap = write(&[HTTP], options);
        let listeners = list(&bootstrap["static_resources"]["listeners"]);
        let inbound = listeners.iter().find(|listener| listener["name"] == "virtualInbound").expect("a server has it");
        let chain = list(&inbound["filter_chains"]).iter().find(|chain| chain["name"] == "0.0.0.0_9080").unwrap();
        chain["filters"][0]["typed_config"]["http_filters"][0].clone()
    };
    let noting = filter(&Sidecar::default());
    assert_eq!(noting["name"], "envoy.filters.http.header_to_metadata");
    let rule = &noting["typed_config"]["request_rules"][0];
    assert_eq!(rule["header"], "x-envoy-peer-metadata-id");
    insta::assert_snapshot!(
        text(&rule["on_header_present"]["regex_value_rewrite"]["pattern"]["regex"]),
        @r"^[^~]*~[^~]*~((istio-ingressgateway|reviews|client|cache)(?:-(v1|v2|v3))?)-[^-]+-[^-]+\.([^~]*)~.*$"
    );
    let metadata_off = Sidecar { metadata: false, ..Sidecar::default() };
    assert_ne!(filter(&metadata_off)["name"], "envoy.filters.http.header_to_metadata");
}

#[test]
fn without_telemetry_nothing_is_logged() {
    let silent = write(&[HTTP, TCP], &Sidecar { telemetry: false, ..Sidecar::default() });
    assert!(!silent.to_string().contains("access_log"));
}

/// Asserts that `listener` reports all of `metrics`, each with exactly these labels.
fn check(listener: &str, metrics: &[&str], labels: &[&str]) {
    let stats = stats(listener);
    for metric in metrics {
        let stat = stats.iter().find(|stat| stat["name"] == *metric);
        let stat = stat.unwrap_or_else(|| panic!("{listener} does not report {metric}"));
        let names: Vec<&str> = list(&stat["tags"]).iter().map(|tag| text(&tag["name"])).collect();
        assert_eq!(names, labels, "{listener} {metric}");
    }
}

/// The labels of a metric, one per line, with the formats of their values.
fn labels(listener: &str, metric: &str) -> String {
    let stats = stats(listener);
    let stat = stats.iter().find(|stat| stat["name"] == metric).expect("the metric exists");
    let lines =
        list(&stat["tags"]).iter().map(|tag| format!("{} {}\n", text(&tag["name"]), text(&tag["value_format"])));
    lines.collect()
}

/// All metrics that a listener's access loggers feed.
fn stats(listener: &str) -> Vec<Value> {
    let bootstrap = write(&[HTTP, TCP], &Sidecar::default());
    let listeners = list(&bootstrap["static_resources"]["listeners"]);
    let listener = listeners.iter().find(|other| other["name"] == listener).expect("the listener exists");
    let loggers = list(&listener["filter_chains"])
        .iter()
        .flat_map(|chain| list(&chain["filters"][0]["typed_config"]["access_log"]))
        .map(|logger| &logger["typed_config"]);
    loggers
        .flat_map(|logger| list(&logger["counters"]).iter().chain(list(&logger["histograms"])))
        .map(|metric| metric["stat"].clone())
        .collect()
}
