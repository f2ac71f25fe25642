use clap::Args;
use topology::Span;

use super::{WatchOptions, length};

/// Options of `dns`.
#[derive(Clone, Debug, Args)]
pub struct DnsWatchOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// How long a query may wait for its answer
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = length::some)]
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
