use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::dns::DnsCounterOptions;
use super::remembering::Remembering;

/// Options of `agent`.
#[derive(Clone, Debug, Args)]
pub struct AgentOptions {
    /// Configuration file: TLS, token, OTLP; `meshtax schema agent` prints its schema
    #[arg(long, help_heading = "Serve", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on; overrides the file [default: 127.0.0.1:9435]
    #[arg(long, help_heading = "Serve", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Check the configuration file and the files it names, then exit
    #[arg(long, help_heading = "Serve", requires = "config")]
    pub check: bool,
    #[command(flatten)]
    pub dns: DnsCounterOptions,
    /// Don't count UDP datagrams, which takes programs that run for packets
    #[arg(long, help_heading = "What")]
    pub no_udp: bool,
    /// Don't count packets that the kernel drops
    #[arg(long, help_heading = "What")]
    pub no_drops: bool,
    /// Don't read conntrack (then no helper process keeps CAP_NET_ADMIN)
    #[arg(long, help_heading = "What")]
    pub no_conntrack: bool,
    #[command(flatten)]
    pub remembering: Remembering,
}
