use super::*;

/// A log-ratio whose rounds vary as they do after ten rounds.
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
    // (t(0.975, 9) + t(0.8, 9)) · 0.01 = (2.2622 + 0.8834) · 0.01.
    assert!((effects[0].smallest_resolvable.unwrap() - 0.031_456_f64.exp_m1()).abs() < 1e-5);
    // s = 0.01 · √10; at 22 rounds (2.0796 + 0.8591) · s / √22 = 0.019813, at 23 (2.0739 + 0.8583) · s / √23 = 0.019334;
    // ln 1.02 = 0.019803.
    assert_eq!(effects[0].rounds_needed, Some(23));
    assert_eq!((effects[1].verdict, effects[1].rounds_needed), (Some(Verdict::Costs), None));
    assert_eq!((effects[2].smallest_resolvable, effects[2].rounds_needed), (None, None));
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
