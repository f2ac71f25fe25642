//! The headers in which a sidecar tells its peer about its own workload, as Istio's `metadata_exchange` filter does.
//! The peer's sidecar removes them again.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::identity::CLUSTER_ID;
use crate::{Preset, Sidecar, TRUST_DOMAIN, Workload, ingress};

/// Name of the header with the node id.
pub(crate) const ID: &str = "x-envoy-peer-metadata-id";

/// Name of the header with the workload's metadata.
pub(crate) const METADATA: &str = "x-envoy-peer-metadata";

/// A route's or a route table's `…_headers_to_add` that introduces the workload.
pub(crate) fn introduction(workload: &Workload, options: &Sidecar) -> Value {
    let header = |key: &str, value: &str| json!({"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    json!([header(ID, &workload.node_id()), header(METADATA, &metadata(workload, options.preset))])
}

/// Value of the metadata header: base64 of a `google.protobuf.Struct` with sorted keys.
///
/// The fields are those that Istio's proxies exchange: in 1.6 `EXCHANGE_KEYS`, in 1.9 the fixed list that followed it,
/// today a shorter one with four labels.
pub(crate) fn metadata(workload: &Workload, preset: Preset) -> String {
    STANDARD.encode(structure(&fields(workload, preset)))
}

enum PeerField {
    Text(String),
    Fields(PeerFields),
}

type PeerFields = BTreeMap<&'static str, PeerField>;

fn fields(workload: &Workload, preset: Preset) -> PeerFields {
    let text = |text: &str| PeerField::Text(text.to_owned());
    let namespace = workload.namespace;
    let owner = format!("kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{}", workload.name());
    let mut fields = PeerFields::from([
        ("CLUSTER_ID", text(CLUSTER_ID)),
        ("LABELS", PeerField::Fields(labels(workload, preset))),
        ("NAME", text(&workload.replica())),
        ("NAMESPACE", text(namespace)),
        ("OWNER", text(&owner)),
        ("WORKLOAD_NAME", text(&workload.name())),
    ]);
    match preset {
        Preset::Today => {}
        Preset::Istio19Demo => fields.extend([
            ("APP_CONTAINERS", text(if workload.is_gateway() { "istio-proxy" } else { &workload.service })),
            ("ISTIO_VERSION", text("1.9.1")),
            ("MESH_ID", text(TRUST_DOMAIN)),
        ]),
        Preset::Istio16Default => fields.extend([
            ("INSTANCE_IPS", text(&workload.address.to_string())),
            ("MESH_ID", text(TRUST_DOMAIN)),
            ("SERVICE_ACCOUNT", text(workload.account_name())),
        ]),
    }
    fields
}

fn labels(workload: &Workload, preset: Preset) -> PeerFields {
    let text = |text: &str| PeerField::Text(text.to_owned());
    let mut labels = PeerFields::from([
        ("app", text(&workload.service)),
        ("service.istio.io/canonical-name", text(&workload.service)),
        ("service.istio.io/canonical-revision", text(workload.version_or("latest"))),
    ]);
    if preset != Preset::Today {
        labels.extend([("istio.io/rev", text("default")), ("pod-template-hash", text(&workload.template_hash()))]);
    }
    match (workload.is_gateway(), preset) {
        (true, Preset::Today) => {}
        (true, _) => labels.extend(ingress::CHART_LABELS.map(|(key, value)| (key, text(value)))),
        (false, Preset::Today) => labels.extend([("version", text(&workload.version))]),
        (false, _) => {
            labels.extend([("version", text(&workload.version)), ("security.istio.io/tlsMode", text("istio"))]);
        }
    }
    labels
}

/// `google.protobuf.Struct`: entries of a map, each with key (1) and value (2), as field 1.
fn structure(fields: &PeerFields) -> Vec<u8> {
    let entry = |(key, value): (&&str, &PeerField)| {
        delimited(1, &[delimited(1, key.as_bytes()), delimited(2, &value_of(value))].concat())
    };
    fields.iter().flat_map(entry).collect()
}

/// `google.protobuf.Value`: a string is its field 3, a structure its field 5.
fn value_of(field: &PeerField) -> Vec<u8> {
    match field {
        PeerField::Text(text) => delimited(3, text.as_bytes()),
        PeerField::Fields(fields) => delimited(5, &structure(fields)),
    }
}

/// A protobuf field of wire type 2: tag, length, bytes. The field numbers here have one byte each.
fn delimited(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        out.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn pod(service: &str) -> Workload {
        Workload {
            pod: format!("{service}-v1"),
            service: service.into(),
            version: "v1".into(),
            namespace: crate::NAMESPACE,
            account: format!("bookinfo-{service}"),
            address: Ipv4Addr::new(10, 244, 0, 2),
            ports: Vec::new(),
        }
    }

    /// One line per field. Fields of a structure stand below its name.
    fn lines(fields: &PeerFields) -> String {
        let line = |(key, value): (&&str, &PeerField)| match value {
            PeerField::Text(text) => format!("{key} {text}\n"),
            PeerField::Fields(inner) => format!("{key}\n{}", lines(inner)).trim_end().replace('\n', "\n  ") + "\n",
        };
        fields.iter().map(line).collect()
    }

    /// The sizes are without the cloud's metadata.
    #[test]
    fn the_gateways_value_has_the_size_of_its_era() {
        let gateway = Workload::of_gateway(Ipv4Addr::new(10, 244, 0, 2));
        assert_eq!(metadata(&gateway, Preset::Today).len(), 532);
        assert_eq!(metadata(&gateway, Preset::Istio19Demo).len(), 1040);
        assert_eq!(metadata(&gateway, Preset::Istio16Default).len(), 1080);
    }

    /// The sizes are those of Bookinfo in a Kubernetes cluster. A page's whole line was 1041 B at the ingress gateway
    /// of 1.9.
    #[test]
    fn the_value_has_the_size_of_its_era() {
        for (service, today, of_1_9, of_1_6) in [("details", 460, 704, 724), ("productpage", 488, 736, 756)] {
            let length = |preset| metadata(&pod(service), preset).len();
            assert_eq!(length(Preset::Today), today);
            assert_eq!(length(Preset::Istio19Demo), of_1_9);
            assert_eq!(length(Preset::Istio16Default), of_1_6);
        }
    }

    #[test]
    fn a_sidecar_of_1_6_tells_of_its_account() {
        insta::assert_snapshot!(lines(&fields(&pod("details"), Preset::Istio16Default)), @"
        CLUSTER_ID Kubernetes
        INSTANCE_IPS 10.244.0.2
        LABELS
          app details
          istio.io/rev default
          pod-template-hash td2fxq5clx
          security.istio.io/tlsMode istio
          service.istio.io/canonical-name details
          service.istio.io/canonical-revision v1
          version v1
        MESH_ID cluster.local
        NAME details-v1-td2fxq5clx-fzpm9
        NAMESPACE default
        OWNER kubernetes://apis/apps/v1/namespaces/default/deployments/details-v1
        SERVICE_ACCOUNT bookinfo-details
        WORKLOAD_NAME details-v1
        ");
    }

    /// The account has no namespace before it, unlike in its identity.
    #[test]
    fn the_gateway_of_1_6_tells_of_its_account_and_its_chart() {
        let gateway = Workload::of_gateway(Ipv4Addr::new(10, 244, 255, 254));
        insta::assert_snapshot!(lines(&fields(&gateway, Preset::Istio16Default)), @"
        CLUSTER_ID Kubernetes
        INSTANCE_IPS 10.244.255.254
        LABELS
          app istio-ingressgateway
          chart gateways
          heritage Tiller
          install.operator.istio.io/owning-resource unknown
          istio ingressgateway
          istio.io/rev default
          operator.istio.io/component IngressGateways
          pod-template-hash zz8zz8n8tg
          release istio
          service.istio.io/canonical-name istio-ingressgateway
          service.istio.io/canonical-revision latest
          sidecar.istio.io/inject false
        MESH_ID cluster.local
        NAME istio-ingressgateway-zz8zz8n8tg-hnxwt
        NAMESPACE istio-system
        OWNER kubernetes://apis/apps/v1/namespaces/istio-system/deployments/istio-ingressgateway
        SERVICE_ACCOUNT istio-ingressgateway-service-account
        WORKLOAD_NAME istio-ingressgateway
        ");
    }
}
