use super::*;

fn check(values: &[f64], estimate: f64, p: f64) {
    let (told, told_p) = (hodges_lehmann(values).unwrap(), wilcoxon_p(values).unwrap());
    assert!((told - estimate).abs() < 1e-9, "{told} instead of {estimate}");
    assert!((told_p - p).abs() < 1e-5, "p = {told_p} instead of {p}");
}

#[test]
fn depression_before_and_after_a_tranquilliser() {
    // Hollander and Wolfe, "Nonparametric Statistical Methods", table 3.1, here in thousandths; R's `wilcox.test(x, y, paired = TRUE)` gives
    // V = 40 and p = 0.03906.
    let before = [1830.0, 500.0, 1620.0, 2480.0, 1680.0, 1880.0, 1550.0, 3060.0, 1300.0];
    let after = [878.0, 647.0, 598.0, 2050.0, 1060.0, 1290.0, 1060.0, 3140.0, 1290.0];
    let differences: Vec<f64> = before.iter().zip(after).map(|(x, y)| x - y).collect();
    check(&differences, 460.0, 0.039_062_5);
}

#[test]
fn small_cases_by_hand() {
    check(&[3.0], 3.0, 1.0);
    check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3.5, 2.0 / 64.0);
    // Zeros are left out; ties share a rank.
    check(&[0.0, 0.0], 0.0, 1.0);
    check(&[1.0, -1.0, 0.0], 0.0, 1.0);
    assert_eq!((hodges_lehmann(&[]), wilcoxon_p(&[])), (None, None));
}

#[test]
fn the_limit_continues_what_is_counted() {
    for shift in [0.0, 5.0, 10.0] {
        // Fifty values whose sizes are 1 to 50, more of them positive the larger the shift.
        let values: Vec<f64> =
            (1..=50).map(|n| if n % 2 == 0 || f64::from(n) < shift { f64::from(n) } else { -f64::from(n) }).collect();
        let ranks = signed_ranks(&values);
        let negative: u64 = ranks.iter().filter(|(positive, _)| !positive).map(|(_, rank)| rank).sum();
        let (exact, near) = (counted(&ranks, negative), limit(&ranks, negative));
        assert!((exact - near).abs() < 0.005, "{near} instead of {exact}");
    }
}
