use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use attribution::{Filter, LineForm};
use clap::Args;
use ipnet::IpNet;
use nix::fcntl::OFlag;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, NSFS_MAGIC, fstatfs};
use topology::Span;

use super::length;

/// Process ids are below this number (PID_MAX_LIMIT in include/linux/threads.h).
const PIDS: u32 = 4_194_304;
/// The bytes of a process's name that the kernel keeps (TASK_COMM_LEN in include/linux/sched.h, less its zero byte).
const COMM_MAX: usize = 15;
/// Headings of options in the help.
const FILTER: &str = "Filter";
const OUTPUT: &str = "Output";
const END: &str = "End";
/// The rows of an interval in text, by default.
const ROWS: u64 = 20;

/// Options of the live tools.
#[derive(Clone, Debug, Args)]
pub struct WatchOptions {
    /// Only this process
    #[arg(short, long, value_name = "PID", value_parser = process, help_heading = FILTER)]
    pub pid: Option<u32>,
    /// Only processes of this name
    #[arg(long, value_name = "NAME", value_parser = name, help_heading = FILTER)]
    pub comm: Option<String>,
    /// Only this control group (v2), by its folder or its id
    #[arg(long, value_name = "PATH|ID", value_parser = watched_group, help_heading = FILTER)]
    pub cgroup: Option<u64>,
    /// Only this network namespace, by its file (such as /run/netns/blue or /proc/1/ns/net) or its inode
    #[arg(long, value_name = "PATH|INODE", value_parser = watched_namespace, help_heading = FILTER)]
    pub netns: Option<u32>,
    /// Only connections with this port at either end
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = FILTER)]
    pub port: Option<u16>,
    /// Only connections with an address in this network at either end
    #[arg(long, value_name = "NETWORK", value_parser = network, help_heading = FILTER)]
    pub cidr: Option<IpNet>,
    /// Print one JSON object a line
    #[arg(long, conflicts_with = "csv", help_heading = OUTPUT)]
    pub json: bool,
    /// Print comma-separated values
    #[arg(long, help_heading = OUTPUT)]
    pub csv: bool,
    /// Begin each line of text with the time of day
    #[arg(short, long, help_heading = OUTPUT)]
    pub timestamp: bool,
    /// End after this time, such as `10s`
    #[arg(long, value_name = "TIME", help_heading = END)]
    pub duration: Option<Span>,
    /// End after this many lines; with intervals, after this many intervals
    #[arg(short, long, value_name = "N", help_heading = END)]
    pub count: Option<u64>,
}

impl WatchOptions {
    /// Selects the connections to show.
    pub fn filter(&self) -> Filter {
        let Self { pid, comm, cgroup, netns, port, cidr, .. } = self.clone();
        Filter { pid, comm, cgroup, netns, port, cidr }
    }

    /// The format of the lines.
    pub fn form(&self) -> LineForm {
        match (self.json, self.csv) {
            (true, _) => LineForm::Json,
            (_, true) => LineForm::Csv,
            _ => LineForm::Text,
        }
    }
}

/// Options of the tools that draw histograms.
#[derive(Clone, Debug, Args)]
pub struct HistogramOptions {
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Draw one histogram for each interval; --count then counts intervals [default: one, at the end]
    #[arg(short, long, value_name = "TIME", help_heading = OUTPUT, conflicts_with_all = ["json", "csv"], value_parser = length::some)]
    pub interval: Option<Span>,
}

impl HistogramOptions {
    /// Whether another histogram follows after `drawn` of them.
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
    #[arg(short, long, value_name = "TIME", help_heading = OUTPUT, default_value = "1s", value_parser = length::some)]
    pub interval: Span,
    #[command(flatten)]
    pub rows: RowsOptions,
    /// Print lines instead of a full screen
    #[arg(long, help_heading = OUTPUT)]
    pub plain: bool,
}

/// How many rows of an interval are shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct RowsOptions {
    /// Most rows of an interval; a screen shows what fits [default: 20 in text, all in JSON and CSV]
    #[arg(long, help_heading = OUTPUT, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rows: Option<u64>,
}

impl RowsOptions {
    /// The most rows of an interval in this format, or `None` if there is no limit.
    pub fn most(self, form: LineForm) -> Option<u64> {
        self.rows.or((form == LineForm::Text).then_some(ROWS))
    }
}

/// Reads a network; a single address is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().map(IpNet::from);
    let hint = "it is neither a network, such as `10.0.0.0/8`, nor an address";
    text.parse().or_else(|_| single()).map_err(|_| hint.to_owned())
}

/// Reads a process id. A process with this id need not exist yet.
fn process(text: &str) -> Result<u32, String> {
    let number: u32 = text.parse().map_err(|_| "it is not a process id".to_owned())?;
    if !(1..PIDS).contains(&number) {
        return Err(format!("process ids go from 1 to {}", PIDS - 1));
    }
    if !::agent::tells_processes_as_the_kernel(Path::new("/")) {
        let instead = "filter by `--comm`, `--cgroup` or `--netns`";
        return Err(format!("this is a PID namespace, but the kernel uses the host's process ids: {instead}"));
    }
    let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
    let leader = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse::<u32>().ok());
    match leader.filter(|leader| *leader != number) {
        Some(leader) => Err(format!("it is a thread of process {leader}: write `{leader}`")),
        None => Ok(number),
    }
}

/// Reads the name of a process.
fn name(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("no process has an empty name".to_owned()),
        length if length > COMM_MAX => {
            let end = (0..=COMM_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
            Err(format!("the kernel keeps {COMM_MAX} bytes of a name: write `{}`", &text[..end]))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Opens the file at a path that a user gave, and reads its inode number.
fn inode(path: &str) -> Result<(File, u64), String> {
    let found = || {
        let file = File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open(path)?;
        let number = file.metadata()?.ino();
        Ok((file, number))
    };
    found().map_err(|error: io::Error| format!("cannot open it: {error}"))
}

fn watched_group(text: &str) -> Result<u64, String> {
    if let Ok(id) = text.parse() {
        return if id == 0 { Err("no control group has this id".to_owned()) } else { Ok(id) };
    }
    let (folder, id) = inode(text)?;
    match fstatfs(&folder).map(|found| found.filesystem_type()) {
        Ok(CGROUP2_SUPER_MAGIC) if folder.metadata().is_ok_and(|found| found.is_dir()) => Ok(id),
        Ok(CGROUP_SUPER_MAGIC) => {
            Err("it is a version 1 control group, which sockets do not record; name a version 2 group".to_owned())
        }
        _ => Err("it is not a control group's folder, such as /sys/fs/cgroup/system.slice".to_owned()),
    }
}

fn watched_namespace(text: &str) -> Result<u32, String> {
    if let Ok(inode) = text.parse() {
        return if inode == 0 { Err("no network namespace has this inode".to_owned()) } else { Ok(inode) };
    }
    let (file, inode) = inode(text)?;
    let is_namespace = fstatfs(&file).is_ok_and(|found| found.filesystem_type() == NSFS_MAGIC);
    let inode = u32::try_from(inode).ok().filter(|inode| is_namespace && is_of_network(&file, *inode));
    inode.ok_or_else(|| "it is not a network namespace, such as /run/netns/blue or /proc/1/ns/net".to_owned())
}

/// Whether a file is a network namespace. The kernel shows the kind of a namespace as the name of its open file or, if
/// it is mounted, as the root of the mount.
fn is_of_network(file: &File, inode: u32) -> bool {
    let name = format!("net:[{inode}]");
    let is_open =
        fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).is_ok_and(|open| open.as_os_str() == &*name);
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    is_open || mounts().lines().any(|mount| mount.split(' ').nth(3) == Some(&name))
}

#[cfg(test)]
mod tests {
    use super::{name, network, process, watched_group, watched_namespace};

    #[test]
    fn an_address_is_a_network_of_its_own() {
        assert_eq!(network("127.0.0.9").unwrap(), "127.0.0.9/32".parse().unwrap());
        assert_eq!(network("fd00::1").unwrap(), "fd00::1/128".parse().unwrap());
        assert_eq!(network("10.0.0.0/8").unwrap(), "10.0.0.0/8".parse().unwrap());
        assert!(network("10.0.0").unwrap_err().starts_with("it is neither a network"));
    }

    #[test]
    fn threads_and_numbers_that_no_process_has_are_refused() {
        let own = std::process::id();
        assert_eq!(process(&own.to_string()), Ok(own));
        assert_eq!(process("4194303"), Ok(4_194_303));
        for text in ["0", "4194304", "4294967295"] {
            assert_eq!(process(text).unwrap_err(), "process ids go from 1 to 4194303", "{text}");
        }
        assert_eq!(process("self").unwrap_err(), "it is not a process id");
        // A test runs in a thread of its own.
        let thread = nix::unistd::gettid().to_string();
        assert_ne!(thread, own.to_string());
        assert_eq!(process(&thread).unwrap_err(), format!("it is a thread of process {own}: write `{own}`"));
    }

    #[test]
    fn names_that_no_process_has_are_refused() {
        assert_eq!(name("fifteen-letters").unwrap(), "fifteen-letters");
        assert!(name("sixteen-letters.").unwrap_err().ends_with("write `sixteen-letters`"));
        assert!(name("fourteen-bytesä").unwrap_err().ends_with("write `fourteen-bytes`"));
        assert!(name("").is_err());
    }

    #[test]
    fn files_that_are_none_of_the_kind_are_refused() {
        assert!(watched_group("/etc/passwd").unwrap_err().contains("not a control group's folder"));
        assert!(watched_group("/etc").unwrap_err().contains("not a control group's folder"));
        assert!(watched_group("/no/such/group").unwrap_err().contains("No such file"));
        assert!(watched_group("0").is_err());
        assert_eq!(watched_group("17").unwrap(), 17);
        assert!(watched_namespace("/etc/passwd").unwrap_err().contains("not a network namespace"));
        assert!(watched_namespace("/proc/self/ns/mnt").unwrap_err().contains("not a network namespace"));
        assert!(watched_namespace("0").is_err());
        assert!(watched_namespace("/proc/self/ns/net").unwrap() > 0);
    }
}
