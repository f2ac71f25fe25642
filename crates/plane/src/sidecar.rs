use crate::{Mtls, Preset, Proxy, Side, TlsVersion, Tracing};

/// User and group of the proxy. The redirect rules know its connections by it, so Envoy must run as this user.
pub const PROXY_UID: u32 = 1337;

/// What stands between the services of an arm.
#[derive(Clone, Debug, PartialEq)]
pub enum Plane {
    /// Nothing: services talk to each other directly.
    None,
    /// An Envoy in every pod.
    Sidecar(Sidecar),
    /// A program of the user's own in every pod.
    Proxy(Proxy),
}

/// Options of an arm's sidecars.
#[derive(Clone, Debug, PartialEq)]
pub struct Sidecar {
    /// Count requests and connections as Istio's standard metrics do.
    pub telemetry: bool,
    /// Envoy's worker threads.
    pub concurrency: u32,
    /// Whether callers must show a certificate of the mesh, may, or nobody does.
    pub mtls: Mtls,
    /// The newest TLS version that callers offer.
    pub tls: TlsVersion,
    /// Tell the peer's sidecar who one is, in two headers of each request and each answer.
    pub metadata: bool,
    /// Headers of a trace, and spans to a service `zipkin` or `otel-collector` of the topology; dropped without one.
    pub tracing: Tracing,
    /// Share of the requests whose spans are recorded, between 0 and 1.
    pub sampling: f64,
    /// Write a line about each request and connection to standard output, in Istio's format.
    pub access_log: bool,
    /// Attempts of the caller's sidecar after the first failed one.
    pub retries: u32,
    /// Authorization rules that are asked of each request before the one that lets it pass; 0 asks none.
    pub authz: u32,
    /// At which ends of a hop sidecars stand.
    pub side: Side,
    /// Further services of the mesh that every sidecar has clusters and routes of, though nobody calls them.
    pub mesh_size: u32,
    /// Whose traits it has beside the options.
    pub preset: Preset,
}

impl Plane {
    /// The options of its sidecars, if it has any.
    pub fn sidecar(&self) -> Option<&Sidecar> {
        if let Plane::Sidecar(options) = self { Some(options) } else { None }
    }
}

impl Default for Sidecar {
    /// Istio's defaults of today, but for plaintext, which is refused. Two workers are what its default CPU limit of 2000m
    /// gives.
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
    /// The options that a release and profile of Istio installs. All three accept plaintext from those who have no sidecar.
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

/// Envoy's arguments, as `pilot-agent` starts it, without the name of the program.
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
