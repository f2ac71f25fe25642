use statrs::distribution::{ContinuousCDF, StudentsT};

/// Fewer paired rounds than this give no interval: a rank test could not reach p < 0.05 on five pairs either.
pub const ROUNDS_MIN: usize = 6;

/// Fewer paired rounds than this give an approximate interval: too few to see how far they are from normal.
pub const ROUNDS_EXACT: usize = 10;

/// Arithmetic mean; none of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation (divisor n − 1); none below two values.
pub(crate) fn stddev(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The 95 % interval of the mean of paired differences, mean ± t(0.975, n − 1) · s / √n; none below [`ROUNDS_MIN`].
///
/// Student's interval for paired observations: NIST/SEMATECH e-Handbook of Statistical Methods, sections 1.3.5.2 and
/// 7.3.1.1. The values are one difference (or log-ratio) per round, never one per request: requests of a block are not
/// independent.
pub(crate) fn interval_95(values: &[f64]) -> Option<[f64; 2]> {
    if values.len() < ROUNDS_MIN {
        return None;
    }
    let (mean, stddev) = (mean(values)?, stddev(values)?);
    let freedom = (values.len() - 1) as f64;
    let t = StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are positive").inverse_cdf(0.975);
    let half = t * stddev / (values.len() as f64).sqrt();
    Some([mean - half, mean + half])
}

#[cfg(test)]
mod tests;
