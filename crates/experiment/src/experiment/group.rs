use measure::{FailIf, Scope};
use serde_saphyr::Spanned;
use topology::{Mistake, Named};

use super::{Arm, Experiment};

/// Arms that stand side by side at most, the baseline and its copy among them: their idle sidecars share the machine with
/// those under load.
const ARMS_MAX: usize = 6;

/// Arms that are run together, beside the baseline.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name, a DNS label.
    pub name: String,
    /// Names of its arms, without the baseline.
    pub arms: Vec<String>,
}

impl Experiment {
    /// What is run one after the other: an experiment for each group, or this one by itself.
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

    /// Whether a condition is one for this experiment: in others, too, stand arms that conditions name.
    pub fn is_about(&self, condition: &FailIf) -> bool {
        match &condition.scope {
            Scope::Every => true,
            Scope::Arm(arm) | Scope::Beside { arm, .. } => self.standing().iter().any(|known| known.name == *arm),
        }
    }
}

/// The groups of a file: each arm but the baseline stands in one at least.
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
            let what = format!("arm `{}` is in no group and would never stand", arm.name);
            Err(Mistake::at(groups.referenced, what, "name it in a group, or leave it out of `arms:`"))
        }
        None => Ok(read),
    }
}

fn group_of(name: &Spanned<String>, written: &[Spanned<String>], arms: &[Arm], null: bool) -> Result<Group, Mistake> {
    if !super::arm::is_dns_label(&name.value) {
        let what = format!("`{}` is no name for a group", name.value);
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
        return Err(Mistake::at(arm.referenced, what, "name arms of `arms:` beside the baseline, each once"));
    }
    let standing = 1 + written.len() + usize::from(null);
    if written.is_empty() || standing > ARMS_MAX {
        let what = format!("{standing} arms would stand in group `{}`", name.value);
        let hint = format!("let 2 to {ARMS_MAX} stand at once, the baseline and its copy among them");
        return Err(Mistake::at(name.referenced, what, hint));
    }
    Ok(Group { name: name.value.clone(), arms: written.iter().map(|arm| arm.value.clone()).collect() })
}

#[cfg(test)]
mod tests;
