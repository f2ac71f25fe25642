use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::interval::{ROUNDS_MIN, mean, stddev};

/// Two-sided level of all tests, which is 1 minus the coverage of all intervals.
pub(crate) const LEVEL: f64 = 0.05;

/// From this many degrees of freedom on, normal quantiles replace those of t. They differ by less than 0.02 %, and
/// those of t take ever longer to find.
const FREEDOM_NORMAL: f64 = 10_000.0;

/// Probability of reaching a verdict, where a report says how many rounds that needs.
const POWER: f64 = 0.8;

/// An estimate, such as a mean difference or a log-ratio, with its standard error. Intervals, p-values and verdicts are
/// made from it.
///
/// The estimate over its standard error is assumed to follow Student's t, within a run with one degree of freedom less
/// than there are rounds. `benches/coverage.rs` shows how well that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The estimated value.
    pub(crate) value: f64,
    error: f64,
    rounds: usize,
    /// Degrees of freedom of the standard error.
    freedom: f64,
}

impl Estimate {
    /// An estimate from this many paired rounds. Below [`ROUNDS_MIN`], only its value is ever reported.
    pub(crate) fn new(value: f64, error: f64, rounds: usize) -> Self {
        Self { value, error, rounds, freedom: rounds as f64 - 1.0 }
    }

    /// The mean of one value per round, with standard error s / √n: NIST/SEMATECH e-Handbook of Statistical Methods,
    /// sections 1.3.5.2 and 7.3.1.1. Returns `None` without values.
    pub(crate) fn of_mean(values: &[f64]) -> Option<Self> {
        let error = stddev(values).map_or(f64::INFINITY, |stddev| stddev / (values.len() as f64).sqrt());
        Some(Self::new(mean(values)?, error, values.len()))
    }

    /// The number of paired rounds, or other units, behind the estimate.
    pub(crate) fn units(&self) -> u32 {
        u32::try_from(self.rounds).unwrap_or(u32::MAX)
    }

    /// The estimate of the quantity multiplied by `factor`.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, error: self.error * factor, ..self }
    }

    /// The estimate of the quantity plus `shift`.
    pub(crate) fn plus(self, shift: f64) -> Self {
        Self { value: self.value + shift, ..self }
    }

    /// This estimate minus another, from samples that are not paired: Welch's t. It counts the rounds of the smaller
    /// sample.
    ///
    /// B. L. Welch, "The generalization of 'Student's' problem when several different population variances are involved",
    /// Biometrika 34 (1947); degrees of freedom by F. E. Satterthwaite, "An approximate distribution of estimates of
    /// variance components", Biometrics Bulletin 2(6), 1946. Both as in NIST/SEMATECH e-Handbook, section 7.3.1.
    pub(crate) fn less(&self, other: &Self) -> Self {
        let [own, others] = [self, other].map(|one| one.error.powi(2));
        let freedom = (own + others).powi(2) / (own.powi(2) / self.freedom + others.powi(2) / other.freedom);
        Self {
            value: self.value - other.value,
            error: (own + others).sqrt(),
            rounds: self.rounds.min(other.rounds),
            // If nothing varies, any number of degrees of freedom will do.
            freedom: if own + others > 0.0 { freedom } else { self.freedom + other.freedom },
        }
    }

    /// The 95 % interval, estimate ± t(0.975) · error; `None` below [`ROUNDS_MIN`] rounds.
    pub(crate) fn interval_95(&self) -> Option<[f64; 2]> {
        let half = quantile_of_t(self.freedom()?, 1.0 - LEVEL / 2.0) * self.error;
        Some([self.value - half, self.value + half])
    }

    /// Two-sided p of the hypothesis that the true value is zero: below 0.05 if the interval excludes zero.
    pub(crate) fn p_value(&self) -> Option<f64> {
        Some((2.0 * self.p_below(-self.value.abs())?).min(1.0))
    }

    /// p of the hypothesis that the true value lies at `bound` or farther from zero: the larger p of two one-sided
    /// tests.
    ///
    /// Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the
    /// equivalence of average bioavailability", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
    pub(crate) fn p_equivalent(&self, bound: f64) -> Option<f64> {
        self.p_below(self.value.abs() - bound)
    }

    /// The smallest true value that a two-sided test at this level finds with a probability of 80 %: (t(1 − level / 2)
    /// + t(0.8)) · error.
    ///
    /// Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd edition (1988), section 2.4, with t in place
    /// of the normal quantiles.
    pub(crate) fn resolvable(&self, level: f64) -> Option<f64> {
        let freedom = self.freedom()?;
        Some((quantile_of_t(freedom, 1.0 - level / 2.0) + quantile_of_t(freedom, POWER)) * self.error)
    }

    /// The standard error, in the estimate's own unit.
    pub(crate) fn error(&self) -> f64 {
        self.error
    }

    /// The number of rounds that show a true value of zero to lie within `bound` with a probability of 80 %, by two
    /// one-sided tests at this level, if the spread stays the same: (t(1 − level) + t(0.9)) · error ≤ bound. A true
    /// value of `bound` then differs from zero with a probability of 80 % or a little more, so either verdict can be
    /// reached. It is always more than the rounds so far. For two samples, it counts rounds of the smaller one, and
    /// assumes that the other grows with it.
    ///
    /// Chow, Shao and Wang, "Sample Size Calculations in Clinical Research", 2nd edition (2008), section 3.1.3: either
    /// of the two tests may fail, so each gets half of the probability that one does.
    pub(crate) fn rounds_needed(&self, bound: f64, level: f64) -> Option<u32> {
        self.freedom()?;
        let stddev = self.error * (self.rounds as f64).sqrt();
        let resolves = |rounds: u32| {
            let freedom = self.freedom + f64::from(rounds) - self.rounds as f64;
            let errors = quantile_of_t(freedom, 1.0 - level) + quantile_of_t(freedom, f64::midpoint(1.0, POWER));
            errors * stddev / f64::from(rounds).sqrt() <= bound
        };
        let mut low = u32::try_from(self.rounds).ok()?;
        let mut high = low.checked_add(1)?;
        while !resolves(high) {
            (low, high) = (high, high.checked_mul(2)?);
        }
        // `low` never resolves the bound, or is the number of rounds so far; `high` does resolve it.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if resolves(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    fn freedom(&self) -> Option<f64> {
        (self.rounds >= ROUNDS_MIN).then_some(self.freedom)
    }

    /// The probability of a t statistic at or below `distance`, in standard errors.
    fn p_below(&self, distance: f64) -> Option<f64> {
        let t = if distance == 0.0 { 0.0 } else { distance / self.error };
        Some(students(self.freedom()?).cdf(t))
    }
}

fn quantile_of_t(freedom: f64, p: f64) -> f64 {
    if freedom < FREEDOM_NORMAL { students(freedom).inverse_cdf(p) } else { Normal::standard().inverse_cdf(p) }
}

fn students(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are positive")
}

#[cfg(test)]
mod tests;
