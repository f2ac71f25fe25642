use crate::{Mtls, Preset, Proxy, Side, TlsVersion, Tracing};

/// User and group of the proxy. The redirect rules identify its connections by this user, so Envoy must run as it.
pub const PROXY_UID: u32 = 1337;

/// The plane of an arm: what stands between its services.
#[derive(Clone, Debug, PartialEq)]
pub enum Plane {
    /// Nothing: services connect to each other directly.
    None,
    /// An Envoy in every pod.
    Sidecar(Sidecar),
    /// A user's own program in every pod.
    Proxy(Proxy),
}

/// Options of an arm's sidecars.
#[derive(Clone, Debug, PartialEq)]
pub struct Sidecar {
    /// Count requests and connections as Istio's standard metrics do.
    pub telemetry: bool,
    /// Envoy's worker threads.
    pub concurrency: u32,
    /// Whether callers must have a certificate of the mesh, may have one, or never use one.
    pub mtls: Mtls,
    /// The newest TLS version that callers offer.
    pub tls: TlsVersion,
    /// Whether the sidecar introduces its workload to the peer's sidecar, in two headers of each request and response.
    pub metadata: bool,
    /// Trace headers. Spans go to a service `zipkin` or `otel-collector` of the topology, or are dropped.
    pub tracing: Tracing,
    /// Share of the requests whose spans are recorded, between 0 and 1.
    pub sampling: f64,
    /// Write a line for each request and connection to standard output, in Istio's format.
    pub access_log: bool,
    /// Number of retries of the caller's sidecar after a failed first attempt.
    pub retries: u32,
    /// Number of authorization rules that are checked for each request before the one that allows it; 0 checks none.
    pub authz: u32,
    /// The ends of a hop that have a sidecar.
    pub side: Side,
    /// Number of further services of the mesh for which every sidecar has clusters and routes, although nobody calls
    /// them.
    pub mesh_size: u32,
    /// The preset whose traits the sidecar has beside these options.
    pub preset: Preset,
}

impl Plane {
    /// The options of the plane's sidecars, if it has any.
    pub fn sidecar(&self) -> Option<&Sidecar> {
        if let Plane::Sidecar(options) = self { Some(options) } else { None }
    }
}

impl Default for Sidecar {
    /// Istio's current defaults, except that plaintext is refused. Two workers follow from its default CPU limit of
    /// 2000m.
    fn default() -> Self {
        Self {
            telemetry: true,
            concurrency: 2,
            mtls: Mtls::Strict,
            tls: TlsVersion::V1_3,
            metadata: true,
            tracing: Tracing::Off,
            sampling: 0.01,
            access_log: false,
            retries: 2,
            authz: 0,
            side: Side::Both,
            mesh_size: 0,
            preset: Preset::Today,
        }
    }
}

impl Sidecar {
    /// The options of a release and profile of Istio. All three accept plaintext from callers without a sidecar.
    pub fn of(preset: Preset) -> Self {
        let today = Self { mtls: Mtls::Permissive, preset, ..Self::default() };
        let zipkin = Self { tls: TlsVersion::V1_2, tracing: Tracing::B3, ..today.clone() };
        match preset {
            Preset::Today => today,
            Preset::Istio16Default => zipkin,
            Preset::Istio19Demo => Self { sampling: 1.0, access_log: true, ..zipkin },
        }
    }

    /// Whether two pods of the mesh authenticate each other and encrypt.
    pub fn is_mutual(&self) -> bool {
        self.mtls != Mtls::Off && self.side == Side::Both
    }

    /// Whether a pod that serves, or calls, has a sidecar.
    pub fn stands_by(&self, serves: bool, calls: bool) -> bool {
        match self.side {
            Side::Both => true,
            Side::Server => serves,
            Side::Client => calls,
        }
    }
}

/// Envoy's arguments as `pilot-agent` starts it, without the program's name.
pub fn arguments(options: &Sidecar, bootstrap_path: &str) -> Vec<String> {
    let concurrency = options.concurrency.to_string();
    [
        "-c",
        bootstrap_path,
        "--drain-time-s",
        "45",
        "--drain-strategy",
        "immediate",
        "--local-address-ip-version",
        "v4",
        "--file-flush-interval-msec",
        "1000",
        "--disable-hot-restart",
        "--skip-deprecated-logs",
        "--allow-unknown-static-fields",
        "-l",
        "warning",
        "--component-log-level",
        "misc:error",
        "--concurrency",
        &concurrency,
    ]
    .map(String::from)
    .to_vec()
}
