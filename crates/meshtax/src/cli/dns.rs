use clap::Args;
use topology::Span;

use super::{WatchOptions, length};

/// Options of `dns`.
#[derive(Clone, Debug, Args)]
pub struct DnsWatchOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// How long to wait for an answer before the query counts as TIMEOUT
    #[arg(long, help_heading = "DNS", value_name = "TIME", default_value = "5s", value_parser = length::some)]
    pub timeout: Span,
    /// Leave out names: the kernel does not copy them
    #[arg(long, help_heading = "DNS")]
    pub no_dns_names: bool,
}

/// Options of an agent that counts DNS.
#[derive(Clone, Debug, Args)]
pub struct DnsCounterOptions {
    /// Don't watch DNS, which takes programs that run for packets
    #[arg(long, help_heading = "What")]
    pub no_dns: bool,
    /// Don't copy DNS names from the kernel; no metric has them
    #[arg(long, help_heading = "What")]
    pub no_dns_names: bool,
}
