use serde_json::{Value, json};
use topology::Protocol;

use crate::extension::extension;
use crate::identity::{spiffe, spiffe_prefix};
use crate::{Destination, Sidecar, TlsVersion, control};

/// TLS 1.2 cipher suites that Istio's servers accept. Two sidecars use them if the caller offers nothing newer.
const CIPHER_SUITES: [&str; 6] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
];

/// Paths of a workload's PEM files, as Envoy sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The workload's certificate, followed by intermediate ones if there are any.
    pub certificate: String,
    /// The private key of that certificate. The proxy's user must be able to read it.
    pub key: String,
    /// The root certificate of the mesh.
    pub authority: String,
}

/// The TLS context of the server. The peer must have a certificate of the trust domain, for any account.
pub(crate) fn server(protocol: Protocol, files: &Files) -> Value {
    // Envoy picks the first of these that the client also offers. Names that start with `istio` are never chosen for
    // HTTP. They only tell a server in permissive mode that the peer has a sidecar.
    let alpn: &[&str] = match protocol {
        Protocol::Http => &["h2", "http/1.1"],
        Protocol::Tcp => &["istio-peer-exchange", "h2", "http/1.1"],
    };
    let mut common = common(alpn, files, Some(json!({"prefix": spiffe_prefix()})));
    common["tls_params"]["cipher_suites"] = json!(CIPHER_SUITES);
    extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        json!({"require_client_certificate": true, "common_tls_context": common}),
    )
}

/// The TLS context of the client. The peer must prove the destination's account.
pub(crate) fn client(destination: &Destination, files: &Files, options: &Sidecar) -> Value {
    // Istio configures the second list everywhere, and its `istio.alpn` filter rewrites it for each HTTP request.
    let alpn: &[&str] = match destination.port.protocol {
        // Connections detected as HTTP offer other names, request by request.
        _ if !destination.port.declared => &["istio-peer-exchange", "istio"],
        Protocol::Http if control::is_grpc(destination) => &["istio-h2", "istio", "h2"],
        Protocol::Http => &["istio-http/1.1", "istio", "http/1.1"],
        Protocol::Tcp => &["istio-peer-exchange", "istio"],
    };
    let exact = (!destination.account.is_empty()).then(|| json!({"exact": spiffe(&destination.account)}));
    let mut common = common(alpn, files, exact);
    if options.tls == TlsVersion::V1_2 {
        common["tls_params"]["tls_maximum_protocol_version"] = "TLSv1_2".into();
    }
    extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        json!({
            "sni": format!("outbound_.{}_._.{}", destination.port.number, destination.host()),
            "common_tls_context": common,
        }),
    )
}

/// The transport for plaintext.
pub(crate) fn none() -> Value {
    extension(
        "envoy.transport_sockets.raw_buffer",
        "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        json!({}),
    )
}

/// The settings that both sides share. `peer` matches the peer's SPIFFE identity; without it, any identity will do.
fn common(alpn: &[&str], files: &Files, peer: Option<Value>) -> Value {
    let mut validation = json!({"trusted_ca": {"filename": files.authority}});
    if let Some(peer) = peer {
        validation["match_typed_subject_alt_names"] = json!([{"san_type": "URI", "matcher": peer}]);
    }
    json!({
        "alpn_protocols": alpn,
        // Istio's range of versions. The maximum matters, because Envoy's clients stop at 1.2 by default. The curves
        // are Envoy's default, which offers the post-quantum X25519MLKEM768 first.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [{
            "certificate_chain": {"filename": files.certificate},
            "private_key": {"filename": files.key},
        }],
        "validation_context": validation,
    })
}
