use measure::{Caution, Comparison, Effect, FailIf, Finding, Measurement, Scope};

use crate::failure::Failure;
use crate::output::say;

/// What conditions are held against.
pub struct Judged<'a> {
    /// Arms that conditions may name.
    pub arms: Vec<&'a str>,
    /// What arms cost something beside.
    pub baseline: &'a str,
    effects: &'a [Effect],
    /// What became of costs beside the baseline; none in a run, whose effects are those costs.
    overheads: Option<&'a [Effect]>,
    cautions: &'a [Caution],
}

impl<'a> Judged<'a> {
    /// A run, whose effects are beside the baseline anyway.
    pub fn of_run(run: &'a Measurement) -> Judged<'a> {
        let Measurement { effects, cautions, .. } = run;
        Judged { arms: arms(effects), baseline: run.baseline(), effects, overheads: None, cautions }
    }

    /// Two runs: each arm against itself, and what it costs beside the baseline.
    pub fn of_runs(runs: &'a Comparison) -> Judged<'a> {
        let Comparison { effects, overheads, cautions, .. } = runs;
        Judged { arms: arms(effects), baseline: runs.a.baseline(), effects, overheads: Some(overheads), cautions }
    }

    /// The effects that a condition is about.
    fn of(&self, condition: &FailIf) -> Vec<&'a Effect> {
        let (effects, arm) = match &condition.scope {
            Scope::Every => (self.effects, None),
            Scope::Arm(arm) => (self.effects, Some(arm)),
            Scope::Beside { arm, .. } => (self.overheads.unwrap_or(self.effects), Some(arm)),
        };
        let of_arm = effects.iter().filter(|effect| arm.is_none_or(|arm| effect.arm == *arm));
        of_arm.filter(|effect| effect.metric == condition.metric.name()).collect()
    }

    fn is_forbidden(&self, effect: &Effect) -> bool {
        self.cautions.iter().any(|caution| caution.forbids(&effect.arm, self.baseline))
    }

    /// Why what a condition is about is not to be believed: the cautions that forbid it.
    fn vetoes(&self, condition: &FailIf, effects: &[&Effect]) -> Vec<String> {
        let touches = |caution: &&Caution| effects.iter().any(|effect| caution.forbids(&effect.arm, self.baseline));
        let told = |caution: &Caution| format!("`{condition}`: not to be believed: {}: {}", caution.kind, caution.text);
        self.cautions.iter().filter(touches).map(told).collect()
    }

    /// What is missing where two runs' costs have no ratios to compare, since the baseline has nothing of the kind.
    fn without_ratio(&self, condition: &FailIf, effect: &Effect) -> Option<String> {
        let Scope::Beside { arm, baseline } = &condition.scope else { return None };
        let is_missing = self.overheads.is_some() && effect.ratio.is_none() && effect.difference.is_some();
        is_missing
            .then(|| format!("`{condition}`: arm `{arm}` has no ratio to `{baseline}`; name the arm alone, `{arm}:`, and ask for it with `--arms-across-runs`"))
    }
}

fn arms(effects: &[Effect]) -> Vec<&str> {
    let mut arms: Vec<&str> = effects.iter().map(|effect| effect.arm.as_str()).collect();
    arms.dedup();
    arms
}

/// Refuses conditions about arms that there are none of: `arms` are those that can be judged.
pub fn check(conditions: &[FailIf], arms: &[&str], baseline: &str) -> Result<(), Failure> {
    for condition in conditions {
        let (arm, beside) = match &condition.scope {
            Scope::Every => continue,
            Scope::Arm(arm) => (arm, None),
            Scope::Beside { arm, baseline } => (arm, Some(baseline)),
        };
        let can_be_judged = arms.contains(&&**arm) && beside != Some(arm);
        if !can_be_judged {
            let others: Vec<&str> = arms.iter().copied().filter(|arm| beside.is_none() || *arm != baseline).collect();
            let hint = format!("arms that can be judged so are {}", others.join(", "));
            return Err(Failure::new(format!("`{condition}`: there is nothing to compare `{arm}` with"), hint));
        }
        if beside.is_some_and(|beside| beside != baseline) {
            let hint = format!("write `{arm}/{baseline}:`");
            return Err(Failure::new(format!("`{condition}`: the baseline is `{baseline}` here"), hint));
        }
    }
    Ok(())
}

/// Refuses conditions about an arm of one run against itself in the other, which nobody should rely on unasked.
pub fn check_across_runs(conditions: &[FailIf], judged: &Judged) -> Result<(), Failure> {
    for condition in conditions {
        let arm = match &condition.scope {
            Scope::Beside { .. } => continue,
            Scope::Arm(arm) => Some(arm.as_str()).filter(|arm| *arm != judged.baseline),
            Scope::Every => None,
        };
        let others = judged.overheads.unwrap_or_default().iter().map(|effect| effect.arm.as_str());
        let arm = others.clone().find(|other| arm.is_some_and(|arm| arm == *other)).or(others.clone().next());
        let instead = arm.map(|arm| {
            let scope = Scope::Beside { arm: arm.to_owned(), baseline: judged.baseline.to_owned() };
            format!("write `{}`, what the arm costs beside its baseline, or ", FailIf { scope, ..condition.clone() })
        });
        let hint = format!("{}ask for it with `--arms-across-runs`", instead.unwrap_or_default());
        let what =
            format!("`{condition}`: arms of two runs are two stand-ups and differ by more than their intervals hold");
        return Err(Failure::new(what, hint));
    }
    Ok(())
}

/// Why effects fail the conditions; none if they do not. A condition that nothing was measured for fails: what cannot be
/// judged has not passed, nor has what is not to be believed. One that may be chance is said, and passes.
pub fn gate(conditions: &[FailIf], judged: &Judged) -> Option<String> {
    let mut reasons = Vec::new();
    for condition in conditions {
        let effects = judged.of(condition);
        if effects.is_empty() {
            reasons.push(format!("`{condition}`: there is nothing to compare"));
        }
        reasons.extend(judged.vetoes(condition, &effects));
        for effect in effects.into_iter().filter(|effect| !judged.is_forbidden(effect)) {
            if let Some(reason) = judged.without_ratio(condition, effect) {
                reasons.push(reason);
                continue;
            }
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
mod tests;
