use super::is_error;

fn check(rate: f64, requests: u64, errors: usize) {
    assert_eq!((0..requests).filter(|&number| is_error(number, rate)).count(), errors, "{rate} of {requests}");
}

#[test]
fn errors_have_their_share() {
    check(0.0, 1_000, 0);
    check(1.0, 1_000, 1_000);
    check(0.1, 23, 2);
    check(0.5, 7, 3);
    check(0.001, 999, 0);
    check(0.001, 1_000, 1);
    check(1.0 / 3.0, 3_000, 1_000);
}
