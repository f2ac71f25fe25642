use clap::Args;

use super::WatchOptions;

/// Options of `drops`.
#[derive(Clone, Debug, Args)]
pub struct DropsOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Tell drops that nobody misses, too
    #[arg(long)]
    pub all: bool,
}
