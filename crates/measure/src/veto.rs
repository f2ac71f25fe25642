use crate::{Caution, Effect, Measurement, Verdict};

impl Caution {
    /// Whether what an arm shows beside a baseline is not to be believed because of this caution: it is fatal, and about the
    /// arm, the baseline or the whole run.
    pub fn forbids(&self, arm: &str, baseline: &str) -> bool {
        let is_about = |name: &str| self.arms.iter().any(|known| known == name);
        self.fatal && (self.arms.is_empty() || is_about(arm) || is_about(baseline))
    }
}

impl Measurement {
    /// Name of the arm that the others are compared with; empty where there is no arm.
    pub fn baseline(&self) -> &str {
        self.arms.first().map_or("", |arm| &arm.name)
    }

    /// Cautions because of which what an arm shows beside the baseline is not to be believed.
    pub fn vetoes(&self, arm: &str) -> impl Iterator<Item = &Caution> {
        self.cautions.iter().filter(move |caution| caution.forbids(arm, self.baseline()))
    }

    /// The same measurement without the verdicts that its cautions forbid: [`Verdict::NotToBeBelieved`] stands in their place.
    /// Runs that were recorded before cautions could veto a verdict get the same treatment as new ones.
    pub fn vetoed(mut self) -> Self {
        let baseline = self.baseline().to_owned();
        veto(&mut self.effects, &self.cautions, &baseline);
        if let Some(null) = &mut self.null {
            veto(&mut null.effects, &self.cautions, &baseline);
        }
        self
    }
}

/// Takes the verdicts that cautions forbid from effects beside a baseline.
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
