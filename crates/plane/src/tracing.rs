//! Tracers, and the collectors of their spans.

use serde_json::{Value, json};

use crate::extension::typed;
use crate::identity::CLUSTER_ID;
use crate::{Destination, Files, Sidecar, TRUST_DOMAIN, Tracing, Workload, cluster, fqdn};

/// A service that collects spans.
struct Collector {
    /// Name of the service.
    service: &'static str,
    /// Port of the collector in Istio's mesh.
    port: u16,
    /// Path on which it accepts spans.
    path: &'static str,
}

const ZIPKIN: Collector = Collector { service: "zipkin", port: 9411, path: "/api/v2/spans" };
const OPEN_TELEMETRY: Collector = Collector { service: "otel-collector", port: 4318, path: "/v1/traces" };

/// The `tracing` block of an HTTP connection manager.
///
/// It is also there without a tracer. Otherwise Envoy would ignore the routes' decorators, and
/// `x-envoy-decorator-operation` would be missing on the wire.
pub(crate) fn block(workload: &Workload, options: &Sidecar) -> Value {
    let mut block = json!({
        "client_sampling": {"value": 100},
        "random_sampling": {"value": options.sampling * 100.0},
        "overall_sampling": {"value": 100},
    });
    if !options.preset.is_before_1_10() {
        block["custom_tags"] = tags(workload);
    }
    if let Some(provider) = provider(workload, options) {
        block["provider"] = provider;
    }
    block
}

/// Tags that Istio adds to each span, beside Envoy's own.
fn tags(workload: &Workload) -> Value {
    let dry_run = |action: &str| {
        let of = |(name, key): (&str, &str)| {
            json!({"tag": format!("istio.authorization.dry_run.{action}_policy.{name}"), "metadata": {
                "kind": {"request": {}},
                "metadata_key": {
                    "key": "envoy.filters.http.rbac",
                    "path": [{"key": format!("istio_dry_run_{action}_shadow_{key}")}],
                },
            }})
        };
        [("name", "effective_policy_id"), ("result", "engine_result")].map(of)
    };
    let literal = |(tag, value): (&str, &str)| json!({"tag": tag, "literal": {"value": value}});
    let workload = [
        ("istio.canonical_revision", workload.version_or("latest")),
        ("istio.canonical_service", &workload.service),
        ("istio.cluster_id", CLUSTER_ID),
        ("istio.mesh_id", TRUST_DOMAIN),
        ("istio.namespace", workload.namespace),
    ];
    ["allow", "deny"].into_iter().flat_map(dry_run).chain(workload.map(literal)).collect()
}

fn provider(workload: &Workload, options: &Sidecar) -> Option<Value> {
    let collector = collector_of(options.tracing)?;
    let (name, kind, fields) = match options.tracing {
        Tracing::Off => return None,
        Tracing::B3 => ("envoy.tracers.zipkin", "envoy.config.trace.v3.ZipkinConfig", zipkin(&collector, options)),
        Tracing::Traceparent => (
            "envoy.tracers.opentelemetry",
            "envoy.config.trace.v3.OpenTelemetryConfig",
            json!({
                "http_service": {"http_uri": collector.uri("", options)},
                "service_name": format!("{}.{}", workload.service, workload.namespace),
            }),
        ),
    };
    Some(json!({"name": name, "typed_config": typed(kind, fields)}))
}

fn zipkin(collector: &Collector, options: &Sidecar) -> Value {
    let mut fields = json!({
        "collector_endpoint_version": "HTTP_JSON",
        "trace_id_128bit": true,
        "shared_span_context": false,
    });
    if options.preset.is_before_1_10() {
        fields["collector_cluster"] = collector.cluster(options).into();
        fields["collector_endpoint"] = collector.path.into();
        fields["collector_hostname"] = fqdn(collector.service).into();
    } else {
        fields["collector_service"] = json!({"http_uri": collector.uri("http://", options)});
    }
    fields
}

impl Collector {
    /// Name of its cluster: that of the service, or one of its own in the bootstrap of older releases.
    fn cluster(&self, options: &Sidecar) -> String {
        if options.preset.is_before_1_10() {
            return self.service.to_owned();
        }
        format!("outbound|{}||{}", self.port, fqdn(self.service))
    }

    fn uri(&self, scheme: &str, options: &Sidecar) -> Value {
        let uri = format!("{scheme}{}{}", fqdn(self.service), self.path);
        json!({"uri": uri, "cluster": self.cluster(options), "timeout": "5s"})
    }
}

/// The collector's cluster, unless a service already has one. It leads to the service of its name at another port, or
/// has no endpoint.
pub(crate) fn collector(destinations: &[Destination], files: &Files, options: &Sidecar) -> Option<Value> {
    let collector = collector_of(options.tracing)?;
    let name = collector.cluster(options);
    if destinations.iter().any(|destination| destination.cluster() == name) {
        return None;
    }
    let found = destinations.iter().find(|destination| destination.service == collector.service);
    Some(match found {
        None => {
            let stat_name = cluster::stat_name(&name);
            json!({"name": name, "type": "STATIC", "connect_timeout": "1s", "alt_stat_name": stat_name})
        }
        Some(destination) => {
            let mut cluster = cluster::outbound(destination, files, options);
            cluster["load_assignment"]["cluster_name"] = name.clone().into();
            cluster["name"] = name.into();
            cluster
        }
    })
}

fn collector_of(tracing: Tracing) -> Option<Collector> {
    match tracing {
        Tracing::Off => None,
        Tracing::B3 => Some(ZIPKIN),
        Tracing::Traceparent => Some(OPEN_TELEMETRY),
    }
}
