use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::interval::{ROUNDS_MIN, mean, stddev};

/// Two means of unpaired samples against each other: what differs, and how surely.
///
/// Welch's t: B. L. Welch, "The generalization of 'Student's' problem when several different population variances are
/// involved", Biometrika 34, 1947; degrees of freedom by F. E. Satterthwaite, "An approximate distribution of estimates of
/// variance components", Biometrics Bulletin 2(6), 1946. Both as in NIST/SEMATECH e-Handbook, section 7.3.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welch {
    /// Mean of the second less mean of the first.
    pub(crate) difference: f64,
    /// Its standard error and degrees of freedom; none below [`ROUNDS_MIN`] values on either side.
    spread: Option<(f64, f64)>,
}

/// A sample whose mean stands for `times` values: 1, or their number where totals are compared.
pub(crate) struct Side<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) times: f64,
}

impl Welch {
    /// `other` against `base`; none if either is empty.
    pub(crate) fn of(base: &Side, other: &Side) -> Option<Self> {
        let difference = other.times * mean(other.values)? - base.times * mean(base.values)?;
        let enough = base.values.len().min(other.values.len()) >= ROUNDS_MIN;
        let spread = enough.then(|| spread(base, other)).flatten();
        Some(Self { difference, spread })
    }

    /// The 95 % interval of the difference.
    pub(crate) fn interval_95(&self) -> Option<[f64; 2]> {
        let (error, freedom) = self.spread?;
        let half = if error > 0.0 { t(freedom).inverse_cdf(0.975) * error } else { 0.0 };
        Some([self.difference - half, self.difference + half])
    }

    /// Two-sided p of no difference; none where nothing varies.
    pub(crate) fn p_value(&self) -> Option<f64> {
        let (error, freedom) = self.spread.filter(|(error, _)| *error > 0.0)?;
        Some(2.0 * t(freedom).cdf(-(self.difference / error).abs()))
    }
}

fn spread(base: &Side, other: &Side) -> Option<(f64, f64)> {
    let part = |side: &Side| {
        let count = side.values.len() as f64;
        Some(((side.times * stddev(side.values)?).powi(2) / count, count - 1.0))
    };
    let ((base, base_freedom), (other, other_freedom)) = (part(base)?, part(other)?);
    let variance = base + other;
    Some((variance.sqrt(), variance.powi(2) / (base.powi(2) / base_freedom + other.powi(2) / other_freedom)))
}

fn t(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("values that vary have positive degrees of freedom")
}

#[cfg(test)]
mod tests;
