use crate::Proxy;

/// User and group of the proxy. The redirect rules know its connections by it, so Envoy must run as this user.
pub const PROXY_UID: u32 = 1337;

/// What stands between the services of an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Nothing: services talk to each other directly.
    None,
    /// An Envoy in every pod.
    Sidecar(Sidecar),
    /// A program of the user's own in every pod.
    Proxy(Proxy),
}

/// Options of an arm's sidecars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// Count requests and connections as Istio's standard metrics do.
    pub telemetry: bool,
    /// Envoy's worker threads.
    pub concurrency: u32,
}

impl Default for Sidecar {
    /// Istio's defaults: standard metrics, and two workers, as the default CPU limit of 2000m gives.
    fn default() -> Self {
        Self { telemetry: true, concurrency: 2 }
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
