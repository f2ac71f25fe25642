use clap::Args;

use super::WatchOptions;

/// Options of `drops`.
#[derive(Clone, Debug, Args)]
pub struct DropsOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Also show harmless drops
    #[arg(long, help_heading = "Filter")]
    pub all: bool,
}
