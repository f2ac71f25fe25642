use crate::{Caution, Effect, Measurement, Verdict};

impl Caution {
    /// Whether this caution makes an arm's figures, compared with a baseline, untrustworthy: it is fatal, and about the
    /// arm, the baseline or the whole run.
    pub fn forbids(&self, arm: &str, baseline: &str) -> bool {
        let is_about = |name: &str| self.arms.iter().any(|known| known == name);
        self.fatal && (self.arms.is_empty() || is_about(arm) || is_about(baseline))
    }
}

impl Measurement {
    /// Name of the arm that the others are compared with; empty without arms.
    pub fn baseline(&self) -> &str {
        self.arms.first().map_or("", |arm| &arm.name)
    }

    /// Cautions that make the arm's figures, compared with the baseline, untrustworthy.
    pub fn vetoes(&self, arm: &str) -> impl Iterator<Item = &Caution> {
        self.cautions.iter().filter(move |caution| caution.forbids(arm, self.baseline()))
    }

    /// The same measurement with [`Verdict::NotToBeBelieved`] in place of the verdicts that its cautions forbid. This
    /// treats runs from before this rule like new ones.
    pub fn vetoed(mut self) -> Self {
        let baseline = self.baseline().to_owned();
        veto(&mut self.effects, &self.cautions, &baseline);
        if let Some(null) = &mut self.null {
            veto(&mut null.effects, &self.cautions, &baseline);
        }
        self
    }
}

/// Replaces the verdicts that cautions forbid in effects against a baseline.
pub(crate) fn veto(effects: &mut [Effect], cautions: &[Caution], baseline: &str) {
    let is_vetoed =
        |effect: &Effect| effect.verdict.is_some() && cautions.iter().any(|one| one.forbids(&effect.arm, baseline));
    for effect in effects.iter_mut().filter(|effect| is_vetoed(effect)) {
        // More rounds of the same kind would not be believed either.
        (effect.verdict, effect.rounds_needed) = (Some(Verdict::NotToBeBelieved), None);
    }
}

#[cfg(test)]
mod tests;
