/// Whether a sequence of latencies comes back to a level: the hypothesis that it wanders (has a unit root) is rejected at
/// 5 %. None where it is constant or too short to tell.
///
/// Latencies enter as logarithms, so that a few long ones do not outweigh all others.
pub(super) fn is_stationary(sequence: &[u64]) -> Option<bool> {
    let logs: Vec<f64> = sequence.iter().map(|latency_ns| (*latency_ns as f64).max(1.0).ln()).collect();
    let lags = lags(logs.len());
    let statistic = dickey_fuller(&logs, lags)?;
    Some(statistic < critical(logs.len() - lags - 1))
}

/// Lagged differences that soak up short-term correlation: the cube root of the length (Said and Dickey, "Testing for unit
/// roots in autoregressive-moving average models of unknown order", Biometrika 71 (1984)).
fn lags(length: usize) -> usize {
    (length.saturating_sub(1) as f64).cbrt() as usize
}

/// 5 % point of the statistic with a constant and without trend, for so many differences: MacKinnon, "Critical values for
/// cointegration tests", Queen's University working paper 1227 (2010), table 2.
fn critical(count: usize) -> f64 {
    let count = count as f64;
    -2.86154 - 2.8903 / count - 4.234 / count.powi(2) - 40.04 / count.powi(3)
}

/// The statistic of the augmented Dickey-Fuller test: t of b in Δy(t) = a + b·y(t-1) + Σ c(i)·Δy(t-i) + e(t), by ordinary
/// least squares.
///
/// Dickey and Fuller, "Distribution of the estimators for autoregressive time series with a unit root", Journal of the
/// American Statistical Association 74 (1979).
fn dickey_fuller(values: &[f64], lags: usize) -> Option<f64> {
    let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let count = differences.len().checked_sub(lags)?;
    let width = lags + 2;
    if count <= width {
        return None;
    }
    // The level is the last column, so that its error is the last of the solution. Centred, it is not nearly the constant.
    let level = values.iter().sum::<f64>() / values.len() as f64;
    let row = |at: usize| -> Vec<f64> {
        let lagged = (1..=lags).map(|lag| differences[at - lag]);
        std::iter::once(1.0).chain(lagged).chain([values[at] - level]).collect()
    };
    let mut normal = vec![vec![0.0; width + 1]; width];
    let mut squares = 0.0;
    for (at, difference) in differences.iter().enumerate().skip(lags) {
        let row = row(at);
        squares += difference * difference;
        for (left, line) in row.iter().zip(&mut normal) {
            line.iter_mut().zip(row.iter().chain([difference])).for_each(|(sum, right)| *sum += left * right);
        }
    }
    let last = eliminate(&mut normal, squares)?;
    let variance = last.residual / (count - width) as f64 / last.pivot;
    (variance > 0.0).then(|| last.coefficient / variance.sqrt())
}

/// What least squares tell of the last of the columns.
struct Last {
    coefficient: f64,
    /// What it explains beyond the other columns.
    pivot: f64,
    /// Sum of squared residuals.
    residual: f64,
}

/// Gaussian elimination of the normal equations, the right side in the last column; none where columns depend on each
/// other. No pivoting: the matrix is positive definite.
fn eliminate(normal: &mut [Vec<f64>], squares: f64) -> Option<Last> {
    let width = normal.len();
    let mut residual = squares;
    for column in 0..width {
        let (above, below) = normal.split_at_mut(column + 1);
        let line = &above[column];
        let pivot = line[column];
        if pivot <= 1e-12 {
            return None;
        }
        residual -= line[width] * line[width] / pivot;
        for other in below {
            let factor = other[column] / pivot;
            other.iter_mut().zip(line).skip(column).for_each(|(value, of_line)| *value -= factor * of_line);
        }
    }
    let line = normal.last()?;
    let pivot = line[width - 1];
    Some(Last { coefficient: line[width] / pivot, pivot, residual })
}

#[cfg(test)]
mod tests;
