use super::*;

/// Two unequal samples of R's documentation (`sleep`, extra hours of sleep by drug), where
/// `t.test(extra ~ group)` says t = -1.8608, df = 17.776, p = 0.07939, interval -3.3654832 to 0.2054832.
const DRUG_1: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
const DRUG_2: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

fn welch(base: &[f64], other: &[f64]) -> Welch {
    Welch::of(&Side { values: base, times: 1.0 }, &Side { values: other, times: 1.0 }).unwrap()
}

#[test]
fn agrees_with_r() {
    let welch = welch(&DRUG_1, &DRUG_2);
    let [low, high] = welch.interval_95().unwrap();
    for (told, truth, tolerance) in [
        (welch.difference, 1.58, 1e-9),
        (low, -0.205_483_2, 1e-6),
        (high, 3.365_483_2, 1e-6),
        (welch.p_value().unwrap(), 0.079_39, 1e-5),
        (welch.spread.unwrap().1, 17.776, 1e-3),
    ] {
        assert!((told - truth).abs() < tolerance, "{told} instead of {truth}");
    }
}

#[test]
fn few_or_constant_values() {
    let few = welch(&DRUG_1[..5], &DRUG_2);
    assert!(few.interval_95().is_none() && few.p_value().is_none());
    let constant = welch(&[2.0; 6], &[3.0; 7]);
    assert_eq!((constant.interval_95(), constant.p_value()), (Some([1.0, 1.0]), None));
    assert!(Welch::of(&Side { values: &[], times: 1.0 }, &Side { values: &[1.0], times: 1.0 }).is_none());
}

#[test]
fn totals_count_every_round() {
    let sides = [Side { values: &[1.0; 6], times: 6.0 }, Side { values: &[1.0; 12], times: 12.0 }];
    assert_eq!(Welch::of(&sides[0], &sides[1]).unwrap().difference, 6.0);
}
