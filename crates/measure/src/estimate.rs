use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::interval::{ROUNDS_MIN, mean, stddev};

/// Two-sided level of all tests, and one less the coverage of all intervals.
pub(crate) const LEVEL: f64 = 0.05;

/// From so many degrees of freedom on, the normal quantiles stand for those of t: they differ by less than 0.02 %, and
/// finding those of t takes ever longer.
const FREEDOM_NORMAL: f64 = 10_000.0;

/// Chance with which a verdict would have been given, where a report says what it takes.
const POWER: f64 = 0.8;

/// A mean difference, a log-ratio … with its standard error: what intervals, p-values and verdicts are made of.
///
/// Whatever made the standard error, the estimate over it is taken to follow Student's t, within a run with one degree of
/// freedom less than there are rounds; `benches/coverage.rs` shows how far that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The estimate.
    pub(crate) value: f64,
    error: f64,
    rounds: usize,
    /// Degrees of freedom of the standard error.
    freedom: f64,
}

impl Estimate {
    /// An estimate from so many paired rounds. Below [`ROUNDS_MIN`] nothing but its value is ever told.
    pub(crate) fn new(value: f64, error: f64, rounds: usize) -> Self {
        Self { value, error, rounds, freedom: rounds as f64 - 1.0 }
    }

    /// The mean of one value per round, with s / √n: NIST/SEMATECH e-Handbook of Statistical Methods, sections 1.3.5.2
    /// and 7.3.1.1. None of nothing.
    pub(crate) fn of_mean(values: &[f64]) -> Option<Self> {
        let error = stddev(values).map_or(f64::INFINITY, |stddev| stddev / (values.len() as f64).sqrt());
        Some(Self::new(mean(values)?, error, values.len()))
    }

    /// Paired rounds, or other units, that it was made from.
    pub(crate) fn units(&self) -> u32 {
        u32::try_from(self.rounds).unwrap_or(u32::MAX)
    }

    /// The same for a quantity that is so many times as large.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, error: self.error * factor, ..self }
    }

    /// The same for a quantity that is so much larger.
    pub(crate) fn plus(self, shift: f64) -> Self {
        Self { value: self.value + shift, ..self }
    }

    /// This less another, of samples that are not paired: Welch's t. It has as few rounds as the smaller sample.
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
            // Where nothing varies, any will do.
            freedom: if own + others > 0.0 { freedom } else { self.freedom + other.freedom },
        }
    }

    /// The 95 % interval, estimate ± t(0.975) · error; none below [`ROUNDS_MIN`] rounds.
    pub(crate) fn interval_95(&self) -> Option<[f64; 2]> {
        let half = quantile_of_t(self.freedom()?, 1.0 - LEVEL / 2.0) * self.error;
        Some([self.value - half, self.value + half])
    }

    /// Two-sided p of the hypothesis that the truth is zero: below 0.05 where the interval excludes zero.
    pub(crate) fn p_value(&self) -> Option<f64> {
        Some((2.0 * self.p_below(-self.value.abs())?).min(1.0))
    }

    /// p of the hypothesis that the truth lies at `bound` or further from zero: the larger p of two one-sided tests.
    ///
    /// Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the
    /// equivalence of average bioavailability", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
    pub(crate) fn p_equivalent(&self, bound: f64) -> Option<f64> {
        self.p_below(self.value.abs() - bound)
    }

    /// The smallest truth that a two-sided test at this level finds with a chance of 80 %: (t(1 − level / 2) + t(0.8)) · error.
    ///
    /// Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd edition (1988), section 2.4, with t in place
    /// of the normal quantiles.
    pub(crate) fn resolvable(&self, level: f64) -> Option<f64> {
        let freedom = self.freedom()?;
        Some((quantile_of_t(freedom, 1.0 - level / 2.0) + quantile_of_t(freedom, POWER)) * self.error)
    }

    /// How far the truth may vary, in its own unit: the standard error.
    pub(crate) fn error(&self) -> f64 {
        self.error
    }

    /// Rounds after which a truth of zero is shown to lie within `bound` with a chance of 80 %, by two one-sided tests at this
    /// level, if the spread stays as it is: (t(1 − level) + t(0.9)) · error ≤ bound. A truth of `bound` is then told from zero
    /// with a chance of 80 % or a little more, so that either verdict can be given. Always more rounds than there were; of two
    /// samples, rounds of the smaller one, if the other grows with it.
    ///
    /// Chow, Shao and Wang, "Sample Size Calculations in Clinical Research", 2nd edition (2008), section 3.1.3: either of the
    /// two tests may fail, so that each has half of the chance that one of them does.
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
        // `low` never resolves the bound, or is the number of rounds that there were; `high` does.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if resolves(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    fn freedom(&self) -> Option<f64> {
        (self.rounds >= ROUNDS_MIN).then_some(self.freedom)
    }

    /// Chance of a t statistic at or below `distance` in standard errors.
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
