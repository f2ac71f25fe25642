//! Sizes are those of Istio's own headers, for pods whose names have a hash of ten and a suffix of five characters.

use serde_json::{Value, json};

use super::encode;

#[test]
fn a_struct_is_written_as_protobuf_writes_it() {
    // What Google's own library makes of the same fields.
    let fields = json!({"b": {"c": "d"}, "a": "x", "l": [true, null], "n": 1.5});
    assert_eq!(encode(&fields), "CggKAWESAxoBeAoRCgFiEgwqCgoICgFjEgMaAWQKDwoBbBIKMggKAiABCgIIAAoOCgFuEgkRAAAAAAAA+D8=");
}

#[test]
fn values_have_the_size_of_todays_istio() {
    assert_eq!(encode(&workload("default", "details-v1", "details", json!({"version": "v1"}))).len(), 460);
    assert_eq!(encode(&workload("default", "productpage-v1", "productpage", json!({"version": "v1"}))).len(), 488);
    let gateway = workload("istio-system", "istio-ingressgateway", "istio-ingressgateway", json!({}));
    assert_eq!(encode(&gateway).len(), 532);
}

#[test]
fn values_have_the_size_of_istio_1_9() {
    let sidecar = |service: &str| {
        let labels = json!({
            "version": "v1",
            "istio.io/rev": "default",
            "pod-template-hash": "xxxxxxxxxx",
            "security.istio.io/tlsMode": "istio",
        });
        old(workload("default", &format!("{service}-v1"), service, labels), service)
    };
    assert_eq!(encode(&sidecar("details")).len(), 704);
    assert_eq!(encode(&sidecar("productpage")).len(), 736);
    let labels = json!({
        "chart": "gateways",
        "heritage": "Tiller",
        "install.operator.istio.io/owning-resource": "unknown",
        "istio": "ingressgateway",
        "istio.io/rev": "default",
        "operator.istio.io/component": "IngressGateways",
        "pod-template-hash": "xxxxxxxxxx",
        "release": "istio",
        "sidecar.istio.io/inject": "false",
    });
    let gateway = workload("istio-system", "istio-ingressgateway", "istio-ingressgateway", labels);
    assert_eq!(encode(&old(gateway, "istio-proxy")).len(), 1040);
}

/// What today's Istio tells of a pod; a gateway has no version, hence the revision `latest`.
fn workload(namespace: &str, name: &str, service: &str, labels: Value) -> Value {
    let mut all = json!({
        "app": service,
        "service.istio.io/canonical-name": service,
        "service.istio.io/canonical-revision": labels["version"].as_str().unwrap_or("latest"),
    });
    extend(&mut all, labels);
    json!({
        "NAME": format!("{name}-xxxxxxxxxx-xxxxx"),
        "NAMESPACE": namespace,
        "WORKLOAD_NAME": name,
        "CLUSTER_ID": "Kubernetes",
        "OWNER": format!("kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{name}"),
        "LABELS": all,
    })
}

/// What Istio 1.9 told beside it.
fn old(mut fields: Value, containers: &str) -> Value {
    extend(&mut fields, json!({"ISTIO_VERSION": "1.9.1", "MESH_ID": "cluster.local", "APP_CONTAINERS": containers}));
    fields
}

fn extend(fields: &mut Value, more: Value) {
    let (Value::Object(fields), Value::Object(more)) = (fields, more) else { panic!("both are objects") };
    fields.extend(more);
}
