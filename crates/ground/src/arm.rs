use plane::{Plane, Sidecar};

use crate::{Limits, Periods};

/// An arm: a name, and what stands between its services.
#[derive(Clone, Debug)]
pub struct ArmPlan {
    /// Name, a DNS label.
    pub name: String,
    /// What stands between services.
    pub plane: Plane,
    /// Options of the ingress gateway before them; without, the client asks them directly.
    pub gateway: Option<Sidecar>,
    /// How often its pods are asked for their health.
    pub probes: Periods,
    /// Most that each proxy may use.
    pub limits: Limits,
}
