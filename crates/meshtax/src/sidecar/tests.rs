use super::*;

/// As upstream Envoy writes it, shortened.
const TEXT: &str = r#"# TYPE envoy_istio_requests_total counter
envoy_istio_requests_total{reporter="destination",source_workload="unknown",response_code="200",connection_security_policy="mutual_tls"} 170
envoy_istio_requests_total{reporter="destination",source_workload="unknown",response_code="503",connection_security_policy="mutual_tls"} 2
envoy_istio_requests_total{reporter="source",response_code="200",connection_security_policy="unknown"} 340
envoy_istio_tcp_connections_opened_total{reporter="destination",connection_security_policy="none"} 1
# TYPE envoy_server_concurrency gauge
envoy_server_concurrency{} 2
envoy_istio_request_bytes_sum{reporter="destination",connection_security_policy="none"} 1.5
"#;

#[test]
fn what_peers_asked_for_by_policy() {
    let policies = [("mutual_tls".to_owned(), 172), ("none".to_owned(), 1)].into();
    let facts = sidecar_facts("sidecar", "web-v1", &Sidecar::default(), TEXT);
    assert_eq!((facts.concurrency, facts.security_policies), (Some(2), policies));
}

#[test]
fn a_sidecar_that_tells_nothing() {
    let facts = sidecar_facts("sidecar", "web-v1", &Sidecar::default(), "");
    assert_eq!((facts.concurrency, facts.security_policies.len()), (None, 0));
}
