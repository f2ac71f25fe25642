//! `meshtax load`: the load generator alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use load::Crew;
use measure::{ConnectionUse, LOAD_SCHEMA, LoadResult, LoadSubject, SecondTally, Seconds};
use nix::sys::resource::{UsageWho, getrusage};
use run::Progress;
use traffic::{Arrivals, Load, Model, RateStage, Request, Target};

use crate::cli::{LoadFormat, LoadLimit, LoadOptions};
use crate::failure::{Failure, Hint};
use crate::output::{print, say};
use crate::signals::{INTERRUPTED, heed_signals};
use crate::status_line::StatusLine;

/// Requests, where nobody says how many or for how long.
const REQUESTS: u64 = 200;
/// Hint for options that belong to a rate.
const A_RATE: &str = "give a rate with `--rate` or `--stages`";
/// Hint where a file is not a result.
const RESULTS: &str = "name files that `meshtax load --json` printed";
/// How often the stop flag of signals is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// `meshtax load`.
pub fn generate(options: &LoadOptions) -> Result<ExitCode, Failure> {
    // A file that cannot be written is known before anything is asked.
    let output = options.output.as_deref().map(|path| Ok::<_, Failure>((path, opened(path)?))).transpose()?;
    let result = match &options.url {
        Some(url) => ask(options, url)?,
        None => merged(&options.merge)?,
    };
    let text = written(&result, if options.json { LoadFormat::Json } else { options.format })?;
    match output {
        Some((path, file)) => replace(&file, &text)
            .with_context(|| format!("cannot write `{}`", path.display()))
            .hint("name a file on a disk with free space with `--output`")?,
        None => print(&text)?,
    }
    Ok(outcome(&result, &options.fail_if))
}

/// Opens a file for a result, and leaves what it holds until there is one.
fn opened(path: &Path) -> Result<File, Failure> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    file.with_context(|| format!("cannot write `{}`", path.display()))
        .hint("name a file that this user may write with `--output`")
}

/// Puts the text in place of all that a file holds. A pipe or a device holds nothing.
fn replace(mut file: &File, text: &str) -> io::Result<()> {
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(text.as_bytes())
}

/// Performs the load, and says on standard error how it goes.
fn ask(options: &LoadOptions, url: &Target) -> Result<LoadResult, Failure> {
    let load = load_of(options, url)?;
    let crew = crew_of(options, &load);
    check_cpus(&crew)?;
    let signals = heed_signals()?;
    let (send, receive) = channel();
    let stop = AtomicBool::new(false);
    let (tally, seconds) = thread::scope(|scope| {
        let (signal, stop) = (&signals.0, &stop);
        let listener = scope.spawn(move || listen(&receive, signal, stop));
        let tally = crew.perform(&load, stop, &send);
        drop(send);
        (tally, listener.join().expect("listening does not panic"))
    });
    let tally =
        tally.context("cannot ask").hint("lower `--connections` or raise the limit of open files (`ulimit -n`)")?;
    let subject = subject(options, &load, crew.threads, !signals.0.load(Ordering::Relaxed));
    Ok(LoadResult::new(subject, env!("CARGO_PKG_VERSION"), tally, seconds.into_packed(), memory_mib()))
}

/// Gathers finished seconds until the load is over, shows them, and passes the user's wish to stop on.
fn listen(receive: &Receiver<SecondTally>, signal: &AtomicBool, stop: &AtomicBool) -> Seconds {
    let mut line = StatusLine::new();
    let mut seconds = Seconds::default();
    loop {
        if signal.load(Ordering::Relaxed) {
            stop.store(true, Ordering::Relaxed);
        }
        match receive.recv_timeout(LOOK) {
            Ok(second) => {
                seconds.add(second);
                seconds.ended().iter().for_each(|second| line.state(&told(second)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    line.finish();
    seconds
}

/// A second in a line.
fn told(second: &SecondTally) -> String {
    let ms = |q: f64| second.latency.quantile_ns(q).map_or_else(|| "-".to_owned(), |ns| format!("{:.3}", ns / 1e6));
    format!(
        "{} s: {} requests, {} failed, p50 {} ms, p99 {} ms",
        second.second + 1,
        second.requests,
        second.errors,
        ms(0.5),
        ms(0.99)
    )
}

fn load_of(options: &LoadOptions, url: &Target) -> Result<Load, Failure> {
    let time = options.duration.map(|duration| duration.0);
    let of_stages = options.stages.iter().map(|stage| stage.time).sum::<Duration>();
    let time = time.or((!options.stages.is_empty() && options.requests.is_none()).then_some(of_stages));
    let model = model(options)?;
    Ok(Load {
        request: request(options, url)?,
        model,
        requests: options.requests.or(time.is_none().then_some(REQUESTS)),
        time,
        connections: options.connections,
        connection: if options.disable_keepalive { ConnectionUse::New } else { ConnectionUse::Keep },
        round_trip: Duration::ZERO,
        timeout: options.timeout.0,
        in_flight_max: options.max_in_flight.unwrap_or(traffic::IN_FLIGHT_MAX),
        seed: options.seed,
    })
}

fn model(options: &LoadOptions) -> Result<Model, Failure> {
    let arrivals = if options.poisson { Arrivals::Poisson } else { Arrivals::Constant };
    let steady = options.rate.map(|rate| vec![RateStage { from: rate, to: rate, time: Duration::from_secs(1) }]);
    let stages = steady.unwrap_or_else(|| options.stages.clone());
    if !stages.is_empty() {
        return Ok(Model::Open { arrivals, stages });
    }
    if options.poisson {
        return Err(Failure::new("`--poisson` spaces requests of a rate", A_RATE));
    }
    if options.max_in_flight.is_some() {
        return Err(Failure::new("`--max-in-flight` limits requests of a rate; users wait for their answers", A_RATE));
    }
    let users = options.users.unwrap_or(options.connections);
    Ok(Model::Closed { users, think: options.think.unwrap_or_default(), pace: Duration::ZERO })
}

fn request(options: &LoadOptions, url: &Target) -> Result<Request, Failure> {
    let body = match (&options.body, &options.body_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(file)) => fs::read(file)
            .with_context(|| format!("cannot read `{}`", file.display()))
            .hint("name a file that this user may read with `--body-file`")?,
        (None, None) => Vec::new(),
    };
    let mut headers = options.headers.clone();
    let given = [("Host", &options.host), ("Content-Type", &options.content_type)];
    headers.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    Ok(Request { method: options.method.clone(), target: url.clone(), headers, body })
}

/// Threads share connections and users, and none is left without.
fn crew_of(options: &LoadOptions, load: &Load) -> Crew {
    let processors = thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let processors = if options.cpus.is_empty() { processors } else { options.cpus.len() as u32 };
    let most = match load.model {
        Model::Closed { users, .. } => users.min(load.connections),
        Model::Open { .. } => load.connections,
    };
    let threads = options.threads.unwrap_or(processors).min(most);
    Crew { threads, cpus: options.cpus.clone(), warm_up: options.warmup.map_or(Duration::ZERO, |time| time.0) }
}

fn check_cpus(crew: &Crew) -> Result<(), Failure> {
    let online = fs::read_dir("/sys/devices/system/cpu").into_iter().flatten().flatten();
    let names: Vec<String> = online.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    match crew.cpus.iter().find(|cpu| !names.contains(&format!("cpu{cpu}"))) {
        Some(cpu) => Err(Failure::new(format!("this machine has no processor {cpu}"), "`lscpu` lists them")),
        None => Ok(()),
    }
}

fn subject(options: &LoadOptions, load: &Load, threads: u32, complete: bool) -> LoadSubject {
    let (users, think, rate) = match &load.model {
        Model::Closed { users, think, .. } => (Some(*users), think.mean(), None),
        Model::Open { stages, .. } => (None, Duration::ZERO, Some(mean_rate(stages, load.time))),
    };
    LoadSubject {
        target: load.request.target.to_string(),
        method: load.request.method.clone(),
        users,
        think_ms: think.as_secs_f64() * 1e3,
        rate,
        connections: load.connections,
        connection: load.connection,
        threads,
        seed: options.seed,
        complete,
    }
}

/// Requests per second over the whole load.
fn mean_rate(stages: &[RateStage], time: Option<Duration>) -> f64 {
    let last = stages.last().map_or(0.0, |stage| stage.to);
    let (mut requests, mut passed) = (0.0, 0.0);
    let whole = time.unwrap_or_else(|| stages.iter().map(|stage| stage.time).sum()).as_secs_f64();
    for stage in stages {
        let length = stage.time.as_secs_f64();
        let part = (whole - passed).clamp(0.0, length);
        let at_part = stage.from + (stage.to - stage.from) * part / length;
        requests += (stage.from + at_part) / 2.0 * part;
        passed += part;
    }
    (requests + last * (whole - passed).max(0.0)) / whole
}

/// The most memory that this process has held, in MiB.
fn memory_mib() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| usage.max_rss() as f64 / 1024.0)
}

/// Results of earlier runs as one.
fn merged(files: &[impl AsRef<Path>]) -> Result<LoadResult, Failure> {
    let results = files.iter().map(|file| read_result(file.as_ref()));
    let results = results.collect::<Result<Vec<LoadResult>, Failure>>()?;
    if let Some(index) = results.iter().position(|result| !result.load.is_like(&results[0].load)) {
        let names = [0, index].map(|index| format!("`{}`", files[index].as_ref().display()));
        let hint = "merge results of one URL, method, kind of load and pause";
        return Err(Failure::new(format!("{} are not parts of one load", names.join(" and ")), hint));
    }
    let merged = LoadResult::merge(results);
    let merged = merged.context("a histogram is damaged").hint("print the results again with `meshtax load --json`")?;
    merged.context("there is nothing to merge").hint(RESULTS)
}

fn read_result(file: &Path) -> Result<LoadResult, Failure> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{name}`")).hint(RESULTS)?;
    let result: LoadResult = serde_json::from_str(&text)
        .with_context(|| format!("`{name}` is not a result of `meshtax load`"))
        .hint(RESULTS)?;
    if result.schema != LOAD_SCHEMA {
        let other = format!("`{name}` has version {} of the schema, not {LOAD_SCHEMA}", result.schema);
        return Err(Failure::new(other, "merge with the version of meshtax that printed it"));
    }
    Ok(result)
}

fn written(result: &LoadResult, format: LoadFormat) -> Result<String, Failure> {
    Ok(match format {
        LoadFormat::Text => report::load_text(result),
        LoadFormat::Json => format!("{}\n", serde_json::to_string_pretty(result)?),
        LoadFormat::Csv => report::load_csv(result),
        LoadFormat::Hgrm => report::load_hgrm(result),
    })
}

/// Exit status, after words about every limit that is not kept.
fn outcome(result: &LoadResult, limits: &[LoadLimit]) -> ExitCode {
    let mut failed = false;
    for limit in limits {
        let Some(value) = result.figure(&limit.metric) else {
            say(&format!("failed: `{}`: there are too few requests for this metric", limit.text));
            failed = true;
            continue;
        };
        if (limit.is_upper && value > limit.limit) || (!limit.is_upper && value < limit.limit) {
            say(&format!("failed: `{}`: it is {value}", limit.text));
            failed = true;
        }
    }
    let nothing_succeeded = result.histograms.latency.count() == 0;
    if nothing_succeeded {
        say("failed: no request succeeded");
    }
    match result.load.complete {
        false => ExitCode::from(INTERRUPTED),
        true if failed || nothing_succeeded => ExitCode::from(1),
        true => ExitCode::SUCCESS,
    }
}
