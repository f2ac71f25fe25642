/// The fewest paired rounds that give an interval. A rank test could not reach p < 0.05 on five pairs either.
pub const ROUNDS_MIN: usize = 6;

/// The fewest paired rounds that give an exact interval. With fewer, one cannot see how far they are from normal.
pub const ROUNDS_EXACT: usize = 10;

/// The arithmetic mean; `None` without values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample standard deviation (divisor n − 1); `None` below two values.
pub(crate) fn stddev(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}
