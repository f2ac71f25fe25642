use super::*;

/// The expected values are from scipy 1.17's `spearmanr`.
#[test]
fn correlations_as_others_compute_them() {
    let values: Vec<u64> = (0..40).map(|i| (i * i * 7 + i * 3) % 23 * 10 + i).collect();
    let told = spearman(&values[..39], &values[1..]).unwrap();
    assert!((told - 0.10509263946542473).abs() < 1e-9, "{told}");
    assert_eq!(spearman(&[1, 2, 3], &[9, 9, 9]), None);
    assert_eq!(spearman(&[], &[]), None);
    assert_eq!(spearman(&[1, 2, 2, 7], &[10, 20, 20, 70]), Some(1.0));
}
