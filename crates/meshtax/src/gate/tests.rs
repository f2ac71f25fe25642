use super::*;

fn effect(arm: &str, ratio: Option<f64>) -> Effect {
    let (arm, metric) = (arm.to_owned(), "latency_ms_p50".to_owned());
    Effect {
        arm,
        metric,
        ratio,
        difference: ratio,
        ratio_ci95: ratio.map(|ratio| [ratio - 0.01, ratio + 0.01]),
        ..Effect::default()
    }
}

fn conditions(texts: &[&str]) -> Vec<FailIf> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Checks what is said about `effects`, where the arms' costs over `none` changed by `overheads`.
fn check_gate(texts: &[&str], [effects, overheads]: [&[Effect]; 2], reason: Option<&str>) {
    let judged = Judged { arms: arms(effects), baseline: "none", effects, overheads: Some(overheads), cautions: &[] };
    assert_eq!(gate(&conditions(texts), &judged).as_deref(), reason);
}

#[test]
fn every_reason_is_told() {
    let one = ["latency_ms_p50>+5%"];
    check_gate(&one, [&[effect("a", Some(1.04))], &[]], None);
    check_gate(&one, [&[effect("a", Some(1.055))], &[]], None);
    check_gate(
        &["latency_ms_p50>+5%", "errors>+0%"],
        [&[effect("a", Some(1.2)), effect("b", None)], &[]],
        Some(
            "failed: `latency_ms_p50>+5%`: arm `a`: +20.0 % [19.0, 21.0]\nfailed: `latency_ms_p50>+5%`: arm `b`: no \
             figure\nfailed: `errors>+0%`: there is nothing to compare",
        ),
    );
}

#[test]
fn a_condition_is_about_the_arm_that_it_names() {
    let (effects, overheads) = ([effect("a", Some(1.2)), effect("b", Some(1.0))], [effect("a", Some(1.1))]);
    let check = |text: &str, reason| check_gate(&[text], [&effects, &overheads], reason);
    check("a:latency_ms_p50>+5%", Some("failed: `a:latency_ms_p50>+5%`: arm `a`: +20.0 % [19.0, 21.0]"));
    check("b:latency_ms_p50>+5%", None);
    check("a/none:latency_ms_p50>+5%", Some("failed: `a/none:latency_ms_p50>+5%`: arm `a`: +10.0 % [9.0, 11.0]"));
    check("a/none:latency_ms_p50>+15%", None);
    check("b/none:latency_ms_p50>+15%", Some("failed: `b/none:latency_ms_p50>+15%`: there is nothing to compare"));
}

/// If the baseline's figure is zero, a cost has no ratio to it, and a changed difference may be chance.
#[test]
fn a_cost_without_a_ratio_cannot_be_judged_beside_the_baseline() {
    let change = Effect { ratio: None, difference: Some(0.001), ..effect("a", None) };
    check_gate(
        &["a/none:latency_ms_p50>+5%"],
        [&[], &[change]],
        Some(
            "failed: `a/none:latency_ms_p50>+5%`: arm `a` has no ratio to `none`; name the arm alone, `a:`, and ask for it with `--arms-across-runs`",
        ),
    );
}

#[test]
fn arms_that_are_not_there_are_refused() {
    let refusal = |text: &str| check(&conditions(&[text]), &["none", "a"], "none").map_err(|failure| failure.what());
    assert!(refusal("latency_ms_p50>+5%").is_ok() && refusal("none:latency_ms_p50>+5%").is_ok());
    assert!(refusal("a:latency_ms_p50>+5%").is_ok() && refusal("a/none:latency_ms_p50>+5%").is_ok());
    let said = |text: &str, what: &str| assert_eq!(refusal(text), Err(format!("`{text}`: {what}")));
    said("b:latency_ms_p50>+5%", "there is nothing to compare `b` with");
    said("none/none:latency_ms_p50>+5%", "there is nothing to compare `none` with");
    said("a/b:latency_ms_p50>+5%", "the baseline is `none` here");
}
