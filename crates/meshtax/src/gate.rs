use measure::{Caution, Comparison, Effect, FailIf, Finding, Measurement, Scope};

use crate::failure::Failure;
use crate::output::say;

/// The figures against which the conditions of `--fail-if` are checked.
pub struct Judged<'a> {
    /// Arms that conditions may name.
    pub arms: Vec<&'a str>,
    /// The arm that the others are compared with.
    pub baseline: &'a str,
    effects: &'a [Effect],
    /// How each arm's cost over the baseline changed between two runs. `None` in a single run, whose effects are those
    /// costs.
    overheads: Option<&'a [Effect]>,
    cautions: &'a [Caution],
}

impl<'a> Judged<'a> {
    /// The figures of one run, whose effects are differences from the baseline.
    pub fn of_run(run: &'a Measurement) -> Judged<'a> {
        let Measurement { effects, cautions, .. } = run;
        Judged { arms: arms(effects), baseline: run.baseline(), effects, overheads: None, cautions }
    }

    /// The figures of two runs: each arm compared with itself, and the change of its cost over the baseline.
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

    /// Cautions that make the figures of a condition untrustworthy, as sentences.
    fn vetoes(&self, condition: &FailIf, effects: &[&Effect]) -> Vec<String> {
        let touches = |caution: &&Caution| effects.iter().any(|effect| caution.forbids(&effect.arm, self.baseline));
        let told = |caution: &Caution| format!("`{condition}`: not to be believed: {}: {}", caution.kind, caution.text);
        self.cautions.iter().filter(touches).map(told).collect()
    }

    /// Says why a condition cannot be judged if the arm has no ratio to the baseline in two runs, because the
    /// baseline's figure is zero.
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

/// Returns an error if a condition names an arm that is not among `arms`, those that can be judged.
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
            let hint = format!("arms that can be compared are {}", others.join(", "));
            return Err(Failure::new(format!("`{condition}`: there is nothing to compare `{arm}` with"), hint));
        }
        if beside.is_some_and(|beside| beside != baseline) {
            let hint = format!("write `{arm}/{baseline}:`");
            return Err(Failure::new(format!("`{condition}`: the baseline is `{baseline}` here"), hint));
        }
    }
    Ok(())
}

/// Returns an error if a condition compares an arm across two runs, which the user must ask for.
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
            format!(
                "write `{}` to compare the arm's cost over its baseline, or ",
                FailIf { scope, ..condition.clone() }
            )
        });
        let hint = format!("{}ask for it with `--arms-across-runs`", instead.unwrap_or_default());
        let what = format!("`{condition}`: an arm differs between two runs by more than its interval shows");
        return Err(Failure::new(what, hint));
    }
    Ok(())
}

/// Says why effects fail the conditions, or returns `None` if they pass. A condition without a figure, or with one that
/// is not to be believed, fails. One whose result may be chance is reported, and passes.
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
