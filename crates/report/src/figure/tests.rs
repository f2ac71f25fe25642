use measure::{LeftOut, Reason};

use super::{change, difference, figure, rounds};

#[test]
fn figures_have_three_digits() {
    let check = |value: f64, text: &str| assert_eq!(figure(value, "ms"), text);
    check(0.0, "0");
    check(0.031_24, "0.0312");
    check(0.000_000_4, "0.000000");
    check(1.984, "1.98");
    check(9.996, "10.0");
    check(142.31, "142");
    check(31_415.9, "31416");
    check(-0.5, "-0.500");
    assert_eq!(figure(1500.0, "1"), "1500");
    assert_eq!(figure(3.0, "1"), "3");
}

#[test]
fn differences_have_a_sign_a_unit_and_the_decimals_of_their_interval() {
    let check = |point: f64, ends, unit, text: &str| assert_eq!(difference(point, ends, unit), text);
    check(4.2133, Some([4.0211, 4.3999]), "ms", "+4.21 ms [4.02, 4.40]");
    check(-0.1, Some([-0.4, 0.2]), "ms", "-0.100 ms [-0.400, 0.200]");
    check(0.0012, Some([-12.0, 12.0]), "ms", "0.0 ms [-12.0, 12.0]");
    check(4.2, None, "ms", "+4.20 ms");
    check(3.0, Some([-0.6, 6.6]), "1", "+3 [-1, 7]");
    check(2e-13, Some([-1e-13, 3e-13]), "%", "0 % [0, 0]");
}

#[test]
fn a_narrow_interval_stays_an_interval() {
    assert_eq!(difference(142.3, Some([142.28, 142.31]), "MiB"), "+142.30 MiB [142.28, 142.31]");
    assert_eq!(difference(142.3, Some([142.3, 142.3]), "MiB"), "+142 MiB [142, 142]");
}

#[test]
fn ratios_are_changes_in_percent() {
    assert_eq!(change(3.1, Some([2.98, 3.23])), "+210 % [198, 223]");
    assert_eq!(change(0.9, None), "-10.0 %");
    assert_eq!(change(1.0, Some([1.0, 1.0])), "0 % [0, 0]");
}

#[test]
fn rounds_that_are_left_out_are_told() {
    let left_out = |round, reason| LeftOut { round, arm: "none".to_owned(), reason };
    let mut subject = crate::tests::run::run(&[("none", &crate::tests::run::NONE)], 26, 0.1).experiment;
    assert_eq!(rounds(&subject), "26 rounds");
    subject.drop_foreign = Some(0.2);
    subject.left_out = vec![
        left_out(3, Reason::ForeignShare(0.7)),
        left_out(3, Reason::ForeignShare(0.6)),
        left_out(7, Reason::ForeignShare(0.3)),
        left_out(9, Reason::ForeignShare(0.3)),
        left_out(9, Reason::StoppedS(20.0)),
        left_out(11, Reason::ForeignShare(0.3)),
    ];
    let told = "4 more left out: 3 for other programs' use of more than 20 % of the machine, 1 for a standstill";
    assert_eq!(rounds(&subject), format!("26 rounds ({told})"));
    subject.stands = Some(measure::Stands { rounds: 3, longer: 0, windows: 1 });
    assert_eq!(rounds(&subject), format!("26 rounds in 10 stand-ups of the lab ({told})"));
}
