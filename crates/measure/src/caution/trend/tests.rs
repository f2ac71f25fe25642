use super::*;

#[test]
fn trends_and_none() {
    let p = |values: &[f64]| trend_p(&[values.to_vec()]);
    let rising: Vec<f64> = (0..10).map(f64::from).collect();
    // 45 pairs rise: z = 44 / √125.
    assert!((p(&rising) - 8.303e-5).abs() < 1e-7, "{}", p(&rising));
    assert_eq!(p(&[1.0; 10]), 1.0);
    assert!(p(&[3.0, 1.0, 4.0, 1.0, 5.0, 2.0, 4.0, 1.0, 3.0, 3.0]) > 0.5);
    assert_eq!(certain_change(&[rising[..9].to_vec()], 0.01), None, "too few to tell");
    assert_eq!(p(&[]), 1.0);
    // Ten times three pairs rise: z = 29 / √(10 · 11/3).
    let lives = vec![vec![1.0, 2.0, 3.0]; 10];
    assert!((trend_p(&lives) - 1.677e-6).abs() < 1e-8, "{}", trend_p(&lives));
    assert_eq!(certain_change(&lives, 0.01), Some(2.0));
}
