//! Names of the ingress gateway.

/// Name of the gateway's pod and of its Deployment.
pub const GATEWAY: &str = "istio-ingressgateway";

/// Service account of the gateway, as [`crate::spiffe`] takes it.
pub const GATEWAY_ACCOUNT: &str = "istio-system/istio-ingressgateway-service-account";

/// Port on which the gateway accepts requests. Port 80 of Istio's service leads here.
pub const GATEWAY_PORT: u16 = 8080;

/// Kubernetes namespace of Istio's own workloads.
pub(crate) const NAMESPACE: &str = "istio-system";

/// Labels that the gateway's chart sets on its pod, until at least 1.9. Current proxies do not report them.
pub(crate) const CHART_LABELS: [(&str, &str); 7] = [
    ("chart", "gateways"),
    ("heritage", "Tiller"),
    ("install.operator.istio.io/owning-resource", "unknown"),
    ("istio", "ingressgateway"),
    ("operator.istio.io/component", "IngressGateways"),
    ("release", "istio"),
    ("sidecar.istio.io/inject", "false"),
];
