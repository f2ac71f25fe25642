use std::time::Duration;

use serde::Deserialize;

/// Name of the pod where requests start.
pub const CLIENT: &str = "client";

/// Names that a service cannot bear: `node` is the machine under the pods, `istio` begins the name of the gateway's pod.
pub const NAMES_RESERVED: [&str; 3] = [CLIENT, "node", "istio"];

/// Ports that a service cannot have: Istio's sidecar uses them in each pod.
pub const PORTS_RESERVED: std::ops::RangeInclusive<u16> = 15000..=15099;

/// An application: its services, in the order of the file. Valid by construction: every call names an endpoint that
/// exists, and no chain of calls returns to an endpoint that is already on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Name of the application: a DNS label.
    pub name: String,
    /// What it is, in a sentence or more; may be empty.
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
    /// What is spoken on that port.
    pub protocol: Protocol,
    /// Whether a mesh is told so, as by the name of a Kubernetes port; if not, it sniffs.
    pub declared: bool,
    /// Service account, hence identity in the mesh; the service's name unless the file says otherwise.
    pub account: String,
    /// How this service connects to those that it calls.
    pub connections: Connections,
    /// Names of request headers that are passed on with each call, in lower case.
    pub propagate: Vec<String>,
    /// Path that answers 200 once the service can serve (`http` only).
    pub ready: Option<String>,
    /// Where its programs tell metrics in Prometheus's text format; a simulated version has none.
    pub metrics: Option<Metrics>,
    /// What becomes of a program or a sidecar of its pods that ends by itself.
    pub restart: Restart,
    /// Versions behind the name, each with its share of the calls; never empty.
    pub versions: Vec<Version>,
}

/// Where metrics are told, as the annotations `prometheus.io/port` and `prometheus.io/path` say it of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Port of the pod.
    pub port: u16,
    /// Path that is asked for there.
    pub path: String,
}

/// What a port speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// Bytes. A simulated service reads one line and answers `response` bytes that end with a line feed.
    Tcp,
}

/// What becomes of a program that ends by itself, as a pod's `restartPolicy` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// The run ends.
    #[default]
    Never,
    /// The program starts again, and the run goes on.
    Always,
}

/// How a caller connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// A new connection, and a new look-up of the name, for each call.
    New,
    /// Connections are kept and used again.
    #[default]
    Pooled,
}

/// A version of a service. A service without `versions` in its file has exactly one, called `v1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// DNS label such as `v2`.
    pub name: String,
    /// Weight among the service's versions; each of its instances gets an equal part.
    pub weight: u32,
    /// Running copies, at least one.
    pub instances: u32,
    /// What runs in each copy.
    pub work: Work,
}

/// What runs in a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Our own runtime performs the endpoints' scripts.
    Simulated {
        /// Resident memory that is held from start to end, in bytes.
        memory_bytes: u64,
        /// What can be asked, by path; a `tcp` service has exactly one, with an empty path.
        endpoints: Vec<Endpoint>,
    },
    /// Any program that the user has. It must listen on the service's port.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Environment variables added to a minimal environment, in the order of the file.
        environment: Vec<(String, String)>,
        /// What the program shares with others, in the order of the file.
        volumes: Vec<Volume>,
    },
}

/// A folder or file that a program sees beside its pod's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What is shared.
    pub source: VolumeSource,
    /// Absolute path at which the program sees it.
    pub target: String,
    /// Whether the program may not write there.
    pub read_only: bool,
}

/// What a volume shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A path of the host's, seen from the topology's folder: every pod of every arm shares it.
    Host(String),
    /// An empty folder of this name: the pods of one arm share it, and it goes with them.
    Named(String),
}

/// What a service does when it is asked for a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Path without query, starting with `/`; empty for `tcp`.
    pub path: String,
    /// Steps, one after the other.
    pub script: Vec<Step>,
    /// Size of the answer's body, in bytes.
    pub response_bytes: u64,
    /// Media type of the answer's body; empty for `tcp`.
    pub content_type: String,
    /// Share of requests answered with 500 after the script, between 0 and 1.
    pub error_rate: f64,
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Burn CPU time, in the thread that serves the request.
    Compute {
        /// CPU time, not wall time.
        cpu: Duration,
        /// Burn it after the answer is sent.
        background: bool,
    },
    /// Let wall time pass.
    Wait(Duration),
    /// Call other services: one call, or several at once. The step ends when all have ended.
    Calls(Vec<Call>),
}

/// A hop to another service.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Name of the service called.
    pub service: String,
    /// Path asked for; empty for `tcp`.
    pub path: String,
    /// After this long an attempt counts as failed.
    pub timeout: Duration,
    /// Attempts after the first failed one.
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
    /// Number among the version's copies, from 0.
    pub index: u32,
}

impl Endpoint {
    /// Media type where the file names none.
    pub const CONTENT_TYPE_DEFAULT: &str = "text/plain; charset=utf-8";
}

impl Call {
    /// Timeout where the file names none: the one that Envoy's routes have.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
}

impl Version {
    /// Paths that it can be asked for; none where a program of the user's runs.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let endpoints = match &self.work {
            Work::Simulated { endpoints, .. } => endpoints.as_slice(),
            Work::Command { .. } => &[],
        };
        endpoints.iter().map(|endpoint| endpoint.path.as_str())
    }
}

impl Topology {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Every pod, in the order of the file.
    pub fn pods(&self) -> impl Iterator<Item = Pod<'_>> {
        self.services.iter().flat_map(Service::pods)
    }
}

impl Service {
    /// Share of requests for a path that its versions are declared to answer with an error, each by its weight.
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
    /// `reviews-v2`, or `reviews-v2-0` where the version has several instances.
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
