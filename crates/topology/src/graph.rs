use std::time::Duration;

use serde::Deserialize;

/// Name of the pod from which requests are sent.
pub const CLIENT: &str = "client";

/// Names that a service cannot have: `node` is the machine under the pods, and the gateway's pod has a name that begins
/// with `istio`.
pub const NAMES_RESERVED: [&str; 3] = [CLIENT, "node", "istio"];

/// Ports that a service cannot have: Istio's sidecar uses them in each pod.
pub const PORTS_RESERVED: std::ops::RangeInclusive<u16> = 15000..=15099;

/// An application: its services, in the order of the file. It is always valid: every call names an endpoint that
/// exists, and no chain of calls returns to an endpoint that is already on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Name of the application: a DNS label.
    pub name: String,
    /// Description of the application; may be empty.
    pub description: String,
    /// The nodes of the graph.
    pub services: Vec<Service>,
}

/// A node of the graph: one name, one port, one identity, one or more versions behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// DNS label; other services call it by this name.
    pub name: String,
    /// Port of the service and of its pods.
    pub port: u16,
    /// Protocol of the port.
    pub protocol: Protocol,
    /// Whether the mesh is told the protocol, as by the name of a Kubernetes port. If not, it inspects the first bytes.
    pub declared: bool,
    /// Service account, and so the identity in the mesh. The default is the service's name.
    pub account: String,
    /// How this service connects to those that it calls.
    pub connections: Connections,
    /// Names of request headers that are propagated with each call, in lower case.
    pub propagate: Vec<String>,
    /// Path that answers 200 once the service can serve (`http` only).
    pub ready: Option<String>,
    /// Where its programs serve metrics in Prometheus's text format; `None` for simulated versions.
    pub metrics: Option<Metrics>,
    /// What happens if a program or a sidecar of its pods ends by itself.
    pub restart: Restart,
    /// Versions of the service, each with its share of the calls; never empty.
    pub versions: Vec<Version>,
}

/// Where metrics are served, as in the annotations `prometheus.io/port` and `prometheus.io/path` of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Port of the pod.
    pub port: u16,
    /// Path of the metrics on this port.
    pub path: String,
}

/// Protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// Plain bytes. A simulated service reads one line and answers `response` bytes that end with a line feed.
    Tcp,
}

/// What happens if a program ends by itself, as in a pod's `restartPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// The run ends.
    #[default]
    Never,
    /// The program is restarted, and the run goes on.
    Always,
}

/// How a caller connects to a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// A new connection, and a new DNS query, for each call.
    New,
    /// Connections are kept and reused.
    #[default]
    Pooled,
}

/// A version of a service. A service without `versions` in its file has exactly one, called `v1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// DNS label such as `v2`.
    pub name: String,
    /// Weight among the service's versions. Its instances share it equally.
    pub weight: u32,
    /// Number of running copies, at least one.
    pub instances: u32,
    /// The work of each copy.
    pub work: Work,
}

/// The work that runs in a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Our own runtime performs the endpoints' scripts.
    Simulated {
        /// Resident memory that is held for the whole run, in bytes.
        memory_bytes: u64,
        /// Endpoints by path. A `tcp` service has exactly one, with an empty path.
        endpoints: Vec<Endpoint>,
    },
    /// A program of the user's own. It must listen on the service's port.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Environment variables added to a minimal environment, in the order of the file.
        environment: Vec<(String, String)>,
        /// Volumes that the program shares, in the order of the file.
        volumes: Vec<Volume>,
    },
}

/// A folder or file that a program sees in addition to its pod's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The folder or file that is shared.
    pub source: VolumeSource,
    /// Absolute path at which the program sees it.
    pub target: String,
    /// Whether the program may not write there.
    pub read_only: bool,
}

/// What a volume shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A path on the host, relative to the topology's folder. All pods of all arms share it.
    Host(String),
    /// An empty folder of this name. The pods of one arm share it, and it is removed with them.
    Named(String),
}

/// What a service does for a request to a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Path without query, starting with `/`; empty for `tcp`.
    pub path: String,
    /// Steps that run one after the other.
    pub script: Vec<Step>,
    /// Size of the response body, in bytes.
    pub response_bytes: u64,
    /// Media type of the response body; empty for `tcp`.
    pub content_type: String,
    /// Share of requests answered with 500 after the script, between 0 and 1.
    pub error_rate: f64,
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Burn CPU time in the thread that serves the request.
    Compute {
        /// CPU time, not wall time.
        cpu: Duration,
        /// Whether to burn it after the answer is sent.
        background: bool,
    },
    /// Wait for a while.
    Wait(Duration),
    /// Call other services: one, or several at the same time. The step ends when all calls have ended.
    Calls(Vec<Call>),
}

/// A hop to another service.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Name of the called service.
    pub service: String,
    /// Called path; empty for `tcp`.
    pub path: String,
    /// Time after which an attempt counts as failed.
    pub timeout: Duration,
    /// Number of further attempts after a failed one.
    pub retries: u32,
    /// Size of the request's body (`http`: sent by POST when not zero) or line (`tcp`), in bytes.
    pub request_bytes: u64,
}

/// A running copy of a version: one pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pod<'a> {
    /// The service it belongs to.
    pub service: &'a Service,
    /// The version it runs.
    pub version: &'a Version,
    /// Number of the copy within its version, from 0.
    pub index: u32,
}

impl Endpoint {
    /// The default media type.
    pub const CONTENT_TYPE_DEFAULT: &str = "text/plain; charset=utf-8";
}

impl Call {
    /// The default timeout, which is that of Envoy's routes.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
}

impl Version {
    /// Paths that can be called; none if it runs a program of the user's own.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let endpoints = match &self.work {
            Work::Simulated { endpoints, .. } => endpoints.as_slice(),
            Work::Command { .. } => &[],
        };
        endpoints.iter().map(|endpoint| endpoint.path.as_str())
    }
}

impl Topology {
    /// The service with this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Every pod, in the order of the file.
    pub fn pods(&self) -> impl Iterator<Item = Pod<'_>> {
        self.services.iter().flat_map(Service::pods)
    }
}

impl Service {
    /// Declared share of requests for a path that fail, averaged over the versions by weight.
    pub fn error_rate(&self, path: &str) -> f64 {
        let total: u32 = self.versions.iter().map(|version| version.weight).sum();
        let of = |version: &Version| match &version.work {
            Work::Simulated { endpoints, .. } => {
                endpoints.iter().find(|endpoint| endpoint.path == path).map_or(0.0, |endpoint| endpoint.error_rate)
            }
            Work::Command { .. } => 0.0,
        };
        let weighted = self.versions.iter().map(|version| f64::from(version.weight) * of(version));
        weighted.sum::<f64>() / f64::from(total.max(1))
    }

    /// The pods behind this service's name.
    pub fn pods(&self) -> impl Iterator<Item = Pod<'_>> {
        self.versions
            .iter()
            .flat_map(move |version| (0..version.instances).map(move |index| Pod { service: self, version, index }))
    }
}

impl Pod<'_> {
    /// Name of the pod, such as `reviews-v2`, or `reviews-v2-0` if the version has several instances.
    pub fn name(&self) -> String {
        let base = format!("{}-{}", self.service.name, self.version.name);
        if self.version.instances == 1 { base } else { format!("{base}-{}", self.index) }
    }

    /// Probability that a call to the service reaches this pod.
    pub fn share(&self) -> f64 {
        let total: u32 = self.service.versions.iter().map(|version| version.weight).sum();
        f64::from(self.version.weight) / f64::from(total) / f64::from(self.version.instances)
    }
}
