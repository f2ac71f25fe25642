//! What can be typed. Help, man page and completions come from these definitions.

mod agent;
mod dns;
mod drops;
mod help;
mod length;
mod load;
mod remembering;
mod rounding;
mod threshold;
mod udp;
mod watch;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use experiment::{Amounts, REQUESTS_MAX, ROUNDS_MAX, STANDS_MAX};
use measure::{FailIf, Until};
use topology::Span;

use help::{ACCEPT_HELP, AFTER_HELP, BACKLOG_HELP, CONNECT_HELP, LIFE_HELP, RESETS_HELP, RETRANS_HELP, RTT_HELP};

pub use self::agent::AgentOptions;
pub use self::load::{LoadFormat, LoadLimit, LoadOptions};
pub use dns::DnsWatchOptions;
pub use drops::DropsOptions;
pub use rounding::RoundingOptions;
pub use udp::UdpOptions;
pub use watch::{HistogramOptions, TopOptions, WatchOptions};

/// Subcommands grouped by purpose, as `--help` shows them.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Answer", &["demo", "run", "load", "calibrate", "report", "compare"]),
    (
        "Watch",
        &["top", "life", "connect", "accept", "retrans", "resets", "backlog", "rtt", "dns", "drops", "udp", "agent"],
    ),
    ("Plumbing", &["check", "show", "doctor", "clean", "schema", "completions", "man"]),
];

/// The version, and the commit that was built if it is known.
const VERSION: &str = env!("MESHTAX_VERSION");

const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}";

/// What does your service mesh cost, and what would you see without it?
#[derive(Debug, Parser)]
#[command(name = "meshtax", version = VERSION, after_help = AFTER_HELP, disable_help_subcommand = true, max_term_width = 80)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Measure what sidecars cost a small Bookinfo; needs no file
    #[command(after_help = help::run())]
    Demo(DemoOptions),
    /// Run an experiment or a topology of your own, and compare its arms
    #[command(after_help = help::run())]
    Run(RunOptions),
    /// Add known costs to arms and check that they are found again
    #[command(after_help = help::run())]
    Calibrate(DemoOptions),
    /// Print the report of a run again, from its folder
    #[command(after_help = help::report())]
    Report(ReportOptions),
    /// Compare two runs, from their folders
    #[command(after_help = help::compare())]
    Compare(CompareOptions),
    /// Put an HTTP service under load, and tell how it answers
    #[command(after_help = help::LOAD_HELP)]
    Load(LoadOptions),
    /// Bytes of each open TCP connection, busiest first
    #[command(after_help = help::top())]
    Top(TopOptions),
    /// TCP connections as they close: duration, bytes, RTT, retransmits
    #[command(after_help = LIFE_HELP)]
    Life(WatchOptions),
    /// TCP connects, and those that fail
    #[command(after_help = CONNECT_HELP)]
    Connect(WatchOptions),
    /// TCP accepts
    #[command(after_help = ACCEPT_HELP)]
    Accept(WatchOptions),
    /// TCP retransmits
    #[command(after_help = RETRANS_HELP)]
    Retrans(WatchOptions),
    /// TCP resets, sent and received
    #[command(after_help = RESETS_HELP)]
    Resets(WatchOptions),
    /// Length of accept queues as connections arrive, as a histogram
    #[command(after_help = BACKLOG_HELP)]
    Backlog(HistogramOptions),
    /// Round-trip times of TCP connections, as a histogram
    #[command(after_help = RTT_HELP)]
    Rtt(HistogramOptions),
    /// DNS queries as they end: name, type, answer, latency
    #[command(after_help = help::DNS_HELP)]
    Dns(DnsWatchOptions),
    /// Packets that the kernel drops, and why
    #[command(after_help = help::DROPS_HELP)]
    Drops(DropsOptions),
    /// Datagrams and drops of each UDP socket, busiest first
    #[command(after_help = help::UDP_HELP)]
    Udp(UdpOptions),
    /// Serve these as Prometheus metrics, or push them over OTLP
    #[command(after_help = help::AGENT_HELP)]
    Agent(AgentOptions),
    /// Validate a file, draw its call graph, and say what a run needs
    Check(CheckOptions),
    /// Print a bundled topology or experiment; without a name, list them
    Show {
        /// Name such as `topologies/bookinfo-lean.yaml`
        name: Option<String>,
    },
    /// Say what this machine lacks, and how to fix it
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Envoy binary to look at
        #[arg(long, value_name = "PATH", env = "MESHTAX_ENVOY", hide_env_values = true)]
        envoy: Option<PathBuf>,
    },
    /// Remove what killed runs and --keep left behind
    Clean {
        /// Remove the lab with this id only
        id: Option<String>,
    },
    /// Print the JSON Schema of a kind of file
    Schema {
        /// Kind of file
        #[arg(value_name = "KIND", default_value = "measurement")]
        of: Contract,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a man page, or write all of them
    Man {
        /// Subcommand [default: meshtax itself]
        #[arg(conflicts_with = "out")]
        name: Option<String>,
        /// Write every page into this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Be a part of a lab (meshtax starts itself in these roles)
    #[command(hide = true, subcommand)]
    Role(RoleCommand),
}

/// Options of `demo` and `calibrate`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    #[command(flatten)]
    pub amounts: AmountOptions,
    #[command(flatten)]
    pub output: OutputOptions,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Experiment file, or the name of a bundled one
    #[arg(value_name = "EXPERIMENT", required_unless_present = "topology")]
    pub experiment: Option<PathBuf>,
    /// Run this topology without an experiment file
    #[arg(long, value_name = "FILE", conflicts_with = "experiment", help_heading = "What")]
    pub topology: Option<PathBuf>,
    /// Arms to run, the baseline first; with --topology, names of planes
    #[arg(long, value_name = "ARM,...", value_delimiter = ',', help_heading = "What")]
    pub arms: Vec<String>,
    /// Compare the baseline only with a copy of itself: the noise floor of this machine
    #[arg(long, conflicts_with = "arms", help_heading = "What")]
    pub null: bool,
    /// URL to ask for [default with --topology: first endpoint of the first service]
    #[arg(long, value_name = "URL", help_heading = "What")]
    pub target: Option<String>,
    #[command(flatten)]
    pub amounts: AmountOptions,
    #[command(flatten)]
    pub output: OutputOptions,
}

/// Options for the amount of load and the number of rounds.
#[derive(Clone, Debug, Default, Args)]
pub struct AmountOptions {
    /// Rounds; each has one block of every arm. Intervals need 6, good ones 10
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MAX)), help_heading = "How much")]
    pub rounds: Option<u32>,
    /// How many times to set the lab up anew; rounds are spread over these stand-ups [default: the experiment's, else 10,
    /// or one for each round]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(STANDS_MAX)), help_heading = "How much")]
    pub stands: Option<u32>,
    /// How long to wait for a program to become ready [default: the experiment's, else 60s]
    #[arg(long, value_name = "TIME", value_parser = length::some, help_heading = "How much")]
    pub ready_timeout: Option<Span>,
    /// Requests per arm, over all rounds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=REQUESTS_MAX), help_heading = "How much")]
    pub requests: Option<u64>,
    /// Seed of the order of the arms
    #[arg(long, value_name = "N", help_heading = "How much")]
    pub seed: Option<u64>,
    /// Largest relative change that counts as no cost [default: 2%]
    #[arg(long, value_name = "SHARE", value_parser = threshold::margin, help_heading = "Verdict")]
    pub margin: Option<f64>,
    /// Leave out rounds in which other programs used more of the machine's processors than this, such as 20%
    #[arg(long, value_name = "SHARE", value_parser = threshold::foreign, help_heading = "Verdict")]
    pub drop_foreign: Option<f64>,
    /// Go on until half the width of this metric's interval is below this share, such as `latency_ms_p50<2%`
    #[arg(long, value_name = "METRIC<SHARE", value_parser = threshold::until, help_heading = "Verdict")]
    pub until: Option<Until>,
    /// Most rounds for --until [default: the experiment's, else 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MAX)), help_heading = "Verdict")]
    pub max_rounds: Option<u32>,
}

impl AmountOptions {
    /// The amounts of load and rounds that these options set.
    pub fn amounts(&self) -> Amounts {
        let Self { rounds, stands, ready_timeout, requests, seed, margin, drop_foreign, until, max_rounds } =
            self.clone();
        let ready_timeout = ready_timeout.map(|timeout| timeout.0);
        Amounts { rounds, stands, ready_timeout, requests, seed, margin, drop_foreign, until, max_rounds }
    }
}

/// Where results go and what is printed.
#[derive(Clone, Debug, Args)]
pub struct OutputOptions {
    /// Print every figure, not only those that fit a screen
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub full: bool,
    /// Print measurement.json on standard output instead of the report
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Run folder to make [default: runs/ID]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Exit with status 1 on a fatal caution: the numbers cannot be trusted
    #[arg(long, help_heading = "Verdict")]
    pub strict: bool,
    #[command(flatten)]
    pub rounding: RoundingOptions,
    #[command(flatten)]
    pub gate: GateOptions,
    /// Leave the last stand-up of the lab running and say how to enter a pod; `meshtax clean` removes it
    #[arg(long, help_heading = "Output")]
    pub keep: bool,
    /// Envoy binary [default: the one that `make setup` installs, else `envoy` on the PATH]
    #[arg(long, value_name = "PATH", env = "MESHTAX_ENVOY", hide_env_values = true, help_heading = "Output")]
    pub envoy: Option<PathBuf>,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// Run folder
    #[arg(value_name = "RUN")]
    pub folder: PathBuf,
    /// Form of the report
    #[arg(long, value_name = "FORM", default_value = "text", help_heading = "Output")]
    pub format: Format,
    /// Print every figure as text, not only those that fit a screen
    #[arg(long, conflicts_with_all = ["json", "format"], help_heading = "Output")]
    pub full: bool,
    /// Short for --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// Arm to print, for a form that holds one arm
    #[arg(long, value_name = "ARM", help_heading = "Output")]
    pub arm: Option<String>,
    #[command(flatten)]
    pub rounding: RoundingOptions,
    #[command(flatten)]
    pub gate: GateOptions,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// Run folder that is compared with
    #[arg(value_name = "RUN_A")]
    pub a: PathBuf,
    /// Run folder that is compared
    #[arg(value_name = "RUN_B")]
    pub b: PathBuf,
    /// Form of the comparison
    #[arg(long, value_name = "FORM", default_value = "text", help_heading = "Output")]
    pub format: RunsFormat,
    /// Short for --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// Largest relative change that counts as no difference
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = threshold::margin, help_heading = "Verdict")]
    pub margin: f64,
    /// Compare even where topology or load differ
    #[arg(long, help_heading = "Verdict")]
    pub force: bool,
    /// Compare each arm of run B with itself in run A; two runs differ by more than intervals show
    #[arg(long, help_heading = "Verdict")]
    pub arms_across_runs: bool,
    #[command(flatten)]
    pub gate: GateOptions,
}

/// Options that decide when a command that measures or compares fails.
#[derive(Clone, Debug, Default, Args)]
pub struct GateOptions {
    /// Exit with status 1 if a metric of an arm rose by more than this, such as `latency_ms_p50>+5%`; repeatable
    #[arg(long, value_name = "[ARM:]METRIC>CHANGE", value_parser = threshold::fail_if, help_heading = "Verdict")]
    pub fail_if: Vec<FailIf>,
}

/// Forms of a comparison of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunsFormat {
    /// Tables for a terminal
    Text,
    /// Tables for a pull request
    Markdown,
    /// All of it, as `meshtax schema comparison` says
    Json,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for a terminal
    Text,
    /// Tables for a pull request
    Markdown,
    /// One page with figures
    Html,
    /// measurement.json
    Json,
    /// One arm's latencies as Fortio writes them, for `fortio report`
    Fortio,
}

/// Kinds of files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contract {
    /// measurement.json of a run folder
    Measurement,
    /// What `compare --json` prints
    Comparison,
    /// An experiment file
    Experiment,
    /// A topology file
    Topology,
    /// A file of the agent
    Agent,
    /// What `load --json` prints
    Load,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Topology or experiment file, or the name of a bundled one
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Parts of a lab.
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// Process 1 of a pod
    Pause,
    /// A node's cluster DNS
    Dns {
        /// Zone file
        zone: PathBuf,
    },
    /// What asks a node's pods for their health
    Kubelet {
        /// File of probes
        probes: PathBuf,
    },
    /// The agent beside an Envoy
    Pilot {
        /// Address of the pod
        #[arg(long)]
        address: Ipv4Addr,
        /// Probes of the application, as JSON
        #[arg(long)]
        probes: String,
        /// Where the application tells metrics, as JSON
        #[arg(long)]
        metrics: Option<String>,
        /// Bytes of memory to hold
        #[arg(long, default_value_t = 0)]
        hold: u64,
    },
    /// The load generator
    Load,
    /// What keeps tables of translated connections for `conntrack`, and starts it again
    Keeper,
    /// What the agent has read tables of translated connections
    Conntrack,
    /// A simulated service
    Service {
        /// Topology file
        #[arg(long)]
        topology: PathBuf,
        /// Name of the pod
        #[arg(long)]
        pod: String,
        /// A known cost to add, as JSON
        #[arg(long)]
        add: Option<String>,
    },
}

/// The command with its grouped help.
pub fn command() -> clap::Command {
    let command = Cli::command().help_template(TEMPLATE);
    let groups = grouped(&command);
    command.before_help(groups)
}

/// The command without what is hidden, for completions and man pages.
pub fn visible() -> clap::Command {
    let command = command();
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    let about = command.get_about().cloned().unwrap_or_default();
    clap::Command::new("meshtax")
        .about(about)
        .version(VERSION)
        .after_help(AFTER_HELP)
        .disable_help_subcommand(true)
        .args(command.get_arguments().cloned())
        .subcommands(shown.collect::<Vec<_>>())
}

fn grouped(command: &clap::Command) -> String {
    let mut text = String::new();
    for (group, names) in GROUPS {
        text.push_str(&format!("{group}:\n"));
        for name in names {
            let known = command.find_subcommand(name).expect("groups name subcommands that exist");
            let about = known.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {name:<12} {about}\n"));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod shown;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_hold_together_and_every_subcommand_has_a_group() {
        let command = command();
        command.clone().debug_assert();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for known in command.get_subcommands().filter(|known| !known.is_hide_set()) {
            assert!(grouped.contains(&known.get_name()), "`{}` is in no group", known.get_name());
        }
    }

    /// A line that is too long is broken by clap, which leaves a word or two on a line of their own.
    #[test]
    fn words_after_options_fit_80_columns() {
        for known in visible().get_subcommands() {
            let text = known.get_after_help().map(ToString::to_string).unwrap_or_default();
            let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(long.is_empty(), "{}: {long:#?}", known.get_name());
        }
    }
}
