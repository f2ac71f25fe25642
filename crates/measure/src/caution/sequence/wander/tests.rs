use super::*;

#[test]
fn shares_between_quarters() {
    let between = |values: &[u64]| Parted::of(values).map(|parted| parted.between);
    // Rank sums of the quarters 3, 7, 11, 15 about a mean of 9: H = 12/(8·9)·(9+49+121+225)/2 - 27 = 6.667.
    assert!((between(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap() - 6.6667 / 7.0).abs() < 1e-4);
    assert_eq!(between(&[1, 8, 2, 7, 3, 6, 4, 5]), Some(0.0));
    assert_eq!(between(&[5; 8]), None);
}

#[test]
fn neighbours_that_resemble_each_other_make_means_vary() {
    assert!((inflation(10.0, 0.0) - 1.0).abs() < 1e-12);
    // Two values with correlation r: the variance of their mean is (1 + r)/2.
    assert!((inflation(2.0, 0.4) - 1.4).abs() < 1e-12);
    assert!((inflation(1e6, 0.5) - 3.0).abs() < 1e-5);
}

#[test]
fn nothing_is_said_of_nothing() {
    assert!(wander(&[], 0.0).is_none());
}

#[test]
fn blocks_that_all_rise_show_a_profile_however_alike_neighbours_are() {
    let rising = |from: u64| Parted::of(&(0..20).map(|n| from + n).collect::<Vec<_>>()).unwrap();
    let falling = Parted::of(&(0..20).rev().collect::<Vec<_>>()).unwrap();
    let found = profile(&[rising(0), rising(7), rising(3)]).unwrap();
    // Of 20 ranks 7.5² + 2.5² of 33.25 lie between quarters.
    assert!((found.share - (7.5_f64.powi(2) + 2.5_f64.powi(2)) / 2.0 / 33.25).abs() < 1e-9, "{}", found.share);
    assert!(found.p < 1e-9, "{}", found.p);
    let mixed = profile(&[rising(0), falling]).unwrap();
    assert!(mixed.share < 1e-9 && mixed.p > 0.9, "{} {}", mixed.share, mixed.p);
    assert!(profile(&[rising(0)]).is_none());
}
