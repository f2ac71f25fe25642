//! Reports of a load generator that ran alone.

use measure::{Histogram, LoadResult, Value};

use crate::figure::figure;
use crate::grid::{GridColumn, grid};
use crate::paragraph::paragraph;

/// Names of times in the table, the start of their metrics' names, and what they are.
const TIMES: [(&str, &str, &str); 5] = [
    ("response, ms", "latency_ms", "from the intended start to the last byte"),
    ("service, ms", "service_ms", "from the last byte sent to the last byte"),
    ("first byte, ms", "first_byte_ms", "from the last byte sent to the first byte"),
    ("connect, ms", "connect_ms", "opening a connection"),
    ("lateness, us", "lateness_us", "the generator's own"),
];

/// Statistics in the columns of the table.
const STATISTICS: [&str; 6] = ["mean", "p50", "p90", "p99", "p999", "max"];

/// The result of a load as text of 80 columns: what was asked, rate, times, answers, errors and cautions.
pub fn load_text(result: &LoadResult) -> String {
    let parts = [subject(result), rate(result), times(result), answers(result), cautions(result)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn subject(result: &LoadResult) -> String {
    let load = &result.load;
    let who = match (load.users, load.rate) {
        (_, Some(rate)) => format!("{} requests/s", figure(rate, "requests/s")),
        (Some(1), None) => "1 user".to_owned(),
        (Some(users), None) => format!("{users} users"),
        (None, None) => "nobody".to_owned(),
    };
    let connections = match load.connection {
        measure::ConnectionUse::Keep => "kept connections",
        measure::ConnectionUse::New => "a new connection for each request",
    };
    let threads = if load.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", load.threads) };
    let cut = if load.complete { "" } else { "; stopped before its end" };
    paragraph(
        &format!("{} {}: {who}, at most {} {connections}, {threads}{cut}", load.method, load.target, load.connections),
        2,
    )
}

fn rate(result: &LoadResult) -> String {
    let told = |metric: &str| result.figure(metric).map_or_else(|| "-".to_owned(), |value| figure(value, ""));
    let whole = |metric: &str| result.figure(metric).map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"));
    format!(
        "{} requests in {} s, {} a second; {} failed, {} dropped\n",
        whole("requests"),
        told("wall_s"),
        told("requests_per_s"),
        whole("errors"),
        whole("dropped")
    )
}

fn times(result: &LoadResult) -> String {
    let header = std::iter::once(String::new()).chain(STATISTICS.map(|name| name.replace("999", "99.9"))).collect();
    let count = |start: &str| result.metrics.get(&format!("{start}_max")).map_or(0, |value: &Value| value.count);
    let known = TIMES.iter().filter(|(_, start, _)| count(start) > 0);
    let rows: Vec<Vec<String>> = known
        .map(|(name, start, _)| {
            let cell = |statistic| {
                let value = result.figure(&format!("{start}_{statistic}"));
                value.map_or_else(|| "-".to_owned(), |value| figure(value, "ms"))
            };
            std::iter::once((*name).to_owned()).chain(STATISTICS.map(cell)).collect()
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let meanings = TIMES.iter().filter(|(_, start, _)| count(start) > 0);
    let meanings: Vec<String> =
        meanings.map(|(name, _, meaning)| format!("{}: {meaning}", name.split(',').next().unwrap_or(name))).collect();
    grid(&[GridColumn::RIGHT; STATISTICS.len()], std::iter::once(header).chain(rows))
        + &paragraph(&meanings.join("; "), 2)
}

fn answers(result: &LoadResult) -> String {
    let statuses = result.statuses.iter().map(|(status, count)| format!("status {status}: {count}"));
    let errors = result.errors.iter().filter(|(kind, _)| !kind.starts_with("status_"));
    let all: Vec<String> = statuses.chain(errors.map(|(kind, count)| format!("{kind}: {count}"))).collect();
    let bytes = |bytes: measure::WireBytes| format!("{} B of heads and {} B of bodies", bytes.head, bytes.body);
    let mut text = if all.is_empty() { String::new() } else { paragraph(&all.join(", "), 2) };
    text += &paragraph(&format!("sent {}; received {}", bytes(result.sent), bytes(result.received)), 2);
    text
}

fn cautions(result: &LoadResult) -> String {
    result.cautions.iter().map(|caution| paragraph(&format!("caution {}: {}", caution.kind, caution.text), 2)).collect()
}

/// The seconds of a load as comma-separated values: `second,requests,errors,latency_ms_mean,latency_ms_p50,latency_ms_p99`.
/// A quantile is empty where the second has too few requests for it.
pub fn load_csv(result: &LoadResult) -> String {
    let mut text = "second,requests,errors,latency_ms_mean,latency_ms_p50,latency_ms_p99\n".to_owned();
    for packed in &result.seconds {
        let latency = packed.unpack().map(|second| second.latency).unwrap_or_default();
        let ms = |value_ns: Option<f64>| value_ns.map_or_else(String::new, |value_ns| format!("{:.6}", value_ns / 1e6));
        let figures = [latency.mean_ns(), latency.quantile_ns(0.5), latency.quantile_ns(0.99)].map(ms).join(",");
        text += &format!("{},{},{},{figures}\n", packed.second, packed.requests, packed.errors);
    }
    text
}

/// Latency as HdrHistogram's percentile distribution in milliseconds, which its plotters read.
pub fn load_hgrm(result: &LoadResult) -> String {
    hgrm(&result.histograms.latency)
}

fn hgrm(histogram: &Histogram) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in histogram.percentiles() {
        let left = 1.0 - step.quantile;
        let inverse = if left > 0.0 { format!("{:>14.2}", 1.0 / left) } else { String::new() };
        text +=
            &format!("{:>12.3} {:>14.12} {:>10} {inverse}\n", step.value_ns as f64 / 1e6, step.quantile, step.count);
    }
    let mean = histogram.mean_ns().unwrap_or(0.0) / 1e6;
    let deviation = histogram.stddev_ns() / 1e6;
    text += &format!("#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]\n");
    let longest = histogram.longest_ns() as f64 / 1e6;
    text + &format!("#[Max     = {longest:>12.3}, Total count    = {:>12}]\n", histogram.count())
}
