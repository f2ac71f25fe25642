use clap::Args;
use topology::Span;

use super::WatchOptions;

/// Options of `udp`.
#[derive(Clone, Debug, Args)]
pub struct UdpOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Length of an interval
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub interval: Span,
    /// Most rows of an interval
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rows: u64,
}
