use std::process::ExitCode;

use anyhow::Context;
use lab::{Leftover, Trees};

use crate::failure::{Failure, Hint};
use crate::needs;
use crate::output::say;

/// `meshtax clean`: removes all that is marked with an id that no process holds, kept labs included.
pub fn clean(id: Option<&str>) -> Result<ExitCode, Failure> {
    needs::root()?;
    let trees = Trees::discover()?;
    let found = lab::leftovers().context("cannot look for leftovers")?;
    let wanted: Vec<Leftover> = found.into_iter().filter(|leftover| id.is_none_or(|id| leftover.id == id)).collect();
    match (wanted.is_empty(), id) {
        (true, Some(id)) => {
            return Err(Failure::new(
                format!("no lab with the id `{id}` was left behind"),
                "end a run that is under way with Ctrl-C; `ls /run/meshtax` shows the ids of labs that stand",
            ));
        }
        (true, None) => say("nothing to remove"),
        _ => wanted.iter().try_for_each(|leftover| remove(leftover, &trees))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes what killed runs left behind, before a run starts. Labs that were kept on purpose stay.
pub fn sweep(trees: &Trees) -> Result<(), Failure> {
    let found = lab::leftovers().context("cannot look for leftovers")?;
    found.iter().filter(|leftover| !leftover.kept).try_for_each(|leftover| remove(leftover, trees))
}

fn remove(leftover: &Leftover, trees: &Trees) -> Result<(), Failure> {
    let id = &leftover.id;
    lab::remove(id, trees)
        .with_context(|| format!("cannot remove the lab with the id `{id}`"))
        .hint("run `meshtax clean` again; if it persists, something outside the lab uses its namespaces")?;
    say(&format!("removed lab {id}"));
    Ok(())
}
