use std::collections::BTreeMap;

use measure::{ConnectionUse, Distribution, Measurement};
use serde_json::{Value, json};

/// Fortio's code for a failure without a status code.
const NO_STATUS: &str = "-1";

/// One arm as the JSON that `fortio load -json` writes, for `fortio report` and the scripts of istio/tools.
///
/// The format is that of `fhttp.HTTPRunnerResults` with `stats.HistogramData` in Fortio's source. Times are in seconds,
/// `ActualDuration` in nanoseconds. Failed requests are counted under their codes but are not in `DurationHistogram`,
/// because their times are not latencies; the label says so if there are any. `Sizes` only counts requests, from which
/// those scripts compute the share of errors: sizes of responses are not recorded.
pub fn fortio(measurement: &Measurement, arm: &str, latency: &Distribution) -> String {
    let experiment = &measurement.experiment;
    let failed: u64 = latency.errors.values().sum();
    let requests = latency.count + failed;
    let failures = if failed > 0 { format!(" ({failed} failed, in no histogram)") } else { String::new() };
    let rate = if latency.wall_s > 0.0 { requests as f64 / latency.wall_s } else { 0.0 };
    let result = json!({
        "RunType": "HTTP",
        "Labels": format!("{} {arm}{failures}", experiment.name),
        "StartTime": measurement.environment.started,
        "RequestedQPS": "max",
        "RequestedDuration": format!("exactly {requests} calls"),
        "ActualQPS": rate,
        "ActualDuration": (latency.wall_s * 1e9).round() as u64,
        "NumThreads": 1,
        "Version": format!("meshtax {}", measurement.environment.meshtax),
        "DurationHistogram": histogram(latency),
        "ErrorsDurationHistogram": count_alone(failed),
        "Exactly": requests,
        "Jitter": false,
        "Uniform": false,
        "NoCatchUp": false,
        "RunID": 0,
        "RetCodes": codes(latency),
        "URL": experiment.target,
        "NumConnections": 1,
        "DisableKeepAlive": experiment.connection == ConnectionUse::New,
        "Sizes": count_alone(requests),
    });
    format!("{result:#}\n")
}

fn histogram(latency: &Distribution) -> Value {
    let mut below = 0;
    let buckets = latency.buckets.iter().map(|bucket| {
        below += bucket.count;
        let percent = below as f64 * 100.0 / latency.count as f64;
        json!({"Start": bucket.start_s, "End": bucket.end_s, "Percent": percent, "Count": bucket.count})
    });
    let buckets: Vec<Value> = buckets.collect();
    let percentiles = latency.quantiles.iter().map(|(q, value)| json!({"Percentile": percent(*q), "Value": value}));
    json!({
        "Count": latency.count,
        "Min": latency.min_s,
        "Max": latency.max_s,
        "Sum": latency.mean_s * latency.count as f64,
        "Avg": latency.mean_s,
        "StdDev": latency.stddev_s,
        "Data": buckets,
        "Percentiles": percentiles.collect::<Vec<_>>(),
    })
}

/// A histogram of which only the number of samples is known.
fn count_alone(count: u64) -> Value {
    json!({"Count": count, "Min": 0, "Max": 0, "Sum": 0, "Avg": 0, "StdDev": 0, "Data": null})
}

/// A quantile as a percentile: 0.999 becomes 99.9, and a whole number has no decimals, because readers look percentiles
/// up by their text.
fn percent(q: f64) -> Value {
    let tenths = (q * 1000.0).round();
    if tenths % 10.0 == 0.0 { json!(tenths as u64 / 10) } else { json!(tenths / 10.0) }
}

fn codes(latency: &Distribution) -> BTreeMap<String, u64> {
    let mut codes = BTreeMap::from([("200".to_owned(), latency.count)]);
    for (kind, count) in &latency.errors {
        let code = kind.strip_prefix("status_").unwrap_or(NO_STATUS);
        *codes.entry(code.to_owned()).or_default() += count;
    }
    codes
}
