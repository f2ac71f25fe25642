use super::*;

fn check(sorted: &[f64], truth: f64) {
    let told = dip(sorted);
    assert!((told - truth).abs() < 1e-12, "{told} instead of {truth} for {sorted:?}");
}

/// The expected values are from the R package's code (`diptest` 0.10 for Python).
#[test]
fn dips_as_others_compute_them() {
    check(&[0.0, 0.0, 1.0, 1.0], 0.25);
    check(&[0.0, 0.0, 0.0, 1.0], 0.125);
    check(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.0);
    check(&[1.0, 1.1, 1.2, 5.0, 5.1, 5.3, 9.0], 0.1986062717770035);
    check(&[1.0, 2.0, 3.0, 10.0, 11.0, 12.0], 0.19444444444444445);
    check(&[0.1, 0.5, 0.51, 0.52, 0.55, 0.9, 2.0, 2.01, 2.02, 2.5, 7.0], 0.13392857142857142);
    check(&[3.0, 4.0, 4.0, 4.0, 5.0, 9.0, 9.0, 9.0, 9.0, 10.0, 30.0], 0.1515151515151515);
}

#[test]
fn nothing_has_no_dip() {
    for sorted in [&[][..], &[1.0], &[1.0, 2.0], &[7.0; 100]] {
        check(sorted, 0.0);
    }
}
