use attribution::Bounds;
use clap::Args;
use probe::SOCKETS_MAX;
use topology::Span;

use super::length;

/// Options that limit what the agent remembers, and say whether its programs are timed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Remembering {
    /// Most label sets of a metric; the rest is summed as `other`
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = Bounds::default().series_max)]
    pub max_series: usize,
    /// Most sockets to follow at a time; each takes about 500 bytes of kernel memory (before Linux 6.1, all from the start)
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = SOCKETS_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_sockets: u32,
    /// How long to keep series of pods that are gone and, when the kernel's maps are nearly full, of idle ones
    #[arg(long, help_heading = "Limits", value_name = "TIME", default_value = "5m", value_parser = length::some)]
    pub expire: Span,
    /// Time the BPF programs, which makes them slightly slower; needs CAP_SYS_ADMIN
    #[arg(long, help_heading = "Limits")]
    pub bpf_stats: bool,
}

impl Remembering {
    /// The limits on how much is remembered, and for how long.
    pub fn bounds(&self) -> Bounds {
        Bounds { series_max: self.max_series, expire: self.expire.0 }
    }
}
