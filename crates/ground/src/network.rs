use serde::Deserialize;

/// How the pods of a node reach each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// One bridge joins all pods of a node; they find each other by ARP, as on Minikube.
    #[default]
    Bridge,
    /// A point-to-point link and a route for each pod, without a bridge, as on EKS.
    Routed,
}
