use super::*;

#[test]
fn trends_and_none() {
    let rising: Vec<f64> = (0..10).map(f64::from).collect();
    // 45 pairs rise: z = 44 / √125.
    assert!((trend_p(&rising) - 8.303e-5).abs() < 1e-7, "{}", trend_p(&rising));
    assert_eq!(trend_p(&[1.0; 10]), 1.0);
    assert!(trend_p(&[3.0, 1.0, 4.0, 1.0, 5.0, 2.0, 4.0, 1.0, 3.0, 3.0]) > 0.5);
    assert_eq!(certain_change(&rising[..9], 0.01), None, "too few to tell");
    assert_eq!(trend_p(&[]), 1.0);
}
