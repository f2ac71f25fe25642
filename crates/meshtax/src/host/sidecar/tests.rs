use super::*;

/// As upstream Envoy writes it, shortened.
const TEXT: &str = r#"# TYPE envoy_istio_requests_total counter
envoy_istio_requests_total{reporter="destination",source_workload="unknown",response_code="200",connection_security_policy="mutual_tls"} 170
envoy_istio_requests_total{reporter="destination",source_workload="unknown",response_code="503",connection_security_policy="mutual_tls"} 2
envoy_istio_requests_total{reporter="source",response_code="200",connection_security_policy="unknown"} 340
envoy_istio_tcp_connections_opened_total{reporter="destination",connection_security_policy="none"} 1
# TYPE envoy_server_concurrency gauge
envoy_server_concurrency{} 2
# TYPE envoy_cluster_outbound_8080__back_default_svc_cluster_local_upstream_rq_retry counter
envoy_cluster_outbound_8080__back_default_svc_cluster_local_upstream_rq_retry{} 3
# TYPE envoy_cluster_inbound_8080___upstream_rq_retry counter
envoy_cluster_inbound_8080___upstream_rq_retry{} 1
envoy_istio_request_bytes_sum{reporter="destination",connection_security_policy="none"} 1.5
"#;

#[test]
fn what_peers_asked_for_by_policy_and_what_was_sent_again() {
    let policies = [("mutual_tls".to_owned(), 172), ("none".to_owned(), 1)].into();
    let facts = sidecar_facts("sidecar", "web-v1", &Sidecar::default(), TEXT);
    assert_eq!((facts.concurrency, facts.security_policies), (Some(2), policies));
    assert_eq!(facts.retries, 4);
}

#[test]
fn a_sidecar_that_tells_nothing() {
    let facts = sidecar_facts("sidecar", "web-v1", &Sidecar::default(), "");
    assert_eq!((facts.concurrency, facts.security_policies.len(), facts.retries), (None, 0, 0));
}
