use std::fmt;
use std::str::FromStr;

use crate::threshold::{ThresholdError, parse};
use crate::{Effect, Metric};

/// A condition on a change, such as `cpu_proxy_ms_per_request>+5%` or `sidecar/none:cpu_ms_per_request>+5%`.
#[derive(Clone, Debug, PartialEq)]
pub struct FailIf {
    /// The arms whose change is judged.
    pub scope: Scope,
    /// The metric.
    pub metric: Metric,
    /// The relative change above which the condition fails, such as 0.05.
    pub change: f64,
}

/// The arms that a condition applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every arm.
    Every,
    /// This arm, written `sidecar:`.
    Arm(String),
    /// This arm's cost over its baseline, written `sidecar/none:`.
    Beside {
        /// The arm.
        arm: String,
        /// The baseline.
        baseline: String,
    },
}

/// The result of a condition for one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The change is above the threshold: the whole interval or, without an interval, the estimate.
    Above,
    /// The estimate is above the threshold, but the interval reaches below it, so it may be chance.
    Undecided,
    /// The estimate is not above the threshold.
    Within,
    /// There is no estimate.
    Missing,
}

impl FailIf {
    /// Judges an effect. A cost where the baseline has none is above every threshold.
    ///
    /// The whole interval must lie above the threshold, so at the threshold itself there is a false alarm in one case
    /// of forty. The estimate alone would give one in every second case.
    pub fn judge(&self, effect: &Effect) -> Finding {
        let Some(difference) = effect.difference else { return Finding::Missing };
        let Some(ratio) = effect.ratio else { return self.judge_from_nothing(difference) };
        let is_above = |ratio: f64| ratio - 1.0 > self.change;
        match effect.ratio_ci95 {
            _ if !is_above(ratio) => Finding::Within,
            Some([low, _]) if !is_above(low) => Finding::Undecided,
            _ => Finding::Above,
        }
    }

    fn judge_from_nothing(&self, difference: f64) -> Finding {
        let is_above = if difference == 0.0 { self.change < 0.0 } else { difference > 0.0 };
        if is_above { Finding::Above } else { Finding::Within }
    }
}

impl FromStr for FailIf {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let (scope, rest) = match text.split_once(':') {
            Some((scope, rest)) => (scope.parse()?, rest),
            None => (Scope::Every, text),
        };
        parse(rest, '>').map(|(metric, change)| Self { scope, metric, change })
    }
}

impl FromStr for Scope {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let names: Vec<String> = text.split('/').map(|name| name.trim().to_owned()).collect();
        match &names[..] {
            names if names.iter().any(String::is_empty) => Err(ThresholdError::Arm(text.to_owned())),
            [arm] => Ok(Self::Arm(arm.clone())),
            [arm, baseline] => Ok(Self::Beside { arm: arm.clone(), baseline: baseline.clone() }),
            _ => Err(ThresholdError::Arm(text.to_owned())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => Ok(()),
            Self::Arm(arm) => write!(f, "{arm}:"),
            Self::Beside { arm, baseline } => write!(f, "{arm}/{baseline}:"),
        }
    }
}

impl fmt::Display for FailIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded, so that 5 % is not written as 5.000000000000001 %.
        write!(f, "{}{}>{:+}%", self.scope, self.metric.name(), (self.change * 1e8).round() / 1e6)
    }
}

#[cfg(test)]
mod tests;
