use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn interval_95(values: &[f64]) -> Option<[f64; 2]> {
    Estimate::of_mean(values)?.interval_95()
}

fn check(values: &[f64], low: f64, high: f64) {
    let [l, h] = interval_95(values).unwrap();
    assert!((l - low).abs() < 5e-4 && (h - high).abs() < 5e-4, "[{l}, {h}] instead of [{low}, {high}]");
}

#[test]
fn students_sleep_data() {
    // Extra hours of sleep by two drugs, ten patients: Student, "The Probable Error of a Mean", Biometrika 6 (1908);
    // R's `t.test(extra ~ group, data = sleep, paired = TRUE)` gives 0.7001142 to 2.4598858.
    let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
    check(&differences, 0.7001, 2.4599);
}

#[test]
fn six_values_by_hand() {
    // Mean 3.5, s = √3.5, t(0.975, 5) = 2.5706.
    check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3.5 - 2.5706 * 0.763_76, 3.5 + 2.5706 * 0.763_76);
}

#[test]
fn five_values_have_no_interval() {
    assert_eq!(interval_95(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
    assert_eq!((mean(&[]), stddev(&[1.0])), (None, None));
    assert_eq!(Estimate::of_mean(&[]), None);
}

/// 95 of 100 intervals hold the truth.
#[test]
fn intervals_cover_the_truth() {
    const RUNS: usize = 2_000;
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let covered = (0..RUNS).filter(|_| covers(&mut rng)).count();
    let share = covered as f64 / RUNS as f64;
    assert!((share - 0.95).abs() < 0.02, "{share} of the intervals hold the truth");
}

/// Simulates ten rounds, each with its own drift in both arms alike, and a true difference of 2.
fn covers(rng: &mut impl Rng) -> bool {
    let normal = Normal::new(0.0, 1.0).unwrap();
    let mut deviate = || normal.inverse_cdf(rng.random_range(1e-12..1.0));
    let differences: Vec<f64> = (0..10)
        .map(|_| {
            let drift = 10.0 * deviate();
            let (base, arm) = (5.0 + drift + deviate(), 7.0 + drift + deviate());
            arm - base
        })
        .collect();
    let [low, high] = interval_95(&differences).unwrap();
    (low..=high).contains(&2.0)
}

/// An estimate that is this many standard errors from zero, after ten rounds.
fn at(errors: f64) -> Estimate {
    Estimate::new(errors, 1.0, 10)
}

fn near(told: Option<f64>, expected: f64) {
    assert!((told.unwrap() - expected).abs() < 5e-5, "{told:?} instead of {expected}");
}

#[test]
fn p_is_below_five_percent_where_the_interval_excludes_zero() {
    // t(0.975, 9) = 2.2622.
    near(at(2.262_157).p_value(), 0.05);
    near(at(-2.262_157).p_value(), 0.05);
    near(at(0.0).p_value(), 1.0);
    assert!(at(2.262_157).interval_95().unwrap()[0].abs() < 1e-5);
}

#[test]
fn equivalence_is_two_one_sided_tests() {
    // The estimate must be this far inside either bound: t(0.95, 9) = 1.8331.
    near(at(0.0).p_equivalent(1.833_113), 0.05);
    near(at(3.0).p_equivalent(4.833_113), 0.05);
    near(at(-3.0).p_equivalent(4.833_113), 0.05);
    near(at(4.0).p_equivalent(4.0), 0.5);
}

#[test]
fn rounds_that_show_equivalence_within_one_standard_deviation() {
    // At ten rounds t(0.95, 9) + t(0.9, 9) = 3.216 > √10, at eleven 1.812 + 1.372 = 3.184 < √11.
    let six = Estimate::new(0.0, 1.0 / 6.0_f64.sqrt(), 6);
    assert_eq!(six.rounds_needed(1.0, LEVEL), Some(11));
    assert_eq!(six.rounds_needed(100.0, LEVEL), Some(7), "more than there were");
    assert_eq!(six.rounds_needed(0.0, LEVEL), None);
    assert_eq!(Estimate::new(0.0, 1.0, 5).rounds_needed(1.0, LEVEL), None);
}

#[test]
fn what_does_not_vary_is_certain() {
    let constant = |value| Estimate::of_mean(&[value; 8]).unwrap();
    assert_eq!((constant(0.0).p_value(), constant(1.0).p_value()), (Some(1.0), Some(0.0)));
    assert_eq!((constant(0.0).p_equivalent(0.1), constant(1.0).p_equivalent(0.1)), (Some(0.0), Some(1.0)));
}

/// Two unequal samples of R's documentation (`sleep`, extra hours of sleep by drug), where
/// `t.test(extra ~ group)` says t = -1.8608, df = 17.776, p = 0.07939, interval -3.3654832 to 0.2054832.
const DRUG_1: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
const DRUG_2: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

fn unpaired(base: &[f64], other: &[f64]) -> Estimate {
    Estimate::of_mean(other).unwrap().less(&Estimate::of_mean(base).unwrap())
}

#[test]
fn unpaired_samples_agree_with_r() {
    let change = unpaired(&DRUG_1, &DRUG_2);
    let [low, high] = change.interval_95().unwrap();
    for (told, truth, tolerance) in [
        (change.value, 1.58, 1e-9),
        (low, -0.205_483_2, 1e-6),
        (high, 3.365_483_2, 1e-6),
        (change.p_value().unwrap(), 0.079_39, 1e-5),
        (change.freedom, 17.776, 1e-3),
    ] {
        assert!((told - truth).abs() < tolerance, "{told} instead of {truth}");
    }
}

#[test]
fn few_or_constant_unpaired_samples() {
    let few = unpaired(&DRUG_1[..5], &DRUG_2);
    assert!(few.interval_95().is_none() && few.p_value().is_none() && few.resolvable(LEVEL).is_none());
    let constant = unpaired(&[2.0; 6], &[3.0; 7]);
    assert_eq!((constant.interval_95(), constant.p_value()), (Some([1.0, 1.0]), Some(0.0)));
}

#[test]
fn rounds_of_two_samples_that_show_equivalence_within_one_standard_deviation() {
    // 18 in each: t(0.95, 34) + t(0.9, 34) = 2.998, times √(2 / 18) 0.999.
    let six = Estimate::new(0.0, 1.0 / 6.0_f64.sqrt(), 6);
    let needed = six.less(&six).rounds_needed(1.0, LEVEL);
    assert!(needed.is_some_and(|rounds| (18..=19).contains(&rounds)), "{needed:?}");
}
