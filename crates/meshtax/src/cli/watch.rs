use ::agent::{Filter, Form};
use clap::Args;
use ipnet::IpNet;
use topology::Span;

/// Options of the live tools.
#[derive(Clone, Debug, Args)]
pub struct WatchOptions {
    /// Only this process
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Only processes of this name
    #[arg(long, value_name = "NAME")]
    pub comm: Option<String>,
    /// Only this control group (v2), by its folder or its id
    #[arg(long, value_name = "PATH|ID", value_parser = watched_group)]
    pub cgroup: Option<u64>,
    /// Only this network namespace, by its file (such as /run/netns/blue or /proc/1/ns/net) or its inode
    #[arg(long, value_name = "PATH|INODE", value_parser = watched_namespace)]
    pub netns: Option<u32>,
    /// Only connections with this port at either end
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Only connections with an address in this network at either end
    #[arg(long, value_name = "NETWORK")]
    pub cidr: Option<IpNet>,
    /// One JSON object a line
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Comma-separated values
    #[arg(long)]
    pub csv: bool,
    /// End after this time, such as `10s`
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Span>,
    /// End after so many lines; for `top`, so many intervals
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

impl WatchOptions {
    /// Which connections are of interest.
    pub fn filter(&self) -> Filter {
        let Self { pid, comm, cgroup, netns, port, cidr, .. } = self.clone();
        Filter { pid, comm, cgroup, netns, port, cidr }
    }

    /// How lines are written.
    pub fn form(&self) -> Form {
        match (self.json, self.csv) {
            (true, _) => Form::Json,
            (_, true) => Form::Csv,
            _ => Form::Text,
        }
    }
}

/// Options of the tools that draw.
#[derive(Clone, Debug, Args)]
pub struct HistogramOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Draw what each such time brought; --count then counts these [default: once, at the end]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["json", "csv"])]
    pub interval: Option<Span>,
}

impl HistogramOptions {
    /// Whether another one follows so many.
    pub fn goes_on(&self, drawn: u64) -> bool {
        self.interval.is_some() && self.watch.count.is_none_or(|count| drawn < count)
    }
}

/// Options of `top`.
#[derive(Clone, Debug, Args)]
pub struct TopOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Length of an interval
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub interval: Span,
    /// Most rows of an interval; a screen takes what it has room for
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rows: u64,
    /// Print lines on a terminal, too, as into a pipe
    #[arg(long)]
    pub plain: bool,
}

/// The number of a file that people name by its path.
fn inode(path: &str) -> Result<u64, String> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|metadata| metadata.ino()).map_err(|error| error.to_string())
}

fn watched_group(text: &str) -> Result<u64, String> {
    text.parse().or_else(|_| inode(text))
}

fn watched_namespace(text: &str) -> Result<u32, String> {
    text.parse().or_else(|_| u32::try_from(inode(text)?).map_err(|_| "this is no network namespace".to_owned()))
}
