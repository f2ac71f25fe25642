use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;

/// A log-ratio with the freedom of ten rounds.
fn near(value: f64, error: f64) -> Option<Estimate> {
    Some(Estimate::new(value, error, 10))
}

fn judged(log_ratios: &[Option<Estimate>]) -> Vec<Effect> {
    let mut effects = vec![Effect::default(); log_ratios.len()];
    judge(&mut effects.iter_mut().collect::<Vec<_>>(), log_ratios, 0.02);
    effects
}

fn check(log_ratios: &[Option<Estimate>], verdicts: &[Verdict]) {
    let told: Vec<Verdict> = judged(log_ratios).iter().map(|effect| effect.verdict.unwrap()).collect();
    assert_eq!(told, verdicts);
}

#[test]
fn four_verdicts() {
    use Verdict::*;
    let of_each = [near(0.1, 0.01), near(-0.1, 0.01), near(0.0, 0.002), near(0.01, 0.02)];
    check(&of_each, &[Costs, Saves, NoMeasurableCost, NotResolvable]);
}

#[test]
fn what_is_not_shown_is_not_said() {
    use Verdict::*;
    check(&[None, Some(Estimate::new(0.5, 0.01, 5))], &[NotResolvable, NotResolvable]);
    // At the margin itself nothing is equivalent, however narrow the interval.
    check(&[near(-0.02_f64.ln_1p(), 0.000_1)], &[Saves]);
    // A cost within the margin is a cost.
    check(&[near(0.005, 0.000_1)], &[Costs]);
}

#[test]
fn of_several_questions_each_must_be_answered_more_surely() {
    // p = 0.03 alone rejects; as one of four that do not, it does not.
    let doubtful = near(2.5735 * 0.1, 0.1);
    check(&[doubtful], &[Verdict::Costs]);
    check(&[doubtful, near(0.0, 0.1), near(0.0, 0.1), near(0.0, 0.1)], &[Verdict::NotResolvable; 4]);
}

#[test]
fn what_is_not_resolvable_says_what_would_be() {
    let effects = judged(&[near(0.0, 0.01), near(0.5, 0.01), None]);
    // The other one differs, so Holm's last step remains: (t(0.975, 9) + t(0.8, 9)) · 0.01 = (2.2622 + 0.8834) · 0.01.
    assert!((effects[0].smallest_resolvable.unwrap() - 0.031_456_f64.exp_m1()).abs() < 1e-5);
    // Of two questions about equivalence, it is answered first, at 2.5 %. s = 0.01 · √10; at 28 rounds (t(0.975, 27) +
    // t(0.9, 27)) · s / √28 = 3.3655 · s / √28 = 0.020113, at 29 3.3609 · s / √29 = 0.019736; ln 1.02 = 0.019803.
    assert_eq!(effects[0].rounds_needed, Some(29));
    assert_eq!((effects[1].verdict, effects[1].rounds_needed), (Some(Verdict::Costs), None));
    assert_eq!((effects[2].smallest_resolvable, effects[2].rounds_needed), (None, None));
}

/// Share of runs in which the first of `metrics` metrics is shown to be equivalent, at the reported number of rounds,
/// if nothing differs and each varies by 5 % from round to round. A part of the variance is common to all of them.
fn power(metrics: usize, common: f64) -> f64 {
    let alike = vec![near(0.0, 0.05 / 10.0_f64.sqrt()); metrics];
    let rounds = judged(&alike)[0].rounds_needed.expect("ten rounds are too few") as usize;
    let mut draw = ChaCha8Rng::seed_from_u64(16);
    let mut normal = move || Normal::standard().inverse_cdf(draw.random_range(1e-12..1.0));
    let runs = 2000;
    let mut shown = 0;
    for _ in 0..runs {
        let shared: Vec<f64> = (0..rounds).map(|_| normal()).collect();
        let mut metric = || {
            let value = |shared: &f64| 0.05 * (common.sqrt() * shared + (1.0 - common).sqrt() * normal());
            Estimate::of_mean(&shared.iter().map(value).collect::<Vec<_>>())
        };
        let log_ratios: Vec<Option<Estimate>> = (0..metrics).map(|_| metric()).collect();
        shown += usize::from(judged(&log_ratios)[0].verdict == Some(Verdict::NoMeasurableCost));
    }
    shown as f64 / runs as f64
}

/// Mean, median and p90 of one run vary together: most of one's variation is also the others'.
#[test]
fn the_rounds_that_are_named_give_the_verdict_in_four_of_five_runs() {
    for (metrics, common) in [(1, 0.0), (4, 0.95)] {
        let power = power(metrics, common);
        assert!((0.74..=0.86).contains(&power), "{metrics} metrics, {common} in common: {power}");
    }
    // Independent metrics help: once others are shown, the rest are tested less strictly.
    assert!(power(4, 0.0) >= 0.78, "{}", power(4, 0.0));
}

#[test]
fn p_is_told_as_holm_corrects_it() {
    let effects = judged(&[near(2.5735 * 0.1, 0.1), near(0.0, 0.1), near(0.0, 0.1), near(0.0, 0.1)]);
    assert!((effects[0].p_holm.unwrap() - 4.0 * 0.03).abs() < 1e-4, "{:?}", effects[0]);
}

#[test]
fn holm_as_in_r() {
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    let adjusted = holm(&[Some(0.01), Some(0.04), None, Some(0.03), Some(0.005)]);
    let expected = [Some(0.03), Some(0.06), None, Some(0.06), Some(0.02)];
    for (told, expected) in adjusted.iter().zip(expected) {
        assert!(told.zip(expected).is_none_or(|(told, expected)| (told - expected).abs() < 1e-12), "{adjusted:?}");
        assert_eq!(told.is_none(), expected.is_none());
    }
}
