use measure::{Effect, FailIf, Finding};

use crate::output::say;

/// Why effects fail the conditions; none if they do not. A condition that nothing was measured for fails: what cannot be
/// judged has not passed. One that may be chance is said, and passes.
pub fn gate(conditions: &[FailIf], effects: &[Effect]) -> Option<String> {
    let mut reasons = Vec::new();
    for condition in conditions {
        let mut of_metric = effects.iter().filter(|effect| effect.metric == condition.metric.name()).peekable();
        if of_metric.peek().is_none() {
            reasons.push(format!("`{condition}`: there is nothing to compare"));
        }
        for effect in of_metric {
            let seen = format!("`{condition}`: arm `{}`: {}", effect.arm, report::finding(effect));
            match condition.judge(effect) {
                Finding::Within => {}
                Finding::Undecided => say(&format!("undecided: {seen} may be chance; more rounds would tell")),
                Finding::Above | Finding::Missing => reasons.push(seen),
            }
        }
    }
    (!reasons.is_empty()).then(|| format!("failed: {}", reasons.join("\nfailed: ")))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn every_reason_is_told() {
        let conditions = ["latency_ms_p50>+5%", "errors>+0%"].map(|text| text.parse().unwrap());
        let check = |count: usize, effects: &[Effect], reason: Option<&str>| {
            assert_eq!(gate(&conditions[..count], effects).as_deref(), reason);
        };
        check(1, &[effect("a", Some(1.04))], None);
        check(1, &[effect("a", Some(1.055))], None);
        check(
            2,
            &[effect("a", Some(1.2)), effect("b", None)],
            Some(
                "failed: `latency_ms_p50>+5%`: arm `a`: +20.0 % [19.0, 21.0]\nfailed: `latency_ms_p50>+5%`: arm `b`: no \
                 figure\nfailed: `errors>+0%`: there is nothing to compare",
            ),
        );
    }
}
