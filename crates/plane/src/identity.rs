/// Root of every identity in the mesh.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// Kubernetes namespace of every service.
pub const NAMESPACE: &str = "default";

/// Name that Istio gives to the only cluster of a mesh.
pub(crate) const CLUSTER_ID: &str = "Kubernetes";

/// Identity of a service account, as the URI name in its certificate; `NAMESPACE/ACCOUNT` is one of another namespace.
pub fn spiffe(account: &str) -> String {
    let (namespace, account) = account.split_once('/').unwrap_or((NAMESPACE, account));
    format!("{}ns/{namespace}/sa/{account}", spiffe_prefix())
}

/// What every identity of the mesh starts with. The slash at the end keeps `cluster.local.example` out.
pub(crate) fn spiffe_prefix() -> String {
    format!("spiffe://{TRUST_DOMAIN}/")
}

/// Full DNS name of a service.
pub fn fqdn(service: &str) -> String {
    format!("{service}.{}", domain())
}

/// DNS domain in which all services live.
pub(crate) fn domain() -> String {
    format!("{NAMESPACE}.svc.cluster.local")
}
