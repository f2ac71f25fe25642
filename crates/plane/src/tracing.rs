//! Tracers, and where their spans go.

use serde_json::{Value, json};

use crate::extension::typed;
use crate::identity::CLUSTER_ID;
use crate::{Destination, Files, Sidecar, TRUST_DOMAIN, Tracing, Workload, cluster, fqdn};

/// Name of the service that collects Zipkin's spans.
const ZIPKIN: &str = "zipkin";

/// Name of the service that collects OpenTelemetry's spans.
const OPEN_TELEMETRY: &str = "otel-collector";

/// The `tracing` block of an HTTP connection manager.
///
/// It stands there without a tracer, too: without it Envoy ignores the routes' decorators, and
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
    if let Some(provider) = provider(workload, options.tracing) {
        block["provider"] = provider;
    }
    block
}

/// What Istio writes into each span beside Envoy's own tags.
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

fn provider(workload: &Workload, tracing: Tracing) -> Option<Value> {
    let collector = collector_of(tracing)?;
    let (name, kind, fields) = match tracing {
        Tracing::Off => return None,
        Tracing::B3 => (
            "envoy.tracers.zipkin",
            "envoy.config.trace.v3.ZipkinConfig",
            json!({
                "collector_cluster": collector,
                "collector_endpoint": "/api/v2/spans",
                "collector_endpoint_version": "HTTP_JSON",
                "collector_hostname": fqdn(collector),
                "trace_id_128bit": true,
                "shared_span_context": false,
            }),
        ),
        Tracing::Traceparent => (
            "envoy.tracers.opentelemetry",
            "envoy.config.trace.v3.OpenTelemetryConfig",
            json!({
                "http_service": {"http_uri": {
                    "uri": format!("http://{}/v1/traces", fqdn(collector)),
                    "cluster": collector,
                    "timeout": "1s",
                }},
                "service_name": format!("{}.{}", workload.service, workload.namespace),
            }),
        ),
    };
    Some(json!({"name": name, "typed_config": typed(kind, fields)}))
}

/// The collector's cluster: the topology's service of that name, or none that has an endpoint.
pub(crate) fn collector(destinations: &[Destination], files: &Files, options: &Sidecar) -> Option<Value> {
    let name = collector_of(options.tracing)?;
    let found = destinations.iter().find(|destination| destination.service == name);
    Some(match found {
        None => json!({"name": name, "type": "STATIC", "connect_timeout": "1s"}),
        Some(destination) => {
            let mut cluster = cluster::outbound(destination, files, options);
            cluster["name"] = name.into();
            cluster["load_assignment"]["cluster_name"] = name.into();
            cluster
        }
    })
}

fn collector_of(tracing: Tracing) -> Option<&'static str> {
    match tracing {
        Tracing::Off => None,
        Tracing::B3 => Some(ZIPKIN),
        Tracing::Traceparent => Some(OPEN_TELEMETRY),
    }
}
