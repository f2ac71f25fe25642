use super::*;

/// The expected values are from statsmodels 0.14 (`adfuller(.., maxlag=3, autolag=None, regression='c')`).
#[test]
fn statistics_as_others_compute_them() {
    let near = |told: Option<f64>, truth: f64| assert!((told.unwrap() - truth).abs() < 1e-8, "{told:?} for {truth}");
    let level: Vec<f64> = (0..40).map(|i| f64::from((i * i * 7 + i * 3) % 23) + 0.1 * f64::from(i)).collect();
    near(dickey_fuller(&level, 3), -3.0215632255524465);
    let steps = (0..60).map(|i| f64::from((i * 37 + 11) % 17 - 8));
    let walk: Vec<f64> = steps
        .scan(0.0, |sum, step| {
            *sum += step;
            Some(*sum)
        })
        .collect();
    near(dickey_fuller(&walk, 3), -4.186072344671499);
    assert!((critical(36) + 2.9459512825788754).abs() < 1e-9);
}

#[test]
fn nothing_to_tell_from() {
    assert_eq!(is_stationary(&[5; 100]), None);
    assert_eq!(is_stationary(&[1, 2, 3]), None);
    assert_eq!(is_stationary(&[]), None);
}
