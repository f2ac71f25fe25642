/// The trust domain of every identity in the mesh.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// Kubernetes namespace of every service.
pub const NAMESPACE: &str = "default";

/// Istio's name for the only cluster of a mesh.
pub(crate) const CLUSTER_ID: &str = "Kubernetes";

/// Identity of a service account, as the URI name in its certificate. `NAMESPACE/ACCOUNT` is an account of another
/// namespace.
pub fn spiffe(account: &str) -> String {
    let (namespace, account) = account.split_once('/').unwrap_or((NAMESPACE, account));
    format!("{}ns/{namespace}/sa/{account}", spiffe_prefix())
}

/// The prefix of every identity of the mesh. The slash at its end excludes `cluster.local.example`.
pub(crate) fn spiffe_prefix() -> String {
    format!("spiffe://{TRUST_DOMAIN}/")
}

/// Fully qualified DNS name of a service.
pub fn fqdn(service: &str) -> String {
    format!("{service}.{}", domain())
}

/// DNS domain of all services.
pub(crate) fn domain() -> String {
    format!("{NAMESPACE}.svc.cluster.local")
}
