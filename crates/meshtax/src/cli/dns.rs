use clap::Args;
use topology::Span;

use super::WatchOptions;

/// What `dns --help` says below the options.
pub const DNS_HELP: &str = "\
A line for each query when its answer has come, or none has in time (TIMEOUT),
as the socket that asked sees it; a query that is sent again is another query.
LAT_MS is the time from query to answer, BY udp or tcp. Example:

  TIME     PID    COMM TYPE NAME             RCODE      LAT_MS SERVER     BY
  12:00:01 4242   curl AAAA db.prod.svc      NXDOMAIN    0.412 10.96.0.10 udp

PID and COMM are `-` for TCP connections that are older than the tool. Only port
53 is looked at: no DNS over TLS or HTTPS, nothing behind further IPv6 headers.";

/// Options of `dns`.
#[derive(Clone, Debug, Args)]
pub struct DnsWatchOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// How long a query may wait for its answer
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub timeout: Span,
    /// Withhold names: the kernel does not copy them
    #[arg(long)]
    pub no_dns_names: bool,
}

/// Options of an agent that counts DNS.
#[derive(Clone, Debug, Args)]
pub struct DnsCounterOptions {
    /// Do not watch DNS: no program is on the way of a packet then
    #[arg(long)]
    pub no_dns: bool,
    /// Withhold names of DNS: the kernel does not copy them (no metric has any)
    #[arg(long)]
    pub no_dns_names: bool,
}
