use measure::{FailIf, Scope};
use serde_saphyr::Spanned;
use topology::{Mistake, Named};

use super::{Arm, Experiment};

/// The most arms that stand at the same time, including the baseline and its copy: idle sidecars share the machine with
/// those under load.
const ARMS_MAX: usize = 6;

/// Arms that run together with the baseline.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name of the group, a DNS label.
    pub name: String,
    /// Names of its arms, without the baseline.
    pub arms: Vec<String>,
}

impl Experiment {
    /// The runs of this experiment, one after the other: one for each group, or the experiment itself.
    pub fn in_groups(self) -> Vec<(Option<String>, Experiment)> {
        if self.groups.is_empty() {
            return vec![(None, self)];
        }
        let of_group = |group: &Group| {
            let belongs = |arm: &Arm| arm.name == self.arms[0].name || group.arms.contains(&arm.name);
            let arms = self.arms.iter().filter(|arm| belongs(arm)).cloned().collect();
            let name = format!("{}/{}", self.name, group.name);
            (Some(group.name.clone()), Experiment { name, arms, groups: Vec::new(), ..self.clone() })
        };
        self.groups.iter().map(of_group).collect()
    }

    /// Whether a condition applies to this experiment. Conditions may name arms of other groups.
    pub fn is_about(&self, condition: &FailIf) -> bool {
        match &condition.scope {
            Scope::Every => true,
            Scope::Arm(arm) | Scope::Beside { arm, .. } => self.standing().iter().any(|known| known.name == *arm),
        }
    }
}

/// The groups of a file. Each arm except the baseline is in at least one.
pub fn groups_of(
    groups: Option<&Spanned<Named<Vec<Spanned<String>>>>>,
    arms: &[Arm],
    null: bool,
) -> Result<Vec<Group>, Mistake> {
    let Some(groups) = groups else { return Ok(Vec::new()) };
    let read: Vec<Group> =
        groups.value.0.iter().map(|(name, of)| group_of(name, of, arms, null)).collect::<Result<_, _>>()?;
    let is_placed = |arm: &&Arm| !read.iter().any(|group| group.arms.contains(&arm.name));
    match arms.iter().skip(1).find(is_placed) {
        Some(arm) => {
            let what = format!("arm `{}` is in no group and would never run", arm.name);
            Err(Mistake::at(groups.referenced, what, "name it in a group, or leave it out of `arms:`"))
        }
        None => Ok(read),
    }
}

fn group_of(name: &Spanned<String>, written: &[Spanned<String>], arms: &[Arm], null: bool) -> Result<Group, Mistake> {
    if !super::arm::is_dns_label(&name.value) {
        let what = format!("`{}` is not a valid name for a group", name.value);
        return Err(Mistake::at(name.referenced, what, "use lower-case letters, digits and `-`, 30 at most"));
    }
    for (index, arm) in written.iter().enumerate() {
        let position = arms.iter().position(|known| known.name == arm.value);
        let twice = written[..index].iter().any(|other| other.value == arm.value);
        let what = match position {
            None => format!("no arm is called `{}`", arm.value),
            Some(0) => format!("`{}` is the baseline, which stands in every group", arm.value),
            Some(_) if twice => format!("arm `{}` is named twice", arm.value),
            Some(_) => continue,
        };
        return Err(Mistake::at(arm.referenced, what, "name arms of `arms:` other than the baseline, each once"));
    }
    let standing = 1 + written.len() + usize::from(null);
    if written.is_empty() || standing > ARMS_MAX {
        let what = format!("{standing} arms would stand in group `{}`", name.value);
        let hint = format!("a group can have 2 to {ARMS_MAX} arms, including the baseline and its copy");
        return Err(Mistake::at(name.referenced, what, hint));
    }
    Ok(Group { name: name.value.clone(), arms: written.iter().map(|arm| arm.value.clone()).collect() })
}

#[cfg(test)]
mod tests;
