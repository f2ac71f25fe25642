use clap::Args;
use topology::Span;

use super::watch::RowsOptions;
use super::{WatchOptions, length};

/// Options of `udp`.
#[derive(Clone, Debug, Args)]
pub struct UdpOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Length of an interval
    #[arg(short, long, value_name = "TIME", help_heading = "Output", default_value = "1s", value_parser = length::some)]
    pub interval: Span,
    #[command(flatten)]
    pub rows: RowsOptions,
}
