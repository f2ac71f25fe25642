//! Metrics and thresholds as people write them: `latency_ms_p50<2%`, `sidecar/none:cpu_ms_per_request>+5%`.

use std::fmt;
use std::str::FromStr;

use crate::Metric;

/// The condition that ends a run: the half-width of the 95 % interval of the relative change is below a share, such as
/// `latency_ms_p50<2%`.
#[derive(Clone, Debug, PartialEq)]
pub struct Until {
    /// The metric.
    pub metric: Metric,
    /// Half-width of the 95 % interval of the relative change, such as 0.02.
    pub half_width: f64,
}

/// Why a text is not a threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// The comparison sign is missing, or the wrong one.
    #[error("`{text}` has no `{sign}`")]
    Sign {
        /// The text as written.
        text: String,
        /// The missing sign.
        sign: char,
    },
    /// The part before the comparison does not name a metric.
    #[error("`{0}` is not a metric")]
    Metric(String),
    /// The metric never has an interval.
    #[error("`{0}` has no interval")]
    Interval(&'static str),
    /// The part before the metric does not name an arm.
    #[error("`{0}` names no arm")]
    Arm(String),
    /// The part after the comparison is not a percentage.
    #[error("`{0}` is not a percentage")]
    Share(String),
}

impl ThresholdError {
    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Metric(_) | Self::Interval(_) => {
                let names: Vec<&str> = Metric::ALL.into_iter().map(Metric::name).collect();
                format!("metrics are {}", names.join(", "))
            }
            Self::Sign { sign: '<', .. } => "write a metric and a half-width such as `latency_ms_p50<2%`".to_owned(),
            Self::Sign { .. } => "write a metric and a change such as `latency_ms_p50>+5%`".to_owned(),
            Self::Arm(_) => "write `ARM:` or, for what it costs beside its baseline, `ARM/BASELINE:`".to_owned(),
            Self::Share(_) => "write a share such as `2%`".to_owned(),
        }
    }
}

impl FromStr for Until {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let (metric, half_width) = parse(text, '<')?;
        if metric == Metric::CpuPeakCores {
            return Err(ThresholdError::Interval(metric.name()));
        }
        if half_width > 0.0 { Ok(Self { metric, half_width }) } else { Err(ThresholdError::Share(text.to_owned())) }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{}%", self.metric.name(), percent(self.half_width))
    }
}

/// Splits a text at `sign` into the metric and the relative threshold as a fraction.
pub(crate) fn parse(text: &str, sign: char) -> Result<(Metric, f64), ThresholdError> {
    let missing = || ThresholdError::Sign { text: text.to_owned(), sign };
    let (metric, share) = text.split_once(sign).ok_or_else(missing)?;
    let known = Metric::ALL.into_iter().find(|known| known.name() == metric.trim());
    let metric = known.ok_or_else(|| ThresholdError::Metric(metric.trim().to_owned()))?;
    let number = share.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let percent =
        number.filter(|number| number.is_finite()).ok_or_else(|| ThresholdError::Share(share.trim().to_owned()))?;
    Ok((metric, percent / 100.0))
}

/// A fraction in percent, without binary rounding such as 0.07 · 100 = 7.000000000000001.
fn percent(fraction: f64) -> f64 {
    (fraction * 1e8).round() / 1e6
}

#[cfg(test)]
mod tests;
