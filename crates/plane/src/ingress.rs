//! Names of the ingress gateway.

/// Name of its pod and of its Deployment.
pub const GATEWAY: &str = "istio-ingressgateway";

/// Its service account, as [`crate::spiffe`] takes it.
pub const GATEWAY_ACCOUNT: &str = "istio-system/istio-ingressgateway-service-account";

/// Where it takes requests: port 80 of Istio's service leads here.
pub const GATEWAY_PORT: u16 = 8080;

/// Kubernetes namespace of Istio's own workloads.
pub(crate) const NAMESPACE: &str = "istio-system";

/// What the chart that installs it writes on its pod, until 1.9 at least. Proxies of today do not tell of it.
pub(crate) const CHART_LABELS: [(&str, &str); 7] = [
    ("chart", "gateways"),
    ("heritage", "Tiller"),
    ("install.operator.istio.io/owning-resource", "unknown"),
    ("istio", "ingressgateway"),
    ("operator.istio.io/component", "IngressGateways"),
    ("release", "istio"),
    ("sidecar.istio.io/inject", "false"),
];
