use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::remembering::Remembering;

pub const HELP: &str = "\
Metrics are at /metrics, in Prometheus' text format or OpenMetrics, as the
scraper asks. TCP metrics have Istio's names and labels (istio_tcp_…) except
where a sidecar reports them already: there they are called meshtax_tcp_….
Between scrapes nothing runs in user space.

A file says the rest, such as:

  listen: 0.0.0.0:9435
  tls: {certificate: tls.crt, key: tls.key}
  token_file: token
  otlp: {endpoint: \"http://collector:4318\", interval: 60s}

It starts as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. Once its
programs are attached it has no capability left, and can gain none: what it
opened before is all that it takes to read on. It keeps its user, whose files
SIGHUP reads again: certificates, key and token.";

/// Options of `agent`.
#[derive(Clone, Debug, Args)]
pub struct AgentOptions {
    /// File that says how to serve and whom to tell; `meshtax schema agent` has its keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to listen, whatever the file says [default: 127.0.0.1:9435]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Check the file and those that it names, and do nothing else
    #[arg(long, requires = "config")]
    pub check: bool,
    #[command(flatten)]
    pub remembering: Remembering,
}
