use std::fmt;
use std::str::FromStr;

use crate::threshold::{ThresholdError, parse};
use crate::{Effect, Metric};

/// A change that must not be: `cpu_proxy_ms_per_request>+5%`, `sidecar/none:cpu_ms_per_request>+5%`.
#[derive(Clone, Debug, PartialEq)]
pub struct FailIf {
    /// Whose change.
    pub scope: Scope,
    /// The metric.
    pub metric: Metric,
    /// The relative change above which it fails, such as 0.05.
    pub change: f64,
}

/// Whose change a condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every arm's.
    Every,
    /// That of this arm: `sidecar:`.
    Arm(String),
    /// That of what an arm costs beside its baseline: `sidecar/none:`.
    Beside {
        /// The arm.
        arm: String,
        /// The baseline.
        baseline: String,
    },
}

/// What an effect says of a change that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The change is above the threshold: the whole interval is or, where there is none, the estimate.
    Above,
    /// The estimate is above the threshold, but the interval reaches below: it may be chance.
    Undecided,
    /// The estimate is not above the threshold.
    Within,
    /// There is no estimate.
    Missing,
}

impl FailIf {
    /// What `effect` says. Anything that came where there was nothing is above every threshold.
    ///
    /// An interval that must lie above as a whole makes the false alarms at the threshold itself as rare as the interval
    /// says, one in forty; an estimate alone would give the alarm every other time.
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
        // Rounded, so that 5 % is not 5.000000000000001 %.
        write!(f, "{}{}>{:+}%", self.scope, self.metric.name(), (self.change * 1e8).round() / 1e6)
    }
}

#[cfg(test)]
mod tests;
