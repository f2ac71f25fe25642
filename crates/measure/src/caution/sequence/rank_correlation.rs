/// Spearman's rank correlation of two sequences of the same length, from -1 to 1; `None` if one of them is constant.
///
/// Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15 (1904).
/// Ties share the mean of their ranks.
pub(super) fn spearman(left: &[u64], right: &[u64]) -> Option<f64> {
    let (left, right) = (ranks(left), ranks(right));
    let mean = (left.len() as f64 + 1.0) / 2.0;
    let product = |left: &[f64], right: &[f64]| -> f64 {
        left.iter().zip(right).map(|(left, right)| (left - mean) * (right - mean)).sum()
    };
    let spread = product(&left, &left) * product(&right, &right);
    (spread > 0.0).then(|| product(&left, &right) / spread.sqrt())
}

/// The rank of each value, from 1. Equal values share the mean of their ranks.
pub(super) fn ranks(values: &[u64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|place| values[*place]);
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|left, right| values[*left] == values[*right]) {
        let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        ties.iter().for_each(|place| ranks[*place] = rank);
        before += ties.len();
    }
    ranks
}
