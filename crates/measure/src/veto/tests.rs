use super::*;

/// Checks the verdicts of arms `a` and `b` over `none` after a fatal caution about these arms.
fn check(about: &[&str], verdicts: [Verdict; 2]) {
    let effect = |arm: &str| Effect {
        arm: arm.to_owned(),
        verdict: Some(Verdict::Saves),
        rounds_needed: Some(9),
        ..Effect::default()
    };
    let mut effects = [effect("a"), effect("b"), Effect { verdict: None, ..effect("a") }];
    let doubt = Caution::default().about(about);
    veto(&mut effects, std::slice::from_ref(&doubt), "none");
    assert!(effects.iter().all(|effect| effect.verdict != Some(Verdict::NotToBeBelieved)), "{about:?} is not fatal");
    veto(&mut effects, &[Caution { fatal: true, ..doubt }], "none");
    assert_eq!(
        [effects[0].verdict, effects[1].verdict, effects[2].verdict],
        [Some(verdicts[0]), Some(verdicts[1]), None]
    );
    let needs = verdicts.map(|verdict| (verdict == Verdict::Saves).then_some(9));
    assert_eq!([effects[0].rounds_needed, effects[1].rounds_needed], needs);
}

#[test]
fn a_caution_takes_the_verdicts_of_what_it_is_about() {
    use Verdict::{NotToBeBelieved, Saves};
    check(&["a"], [NotToBeBelieved, Saves]);
    check(&["b", "null"], [Saves, NotToBeBelieved]);
    check(&["null"], [Saves, Saves]);
    check(&["none"], [NotToBeBelieved; 2]);
    check(&[], [NotToBeBelieved; 2]);
}
