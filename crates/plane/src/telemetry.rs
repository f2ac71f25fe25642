//! Istio's standard metrics, through upstream Envoy's stats access logger.
//!
//! Envoy adds a prefix to the names: Prometheus sees `envoy_istio_requests_total` for `istio_requests_total`. The
//! content differs too: a label without a value is empty where Istio says `unknown`; bytes of a TCP connection are
//! counted when it ends; and its destination knows only its caller's certificate.

use serde_json::{Value, json};

use crate::callers::Told;
use crate::extension::extension;
use crate::identity::CLUSTER_ID;
use crate::workload::{LATEST, UNKNOWN};
use crate::{NAMESPACE, Workload, fqdn};

/// One side of a request, with what it can report about both sides.
///
/// The values are formats: literal text, or Envoy's command operators, evaluated for each request.
pub(crate) struct Reporter {
    side: &'static str,
    source: PeerLabels,
    destination: PeerLabels,
    service: ServiceLabels,
    security: &'static str,
}

/// A workload in the labels of metrics.
struct PeerLabels {
    workload: String,
    service: String,
    version: String,
    revision: String,
    namespace: String,
    principal: String,
    cluster: String,
}

/// A service in the labels of metrics.
struct ServiceLabels {
    host: String,
    name: String,
    namespace: String,
}

impl Reporter {
    /// The reporter of the caller's sidecar.
    pub(crate) fn source(workload: &Workload) -> Self {
        Self {
            side: "source",
            source: PeerLabels::own(workload, "%UPSTREAM_LOCAL_URI_SAN%"),
            destination: PeerLabels::upstream(),
            service: ServiceLabels::upstream(),
            // Istio also leaves this to the side that requires the certificate.
            security: UNKNOWN,
        }
    }

    /// The reporter of the callee's sidecar, for connections with one `connection_security_policy`.
    pub(crate) fn destination(workload: &Workload, security: &'static str) -> Self {
        Self {
            side: "destination",
            source: PeerLabels::stranger("%DOWNSTREAM_PEER_URI_SAN%"),
            destination: PeerLabels::own(workload, "%DOWNSTREAM_LOCAL_URI_SAN%"),
            service: ServiceLabels::own(workload),
            // No operator gives it in Istio's words, but the filter chain does: its TLS context requires a certificate
            // of the trust domain, or it has none. `source_principal` shows which certificate it was.
            security,
        }
    }

    /// The same reporter for traffic to no service of the mesh, under one of Istio's names.
    pub(crate) fn of_no_service(self, name: &str) -> Self {
        let service = ServiceLabels { host: UNKNOWN.into(), name: name.into(), namespace: UNKNOWN.into() };
        Self { service, ..self }
    }

    /// The same reporter for callers that introduce themselves.
    pub(crate) fn of_introduced(self) -> Self {
        let principal = self.source.principal;
        Self { source: PeerLabels::introduced(principal), ..self }
    }

    /// Access loggers of an HTTP connection manager.
    pub(crate) fn http(&self) -> Vec<Value> {
        let labels = tags(&self.http_labels());
        let histogram = |name: &str, unit: &str, value: &str| json!({"stat": {"name": name, "tags": labels}, "unit": unit, "value_format": value});
        vec![stats_logger(json!({
            "counters": [{"stat": {"name": "requests_total", "tags": labels}, "value_fixed": 1}],
            "histograms": [
                histogram("request_duration_milliseconds", "Milliseconds", "%DURATION%"),
                histogram("request_bytes", "Bytes", "%DOWNSTREAM_WIRE_BYTES_RECEIVED%"),
                histogram("response_bytes", "Bytes", "%DOWNSTREAM_WIRE_BYTES_SENT%"),
            ],
        }))]
    }

    /// Access loggers of a TCP proxy, which must also log when it is connected.
    pub(crate) fn tcp(&self) -> Vec<Value> {
        let labels = tags(&self.labels("tcp", &[]));
        let one = |name: &str| json!({"stat": {"name": name, "tags": labels}, "value_fixed": 1});
        let bytes = |name: &str, value: &str| json!({"stat": {"name": name, "tags": labels}, "value_format": value});
        let mut opened = stats_logger(json!({"counters": [one("tcp_connections_opened_total")]}));
        opened["filter"] = json!({"log_type_filter": {"types": ["TcpUpstreamConnected"]}});
        let mut closed = stats_logger(json!({"counters": [
            one("tcp_connections_closed_total"),
            // From the client's side: what it received was sent.
            bytes("tcp_sent_bytes_total", "%BYTES_SENT%"),
            bytes("tcp_received_bytes_total", "%BYTES_RECEIVED%"),
        ]}));
        closed["filter"] = json!({"log_type_filter": {"types": ["TcpConnectionEnd"]}});
        vec![opened, closed]
    }

    fn http_labels(&self) -> Vec<(&'static str, &str)> {
        // The operator is empty unless the request was gRPC, as Istio's label is.
        self.labels("http", &[("response_code", "%RESPONSE_CODE%"), ("grpc_response_status", "%GRPC_STATUS_NUMBER%")])
    }

    /// Istio's labels in Istio's order. `answer` are those that exist only with a response.
    fn labels<'a>(&'a self, protocol: &'a str, answer: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
        let Self { source, destination, service, .. } = self;
        let mut labels = vec![
            ("reporter", self.side),
            ("source_workload", &source.workload),
            ("source_canonical_service", &source.service),
            ("source_canonical_revision", &source.revision),
            ("source_workload_namespace", &source.namespace),
            ("source_principal", &source.principal),
            ("source_app", &source.service),
            ("source_version", &source.version),
            ("source_cluster", &source.cluster),
            ("destination_workload", &destination.workload),
            ("destination_workload_namespace", &destination.namespace),
            ("destination_principal", &destination.principal),
            ("destination_app", &destination.service),
            ("destination_version", &destination.version),
            ("destination_service", &service.host),
            ("destination_canonical_service", &destination.service),
            ("destination_canonical_revision", &destination.revision),
            ("destination_service_name", &service.name),
            ("destination_service_namespace", &service.namespace),
            ("destination_cluster", &destination.cluster),
            ("request_protocol", protocol),
        ];
        labels.extend_from_slice(answer);
        labels.extend([("response_flags", "%RESPONSE_FLAGS%"), ("connection_security_policy", self.security)]);
        labels
    }
}

impl PeerLabels {
    /// The reporter's own workload.
    fn own(workload: &Workload, principal: &str) -> Self {
        Self {
            workload: workload.name(),
            service: workload.service.clone(),
            version: workload.version_or(UNKNOWN).into(),
            revision: workload.version_or(LATEST).into(),
            namespace: workload.namespace.into(),
            principal: principal.into(),
            cluster: CLUSTER_ID.into(),
        }
    }

    /// The chosen endpoint, as described in the metadata of its cluster's load assignment.
    fn upstream() -> Self {
        let metadata = |key: &str| format!("%METADATA(UPSTREAM_HOST:istio:{key})%");
        Self {
            workload: metadata("workload"),
            service: metadata("service"),
            version: metadata("version"),
            revision: metadata("version"),
            namespace: metadata("namespace"),
            principal: "%UPSTREAM_PEER_URI_SAN%".into(),
            cluster: metadata("cluster"),
        }
    }

    /// A caller that introduced itself.
    fn introduced(principal: String) -> Self {
        Self {
            workload: Told::Workload.format(),
            service: Told::Service.format(),
            version: Told::Version.format(),
            revision: Told::Revision.format(),
            namespace: Told::Namespace.format(),
            principal,
            cluster: Told::Cluster.format(),
        }
    }

    /// A peer of which only the certificate is known.
    fn stranger(principal: &str) -> Self {
        let unknown = || UNKNOWN.to_string();
        Self {
            workload: unknown(),
            service: unknown(),
            version: unknown(),
            revision: LATEST.into(),
            namespace: unknown(),
            principal: principal.into(),
            cluster: unknown(),
        }
    }
}

impl ServiceLabels {
    fn own(workload: &Workload) -> Self {
        Self { host: fqdn(&workload.service), name: workload.service.clone(), namespace: NAMESPACE.into() }
    }

    /// The called service, as described in the metadata of its cluster.
    fn upstream() -> Self {
        let metadata = |key: &str| format!("%METADATA(CLUSTER:istio:{key})%");
        Self { host: metadata("host"), name: metadata("name"), namespace: metadata("namespace") }
    }
}

fn tags(labels: &[(&str, &str)]) -> Vec<Value> {
    labels.iter().map(|(name, value)| json!({"name": name, "value_format": value})).collect()
}

fn stats_logger(mut fields: Value) -> Value {
    fields["stats_scope"] = json!({"prefix": "istio"});
    extension("envoy.access_loggers.stats", "envoy.extensions.access_loggers.stats.v3.Config", fields)
}
