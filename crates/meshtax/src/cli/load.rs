//! `meshtax load`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use topology::Span;
use traffic::{RateStage, Target, Think};

use super::length;

/// Most connections, users and threads that can be asked for.
const MANY: i64 = 100_000;

/// Options of `load`.
#[derive(Clone, Debug, Args)]
pub struct LoadOptions {
    /// URL to ask for
    #[arg(value_name = "URL", required_unless_present = "merge")]
    pub url: Option<Target>,

    /// End after this many requests [default: 200, if neither -n nor -z is given]
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "How much")]
    pub requests: Option<u64>,
    /// End after this time, such as `30s`
    #[arg(short = 'z', long, value_name = "TIME", value_parser = length::some, help_heading = "How much")]
    pub duration: Option<Span>,
    /// Most connections that are open at once
    #[arg(short = 'c', long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=MANY), help_heading = "How much")]
    pub connections: u32,
    /// Users who ask, wait for the answer and ask again [default: one for each connection]
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "stages"], value_parser = clap::value_parser!(u32).range(1..=MANY), help_heading = "How much")]
    pub users: Option<u32>,
    /// Pause of each user after an answer: `1s`, between two times `1s-10s`, or exponential around a mean `exp:1s`
    #[arg(long, value_name = "TIME", conflicts_with_all = ["rate", "stages"], value_parser = experiment::think_of, help_heading = "How much")]
    pub think: Option<Think>,
    /// Send this many requests a second, whatever the server does
    #[arg(short = 'q', long, value_name = "RATE", value_parser = rate, help_heading = "How much")]
    pub rate: Option<f64>,
    /// Change the rate over time: `0-1000:30s,1000:1m` rises for 30 s, then stays
    #[arg(long, value_name = "STAGES", conflicts_with = "rate", value_delimiter = ',', value_parser = stage, help_heading = "How much")]
    pub stages: Vec<RateStage>,
    /// Space requests at random, as independent users would (a Poisson process); needs a rate
    #[arg(long, help_heading = "How much")]
    pub poisson: bool,
    /// Drop a request that is due while this many are under way or waiting; needs a rate [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "How much")]
    pub max_in_flight: Option<u64>,
    /// Ask for this time first, outside all figures
    #[arg(long, value_name = "TIME", value_parser = length::some, help_heading = "How much")]
    pub warmup: Option<Span>,
    /// Seed of pauses and random spacing
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "How much")]
    pub seed: u64,

    /// Method
    #[arg(short = 'm', long, value_name = "METHOD", default_value = "GET", value_parser = method, help_heading = "Request")]
    pub method: String,
    /// Header field such as 'Accept: text/html'; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header, help_heading = "Request")]
    pub headers: Vec<(String, String)>,
    /// Body
    #[arg(short = 'd', long, value_name = "TEXT", help_heading = "Request")]
    pub body: Option<String>,
    /// Body from a file
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "body", help_heading = "Request")]
    pub body_file: Option<PathBuf>,
    /// Content-Type of the body
    #[arg(short = 'T', long, value_name = "TYPE", value_parser = field_value, help_heading = "Request")]
    pub content_type: Option<String>,
    /// Host field, instead of the URL's host
    #[arg(long, value_name = "NAME", value_parser = field_value, help_heading = "Request")]
    pub host: Option<String>,
    /// Give a request up after this time
    #[arg(short = 't', long, value_name = "TIME", default_value = "10s", value_parser = length::some, help_heading = "Request")]
    pub timeout: Span,
    /// Open a connection for each request
    #[arg(long, help_heading = "Request")]
    pub disable_keepalive: bool,

    /// Threads [default: one for each processor, at most one for each connection and user]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Machine")]
    pub threads: Option<u32>,
    /// Processors to run on, such as `0,2`; threads take them in turn
    #[arg(long, value_name = "CPU,...", value_delimiter = ',', help_heading = "Machine")]
    pub cpus: Vec<usize>,

    /// Form of the result
    #[arg(long, value_name = "FORM", default_value = "text", help_heading = "Output")]
    pub format: LoadFormat,
    /// Short for --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// Write the result to this file instead of standard output
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Exit with status 1 if a metric is beyond a limit, such as `latency_ms_p99>5` or `requests_per_s<1000`; repeatable
    #[arg(long, value_name = "METRIC>LIMIT", help_heading = "Output")]
    pub fail_if: Vec<LoadLimit>,
    /// Merge results that earlier runs printed as JSON, instead of asking
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "url", help_heading = "Output")]
    pub merge: Vec<PathBuf>,
}

/// Forms of the result of `load`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LoadFormat {
    /// Tables for a terminal
    Text,
    /// All of it, as `meshtax schema load` says
    Json,
    /// A line for each second
    Csv,
    /// Percentiles of latency, for HdrHistogram's plotters
    Hgrm,
}

/// A limit of a metric: `latency_ms_p99>5`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadLimit {
    /// Name of the metric.
    pub metric: String,
    /// True if values above the limit fail, false if values below do.
    pub is_upper: bool,
    /// The limit, in the metric's unit.
    pub limit: f64,
    /// The limit as it was written.
    pub text: String,
}

impl FromStr for LoadLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sign = text.find(['>', '<']).ok_or("write a metric and a limit such as `latency_ms_p99>5`")?;
        let (metric, limit) = (text[..sign].trim(), text[sign + 1..].trim());
        let known = measure::load_metrics();
        if !known.iter().any(|name| name == metric) {
            let nearest = topology::nearest(metric, known.iter().map(String::as_str));
            let meant = nearest.map_or_else(String::new, |name| format!("did you mean `{name}`? "));
            return Err(format!("`{metric}` is not a metric; {meant}the metrics are {}", known.join(", ")));
        }
        let limit = limit.parse().ok().filter(|limit: &f64| limit.is_finite());
        let limit = limit.ok_or("write a number after the sign, such as `latency_ms_p99>5`")?;
        Ok(Self { metric: metric.to_owned(), is_upper: text.as_bytes()[sign] == b'>', limit, text: text.to_owned() })
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1e8);
    rate.ok_or_else(|| "write requests per second, above 0 and at most 100000000".to_owned())
}

fn stage(text: &str) -> Result<RateStage, String> {
    let hint = "write `RATE:TIME` or `FROM-TO:TIME`, such as `0-1000:30s`";
    let (rates, time) = text.split_once(':').ok_or(hint)?;
    let number = |text: &str| text.parse().ok().filter(|rate: &f64| (0.0..=1e8).contains(rate)).ok_or(hint);
    let (from, to) = match rates.split_once('-') {
        None => (number(rates)?, number(rates)?),
        Some((from, to)) => (number(from)?, number(to)?),
    };
    let time = length::some(time)?.0;
    Ok(RateStage { from, to, time })
}

fn method(text: &str) -> Result<String, String> {
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_token { Ok(text.to_uppercase()) } else { Err("write a method such as `POST`".to_owned()) }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write `NAME: VALUE`")?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(format!("`{name}` is not the name of a field"));
    }
    Ok((name.to_owned(), field_value(value)?))
}

fn field_value(text: &str) -> Result<String, String> {
    let value = text.trim_matches([' ', '\t']);
    if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
        return Err("a value has no control characters".to_owned());
    }
    Ok(value.to_owned())
}
