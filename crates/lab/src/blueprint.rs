//! What is to stand.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ground::{ArmPlan, Network};
use plane::AppHealthCheck;
use topology::{Metrics, Topology};

use crate::process::Program;

/// What is to stand, and where its files go.
pub struct Blueprint<'a> {
    /// The application; the same in each arm.
    pub topology: &'a Topology,
    /// The arms, which stand side by side.
    pub arms: &'a [ArmPlan],
    /// How the pods of each arm are joined.
    pub network: Network,
    /// What to start in each role.
    pub programs: &'a (dyn Fn(Role<'_>) -> Program + Sync),
    /// Envoy's binary; used by arms with sidecars only.
    pub envoy: &'a Path,
    /// The run folder; `planes/` and `logs/` are made in it.
    pub folder: &'a Path,
    /// The topology's folder: where the user's own programs start, and from where their volumes are seen. Absolute.
    pub working_folder: &'a Path,
    /// Further files of the host's that pods read wherever they are: this lab's programs and what those are told to read.
    pub shown: &'a [PathBuf],
    /// How long a program may take to become ready.
    pub patience: Duration,
}

/// What a program is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// To be process 1 of a pod and hold its namespaces; takes orders.
    Pause,
    /// To answer a node's DNS queries from the zone file; takes orders.
    Dns {
        /// A [`crate::Zone`] as JSON.
        zone: &'a Path,
    },
    /// To ask a node's pods for their health, in the node's network namespace; takes orders.
    Kubelet {
        /// A list of [`crate::HealthCheck`] as JSON.
        probes: &'a Path,
    },
    /// To be the agent beside an Envoy; takes orders.
    Pilot {
        /// The pod's address.
        address: Ipv4Addr,
        /// Probes of the application that it makes.
        probes: &'a [AppHealthCheck],
        /// Where the application tells metrics, which it merges with Envoy's.
        metrics: Option<&'a Metrics>,
        /// Memory that it is to hold, so that it takes what Istio's takes.
        hold_bytes: u64,
    },
    /// To ask, in the client's pod; takes orders.
    Client,
    /// To be a simulated service; takes orders.
    Service {
        /// Name of the arm.
        arm: &'a str,
        /// Name of the pod.
        pod: &'a str,
    },
}
