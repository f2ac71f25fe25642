use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Caution, ConnectionUse, Histogram, HistogramError, LoadSecond, LoadTally, Samples, Seconds, Value, WireBytes,
    samples_needed,
};

/// Version of the contract of [`LoadResult`].
pub const LOAD_SCHEMA: u32 = 1;

/// Share of the time of its processors above which the generator may be what is measured.
const BUSY: f64 = 0.9;

/// Lateness that shows in latencies of a millisecond, in milliseconds.
const LATE_MS: f64 = 1.0;

/// Quantiles that are told of every histogram, with their names.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

/// What `meshtax load` found: figures, counts, and the histograms that they come from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LoadResult {
    /// Version of this contract.
    pub schema: u32,
    /// What was asked for.
    pub load: LoadSubject,
    /// Version of meshtax.
    pub meshtax: String,
    /// Every figure by its name, such as `requests_per_s` and `latency_ms_p99`.
    pub metrics: BTreeMap<String, Value>,
    /// Requests that failed, by kind: `status_503`, `connect`, `timeout` and others.
    pub errors: BTreeMap<String, u64>,
    /// Complete answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes of requests that were sent whole.
    pub sent: WireBytes,
    /// Bytes of answers that were read whole.
    pub received: WireBytes,
    /// Times of requests and connections.
    pub histograms: LoadHistograms,
    /// Each second in which a request ended.
    pub seconds: Vec<LoadSecond>,
    /// Warnings about the validity of these figures.
    pub cautions: Vec<Caution>,
}

/// What a load generator was asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadSubject {
    /// URL.
    pub target: String,
    /// HTTP method.
    pub method: String,
    /// Users who wait for their answers; null where requests come at a rate.
    pub users: Option<u32>,
    /// Mean pause of a user after an answer, in milliseconds; 0 where there are no users.
    pub think_ms: f64,
    /// Requests per second that were to be sent, on average; null where users wait for answers.
    pub rate: Option<f64>,
    /// Most connections that were open at once.
    pub connections: u32,
    /// `new` connection for each request, or `keep`.
    #[schemars(with = "String")]
    pub connection: ConnectionUse,
    /// Threads of the generator.
    pub threads: u32,
    /// Seed of think times and arrivals.
    pub seed: u64,
    /// False if the load was stopped before its end.
    pub complete: bool,
}

/// Times in nanoseconds, each an HdrHistogram (V2, deflated, base64).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadHistograms {
    /// Successes: from the intended start to the last byte of the answer.
    #[schemars(with = "String")]
    pub latency: Histogram,
    /// Successes: from the last byte of the request to the last byte of the answer.
    #[schemars(with = "String")]
    pub service: Histogram,
    /// From the last byte of the request to the first byte of the answer.
    #[schemars(with = "String")]
    pub first_byte: Histogram,
    /// Time that a connection took to open.
    #[schemars(with = "String")]
    pub connect: Histogram,
    /// The generator's own lateness: from the intended start until it set to work.
    #[schemars(with = "String")]
    pub lateness: Histogram,
}

/// Resources that the generator itself used.
#[derive(Clone, Copy, Debug, Default)]
struct GeneratorUse {
    /// CPU time of all its threads, in seconds.
    cpu_s: f64,
    /// Most memory that it held, in MiB.
    memory_mib: f64,
}

impl LoadResult {
    /// The result of a load whose generator held at most `memory_mib`.
    pub fn new(
        subject: LoadSubject,
        meshtax: &str,
        tally: LoadTally,
        seconds: Vec<LoadSecond>,
        memory_mib: f64,
    ) -> Self {
        let LoadTally { samples, first_byte, connect, statuses, sent, received, cpu_s } = tally;
        let own = GeneratorUse { cpu_s, memory_mib };
        let metrics = metrics(&samples, [&first_byte, &connect], own);
        let cautions = cautions(&subject, &samples, own);
        let Samples { errors, latency, service, lag, .. } = samples;
        let histograms = LoadHistograms { latency, service, first_byte, connect, lateness: lag };
        let meshtax = meshtax.to_owned();
        Self {
            schema: LOAD_SCHEMA,
            load: subject,
            meshtax,
            metrics,
            errors,
            statuses,
            sent,
            received,
            histograms,
            seconds,
            cautions,
        }
    }

    /// Several results of one load as one, exactly: counts and histograms are added, and figures made anew.
    ///
    /// The subject is that of the first; rates, users and threads are added. None without results.
    ///
    /// # Errors
    ///
    /// Returns an error if the histogram of a second is damaged.
    pub fn merge(results: Vec<LoadResult>) -> Result<Option<LoadResult>, HistogramError> {
        let Some(first) = results.first() else { return Ok(None) };
        let (mut subject, meshtax) = (first.load.clone(), first.meshtax.clone());
        let (mut tally, mut seconds, mut memory_mib) = (LoadTally::default(), Seconds::default(), 0.0);
        for (index, result) in results.iter().enumerate() {
            if index > 0 {
                subject.add(&result.load);
            }
            tally.merge(&result.tally());
            for packed in &result.seconds {
                seconds.add(packed.unpack()?);
            }
            memory_mib += result.figure("generator_memory_mib").unwrap_or(0.0);
        }
        Ok(Some(LoadResult::new(subject, &meshtax, tally, seconds.into_packed(), memory_mib)))
    }

    /// Requests that ended.
    fn requests(&self) -> u64 {
        self.count("requests")
    }

    fn count(&self, metric: &str) -> u64 {
        self.figure(metric).unwrap_or(0.0) as u64
    }

    fn tally(&self) -> LoadTally {
        let LoadHistograms { latency, service, first_byte, connect, lateness } = self.histograms.clone();
        let samples = Samples {
            wall_s: self.figure("wall_s").unwrap_or(0.0),
            requests: self.requests(),
            errors: self.errors.clone(),
            reconnects: self.count("reconnects"),
            connections: self.count("connections"),
            dropped: self.count("dropped"),
            latency,
            service,
            lag: lateness,
            stopped_s: self.figure("stopped_s").unwrap_or(0.0),
            sequence: Vec::new(),
        };
        let (statuses, sent, received) = (self.statuses.clone(), self.sent, self.received);
        let cpu_ms = self.figure("generator_cpu_ms_per_request").unwrap_or(0.0) * self.requests() as f64;
        LoadTally { samples, first_byte, connect, statuses, sent, received, cpu_s: cpu_ms / 1e3 }
    }

    /// The figure of a metric; none if there is no such metric, or there are too few samples for it.
    pub fn figure(&self, metric: &str) -> Option<f64> {
        self.metrics.get(metric)?.value
    }
}

fn metrics(samples: &Samples, [first_byte, connect]: [&Histogram; 2], own: GeneratorUse) -> BTreeMap<String, Value> {
    let requests = samples.requests;
    let failed: u64 = samples.errors.values().sum();
    let per_s = |count: u64| (samples.wall_s > 0.0).then(|| count as f64 / samples.wall_s);
    let per_request = |whole: f64| (requests > 0).then(|| whole / requests as f64);
    let mut metrics: BTreeMap<String, Value> = [
        ("requests", Some(requests as f64), "requests"),
        ("requests_per_s", per_s(requests), "requests/s"),
        ("errors", Some(failed as f64), "requests"),
        ("dropped", Some(samples.dropped as f64), "requests"),
        ("connections", Some(samples.connections as f64), "connections"),
        ("reconnects", Some(samples.reconnects as f64), "connections"),
        ("stopped_s", Some(samples.stopped_s), "s"),
        ("wall_s", Some(samples.wall_s), "s"),
        ("generator_cpu_ms_per_request", per_request(own.cpu_s * 1e3), "ms"),
        ("generator_memory_mib", Some(own.memory_mib), "MiB"),
    ]
    .into_iter()
    .map(|(name, value, unit)| (name.to_owned(), figure(value, unit, requests)))
    .collect();
    for (name, histogram, (unit, ns)) in [
        ("latency", &samples.latency, ("ms", 1e6)),
        ("service", &samples.service, ("ms", 1e6)),
        ("first_byte", first_byte, ("ms", 1e6)),
        ("connect", connect, ("ms", 1e6)),
        ("lateness", &samples.lag, ("us", 1e3)),
    ] {
        let count = histogram.count();
        let longest = (count > 0).then(|| histogram.longest_ns() as f64);
        let quantiles = QUANTILES.map(|(quantile, q)| (quantile, histogram.quantile_ns(q)));
        let of_name = [("mean", histogram.mean_ns()), ("max", longest)].into_iter().chain(quantiles);
        metrics.extend(of_name.map(|(statistic, value_ns)| {
            (format!("{name}_{unit}_{statistic}"), figure(value_ns.map(|value_ns| value_ns / ns), unit, count))
        }));
    }
    metrics
}

/// Users who do not pause are only as fast as the generator lets them be.
fn generator_busy(subject: &LoadSubject, samples: &Samples, own: GeneratorUse) -> Option<Caution> {
    let busy = own.cpu_s / (samples.wall_s * f64::from(subject.threads));
    (samples.wall_s > 0.0 && busy > BUSY).then(|| {
        let text = format!(
            "the load generator used {:.0} % of its {} threads: latency may be its own; use more threads or fewer users",
            busy * 100.0,
            subject.threads
        );
        caution("generator_busy", false, text)
    })
}

/// A generator that watches the clock is busy however low the rate is; being late is what harms.
fn generator_late(samples: &Samples) -> Option<Caution> {
    let late_ms = samples.lag.quantile_ns(0.99)? / 1e6;
    (late_ms > LATE_MS).then(|| {
        let text = format!(
            "the load generator was late by {late_ms:.1} ms or more for one request in a hundred, which latency contains; \
             use a lower rate, or processors that nothing else uses"
        );
        caution("generator_late", false, text)
    })
}

/// Requests that wait longer for a connection than for their answer are a queue that grows.
fn waiting(samples: &Samples) -> Option<Caution> {
    let (latency_ms, service_ms) = (samples.latency.mean_ns()? / 1e6, samples.service.mean_ns()? / 1e6);
    let waited_ms = latency_ms - service_ms;
    (waited_ms > service_ms + LATE_MS).then(|| {
        let text = format!(
            "requests waited {waited_ms:.1} ms on average for a free connection, longer than for their answers: the service, \
             or the number of connections, is at its limit"
        );
        caution("rate_not_reached", false, text)
    })
}

fn caution(kind: &str, fatal: bool, text: String) -> Caution {
    Caution { kind: kind.to_owned(), text, fatal, arms: Vec::new() }
}

impl LoadSubject {
    /// Whether generators of these two loads asked the same thing in the same way, each perhaps a part of it.
    pub fn is_like(&self, other: &LoadSubject) -> bool {
        let way = |load: &LoadSubject| (load.users.is_some(), load.connection, load.think_ms.to_bits());
        self.target == other.target && self.method == other.method && way(self) == way(other)
    }

    /// Adds what another generator did beside this one.
    fn add(&mut self, other: &LoadSubject) {
        self.users = self.users.zip(other.users).map(|(one, other)| one + other);
        self.rate = self.rate.zip(other.rate).map(|(one, other)| one + other);
        self.connections += other.connections;
        self.threads += other.threads;
        self.complete &= other.complete;
    }
}

/// Names of the metrics of every [`LoadResult`], in order.
pub fn load_metrics() -> Vec<String> {
    let nothing = [&Histogram::new(), &Histogram::new()];
    metrics(&Samples::default(), nothing, GeneratorUse::default()).into_keys().collect()
}

fn figure(value: Option<f64>, unit: &str, count: u64) -> Value {
    Value { value, unit: unit.to_owned(), count, stddev: None }
}

fn cautions(subject: &LoadSubject, samples: &Samples, own: GeneratorUse) -> Vec<Caution> {
    let is_unpaced = subject.rate.is_none() && subject.think_ms == 0.0;
    let found = if is_unpaced {
        [generator_busy(subject, samples, own), None]
    } else {
        [generator_late(samples), waiting(samples)]
    };
    let mut cautions: Vec<Caution> = found.into_iter().flatten().collect();
    if samples.dropped > 0 {
        cautions.push(caution(
            "dropped",
            false,
            format!("{} requests were due and never sent: too many waited for an answer", samples.dropped),
        ));
    }
    if samples.stopped_s > 0.0 {
        cautions.push(caution(
            "generator_stopped",
            true,
            format!("the load generator did not run for {:.1} s: it, or the machine, was stopped", samples.stopped_s),
        ));
    }
    let few = QUANTILES.into_iter().find(|(_, q)| samples.latency.count() < samples_needed(*q));
    if let Some((quantile, q)) = few.filter(|_| samples.latency.count() > 0) {
        cautions.push(caution(
            "few_requests",
            false,
            format!(
                "{quantile} takes {} answered requests, and there were {}",
                samples_needed(q),
                samples.latency.count()
            ),
        ));
    }
    cautions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cautions of a load of `rate` with these means and this lateness, all in milliseconds, on a generator this busy.
    fn check((rate, think_ms): (Option<f64>, f64), [latency, service, late]: [f64; 3], busy: f64, expected: &[&str]) {
        let mut samples = Samples { wall_s: 10.0, ..Samples::default() };
        let ns = |ms: f64| (ms * 1e6) as u64;
        for _ in 0..10_000 {
            samples.succeeded(ns(latency), ns(late));
            samples.service.record(ns(service));
        }
        let subject = LoadSubject {
            target: String::new(),
            method: String::new(),
            users: None,
            think_ms,
            rate,
            connections: 50,
            connection: ConnectionUse::Keep,
            threads: 2,
            seed: 1,
            complete: true,
        };
        let own = GeneratorUse { cpu_s: busy * 20.0, memory_mib: 8.0 };
        let told = cautions(&subject, &samples, own);
        assert_eq!(told.iter().map(|caution| &*caution.kind).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_generator_at_its_limit_is_told() {
        check((None, 0.0), [1.0, 1.0, 0.1], 0.5, &[]);
        check((None, 0.0), [1.0, 1.0, 0.1], 0.95, &["generator_busy"]);
        // With a rate, or with users who pause, it watches the clock, and is busy without harm.
        check((None, 5.0), [1.0, 1.0, 0.1], 0.95, &[]);
        check((Some(1_000.0), 0.0), [1.0, 1.0, 0.1], 0.95, &[]);
        check((Some(1_000.0), 0.0), [3.0, 1.0, 1.5], 0.2, &["generator_late"]);
        check((Some(1_000.0), 0.0), [900.0, 1.0, 0.1], 0.2, &["rate_not_reached"]);
        // A service that is slow and keeps up.
        check((Some(10.0), 0.0), [1_000.0, 999.0, 0.1], 0.0, &[]);
    }
}
