//! Metrics as text, in Prometheus' classic format or in OpenMetrics.

mod accept;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::label::{Grouping, Labels};
use accept::{Range, quality};

/// Text formats of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exposition {
    /// Prometheus' text format 0.0.4.
    Classic,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Exposition {
    /// Chooses a format from the scraper's `Accept` headers. The answer is OpenMetrics if the headers name it and do
    /// not prefer the classic format. Otherwise it is the classic format.
    pub fn negotiated<'a>(accepted: impl Iterator<Item = &'a str>) -> Self {
        let ranges: Vec<Range> = accepted.flat_map(|accept| accept.split(',')).filter_map(Range::parse).collect();
        let openmetrics = quality(&ranges, &["application/openmetrics-text"], &["1.0.0", "0.0.1"]);
        let classic = quality(&ranges, &["text/plain", "text/*", "*/*"], &["0.0.4"]);
        if openmetrics > 0.0 && openmetrics >= classic { Self::OpenMetrics } else { Self::Classic }
    }

    /// Returns the `Content-Type` of the format.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that only grows. The metric's name ends in `_total`.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// Counts of observations by bucket.
    Histogram,
}

/// A metric with all its series.
#[derive(Clone, Debug)]
pub struct Family {
    /// Name of the metric. The name of a counter ends in `_total`.
    pub name: Cow<'static, str>,
    /// HELP text: one sentence.
    pub help: &'static str,
    /// Kind of metric.
    pub kind: MetricKind,
    /// Values by labels. Families with the same series share the labels, which are most of an exposition.
    pub series: BTreeMap<Arc<Labels>, SampleValue>,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// Value of a counter or gauge.
    Number(f64),
    /// Value of a histogram.
    Histogram {
        /// Inclusive upper bounds of all buckets except the last.
        bounds: Vec<f64>,
        /// Number of observations in each bucket.
        counts: Vec<u64>,
        /// Sum of all observations.
        sum: f64,
    },
}

impl Family {
    /// Creates a metric without series.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: MetricKind, help: &'static str) -> Self {
        Self { name: name.into(), help, kind, series: BTreeMap::new() }
    }

    /// Adds to the value of the series with these labels, which starts at 0.
    pub fn add(&mut self, labels: impl Into<Arc<Labels>>, more: f64) {
        match self.series.entry(labels.into()).or_insert(SampleValue::Number(0.0)) {
            SampleValue::Number(number) => *number += more,
            SampleValue::Histogram { .. } => unreachable!("a family holds one kind of value"),
        }
    }

    /// Adds to the histogram with these labels: counts by bucket, the last one for values above all `bounds`.
    pub fn add_counts(&mut self, labels: impl Into<Arc<Labels>>, bounds: &[f64], more: &[u64], more_sum: f64) {
        let empty = || SampleValue::Histogram { bounds: bounds.to_vec(), counts: vec![0; more.len()], sum: 0.0 };
        match self.series.entry(labels.into()).or_insert_with(empty) {
            SampleValue::Histogram { counts, sum, .. } => {
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                *sum += more_sum;
            }
            SampleValue::Number(_) => unreachable!("a family holds one kind of value"),
        }
    }

    /// Keeps `most` series, adds all others to `other`, and returns how many those were. Use it only for gauges: a
    /// counter must not move from one series to another.
    pub fn bound(&mut self, most: usize) -> u64 {
        let Some((first, _)) = self.series.iter().nth(most) else { return 0 };
        let beyond = self.series.split_off(&first.clone());
        let others = beyond.len() as u64;
        for (labels, value) in beyond {
            if let SampleValue::Number(number) = value {
                self.add(labels.other(), number);
            }
        }
        others
    }

    fn text(&self, form: Exposition) -> String {
        let mut text = String::new();
        if self.series.is_empty() {
            return text;
        }
        // OpenMetrics names a family without the suffix of its samples.
        let name = match (form, self.kind) {
            (Exposition::OpenMetrics, MetricKind::Counter) => self.name.trim_end_matches("_total"),
            _ => &self.name,
        };
        let kind = match self.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let _infallible = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", self.help);
        for (labels, value) in &self.series {
            match value {
                SampleValue::Number(number) => sample(&mut text, &self.name, "", labels, None, *number),
                SampleValue::Histogram { bounds, counts, sum } => {
                    let mut below = 0;
                    let ends = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
                    for (end, count) in ends.zip(counts) {
                        below += count;
                        sample(&mut text, &self.name, "_bucket", labels, Some(&end), below as f64);
                    }
                    sample(&mut text, &self.name, "_sum", labels, None, *sum);
                    sample(&mut text, &self.name, "_count", labels, None, below as f64);
                }
            }
        }
        text
    }
}

/// Returns the exposition family by family, because it may be large as a whole.
pub fn pieces(families: &[Family], form: Exposition) -> impl Iterator<Item = String> {
    let end = (form == Exposition::OpenMetrics).then(|| "# EOF\n".to_owned());
    families.iter().map(move |family| family.text(form)).chain(end)
}

/// Returns the exposition as one text.
#[cfg(test)]
pub fn exposition(families: &[Family], form: Exposition) -> String {
    pieces(families, form).collect()
}

fn sample(text: &mut String, name: &str, suffix: &str, labels: &Labels, below: Option<&str>, value: f64) {
    let labels = labels.iter().map(|(name, value)| (*name, &**value)).chain(below.map(|end| ("le", end)));
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _infallible = writeln!(text, "{name}{suffix}{braces} {value}");
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
