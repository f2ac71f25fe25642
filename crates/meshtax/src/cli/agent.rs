use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::dns::DnsCounterOptions;
use super::remembering::Remembering;

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
    pub dns: DnsCounterOptions,
    /// Count no datagrams: no program runs for each packet then, if DNS is not watched either
    #[arg(long)]
    pub no_udp: bool,
    /// Count no packets that the kernel drops
    #[arg(long)]
    pub no_drops: bool,
    /// Look for nobody behind translated addresses: no process keeps CAP_NET_ADMIN then, to read tables of connections
    #[arg(long)]
    pub no_conntrack: bool,
    #[command(flatten)]
    pub remembering: Remembering,
}
