use attribution::Bounds;
use clap::Args;
use probe::SOCKETS_MAX;
use topology::Span;

use super::length;

/// How much the agent remembers, and whether its programs are timed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Remembering {
    /// Most sets of labels of a metric; what is beyond is summed as `other`
    #[arg(long, value_name = "N", default_value_t = Bounds::default().series_max)]
    pub max_series: usize,
    /// Most sockets that are followed at a time: each takes some 500 bytes of the kernel's memory, before Linux 6.1 from the start
    #[arg(long, value_name = "N", default_value_t = SOCKETS_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_sockets: u32,
    /// How long series are told of pods that are no more, and, where the kernel has little room left, of those without news
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = length::some)]
    pub expire: Span,
    /// Time the programs in the kernel, which costs them a little more; needs CAP_SYS_ADMIN
    #[arg(long)]
    pub bpf_stats: bool,
}

impl Remembering {
    /// How much is remembered, and for how long.
    pub fn bounds(&self) -> Bounds {
        Bounds { series_max: self.max_series, expire: self.expire.0 }
    }
}
