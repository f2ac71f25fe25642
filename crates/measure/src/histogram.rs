use std::fmt;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize, de};

/// The highest value that a histogram distinguishes: one hour, in nanoseconds.
const TOP_NS: u64 = 3_600_000_000_000;

/// An empty histogram, for questions about bucket widths, which are the same for all.
static EMPTY: LazyLock<Histogram> = LazyLock::new(Histogram::new);

/// Number of significant decimal digits.
const DIGITS: u8 = 3;

/// Durations in nanoseconds, from 1 ns to one hour, each kept with three significant digits.
///
/// The buckets reach as far as the longest sample, so that a run of many short blocks stays small: 60 KiB for blocks of
/// ten milliseconds a request. It is written as a string in the format that every HdrHistogram library reads: V2,
/// deflated, base64.
#[derive(Clone)]
pub struct Histogram(hdrhistogram::Histogram<u32>);

/// Why a string is not a histogram.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// The text is not base64 with the standard alphabet and padding.
    #[error("a histogram is not valid base64")]
    Base64(#[source] base64::DecodeError),
    /// The bytes are not a V2 histogram.
    #[error("a histogram does not decode")]
    Format(#[source] hdrhistogram::serialization::DeserializeError),
    /// The histogram has other bounds than ours, so that it cannot be merged without loss.
    #[error("a histogram has other bounds than 1 ns to one hour with three digits")]
    Bounds,
}

/// The number of samples that the `q` quantile needs so that about ten lie beyond it: `10 / (1 - q)`, hence 1,000 for
/// p99.
///
/// The rank of a sample quantile is binomial. Its normal approximation is taken to hold if ten are expected on the
/// smaller side (Moore, McCabe and Craig, "Introduction to the Practice of Statistics", section 5.1).
pub fn samples_needed(q: f64) -> u64 {
    // The subtraction prevents 10 / (1 - 0.9) = 100.00000000000003 from asking for one sample more.
    (10.0 / (1.0 - q) - 1e-6).ceil() as u64
}

/// One step of a percentile distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentileStep {
    /// Longest time at or below this quantile, in nanoseconds.
    pub value_ns: u64,
    /// Share of samples at or below it, 0 to 1.
    pub quantile: f64,
    /// Samples at or below it.
    pub count: u64,
}

impl Histogram {
    /// A histogram without samples.
    pub fn new() -> Self {
        Self(hdrhistogram::Histogram::new(DIGITS).expect("three digits are valid"))
    }

    /// Counts one duration. Above one hour it counts as one hour, and [`clamped`](Self::clamped) reports it.
    pub fn record(&mut self, value_ns: u64) {
        self.0.record(value_ns.min(TOP_NS)).expect("the buckets grow with what is recorded");
    }

    /// Adds all samples of another histogram.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the buckets grow with what is added");
    }

    /// The samples that came after `earlier`, an earlier state of this histogram.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut later = self.clone();
        later.0.subtract(&earlier.0).expect("an earlier state has no sample that a later one lacks");
        later
    }

    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The longest sample in nanoseconds, at most 0.1 % above the exact one; 0 without samples.
    pub fn longest_ns(&self) -> u64 {
        self.0.max()
    }

    /// The number of samples longer than `value_ns`, except those in the same bucket.
    pub fn count_above(&self, value_ns: u64) -> u64 {
        self.recorded().filter(|(longest_ns, _)| *longest_ns > Self::top_of(value_ns)).map(|(_, count)| count).sum()
    }

    fn top_of(value_ns: u64) -> u64 {
        EMPTY.0.highest_equivalent(value_ns)
    }

    /// The number of samples at the top of the range: one hour (within the resolution of three digits) or longer.
    pub fn clamped(&self) -> u64 {
        // Beyond its buckets, the library would answer with the last of them.
        if self.0.max() < TOP_NS { 0 } else { u64::from(self.0.count_at(TOP_NS)) }
    }

    /// The arithmetic mean in nanoseconds, within 0.05 % of the exact mean; `None` without samples.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.0.mean())
    }

    /// The `q` quantile (0 ≤ `q` < 1) in nanoseconds, at most 0.1 % above the exact one; `None` with fewer samples than
    /// [`samples_needed`].
    pub fn quantile_ns(&self, q: f64) -> Option<f64> {
        if self.count() < samples_needed(q) { None } else { self.block_quantile_ns(q) }
    }

    /// The `q` quantile of a single block, however few its samples; `None` without samples. It is only ever one of many
    /// values in a statistic over blocks, never a figure by itself.
    pub(crate) fn block_quantile_ns(&self, q: f64) -> Option<f64> {
        (self.count() > 0).then(|| self.0.value_at_quantile(q) as f64)
    }

    /// Each bucket with samples in ascending order: its longest duration in nanoseconds, and its number of samples.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), u64::from(step.count_at_value())))
    }

    /// The percentile distribution, with five steps for each halving of what lies above, as HdrHistogram's tools print it.
    pub fn percentiles(&self) -> Vec<PercentileStep> {
        let mut count = 0;
        let steps = self.0.iter_quantiles(5).map(|step| {
            count += step.count_since_last_iteration();
            let (value_ns, quantile) = (step.value_iterated_to(), step.quantile_iterated_to());
            PercentileStep { value_ns, quantile, count }
        });
        steps.collect()
    }

    /// Standard deviation in nanoseconds; 0 without samples.
    pub fn stddev_ns(&self) -> f64 {
        self.0.stdev()
    }

    /// The width of the bucket around `value_ns`, in nanoseconds.
    pub(crate) fn resolution_ns(value_ns: u64) -> u64 {
        EMPTY.0.equivalent_range(value_ns)
    }

    /// The histogram as text: HdrHistogram V2, deflated, in base64 with the standard alphabet and padding.
    pub fn encode(&self) -> String {
        let mut whole = hdrhistogram::Histogram::<u32>::new_with_bounds(1, TOP_NS, DIGITS)
            .expect("the bounds are constants that are valid");
        whole.add(&self.0).expect("nothing above the top was recorded");
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&whole, &mut bytes).expect("memory takes every byte");
        STANDARD.encode(bytes)
    }

    /// Reads text that [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a histogram, or has other bounds.
    pub fn decode(text: &str) -> Result<Self, HistogramError> {
        let bytes = STANDARD.decode(text).map_err(HistogramError::Base64)?;
        let read: hdrhistogram::Histogram<u32> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(HistogramError::Format)?;
        if (read.low(), read.high(), read.sigfig()) != (1, TOP_NS, DIGITS) {
            return Err(HistogramError::Bounds);
        }
        // A histogram that was read has all buckets up to the top; the copy has only those that it needs.
        let mut histogram = Self::new();
        histogram.merge(&Self(read));
        Ok(histogram)
    }
}

impl PartialEq for Histogram {
    /// Compares the samples, however far the buckets reach.
    fn eq(&self, other: &Self) -> bool {
        self.recorded().eq(other.recorded())
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({} samples, mean {:?} ns)", self.count(), self.mean_ns())
    }
}

impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
