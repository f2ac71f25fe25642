//! The options of an arm's sidecars, set one after the other as the table of keys says.

use plane::Sidecar;
use serde_saphyr::Spanned;
use topology::{Mistake, one_of};

use super::file::{ArmFile, OptionFile, OptionValue};
use super::key::{Number, Words};

/// The options of an arm's sidecars: as written, else the preset's, else the defaults.
pub fn sidecar_of(arm: &ArmFile) -> Result<Sidecar, Mistake> {
    let mut sidecar = Sidecar::default();
    let (bases, others) = arm.options.iter().partition::<Vec<_>, _>(|option| option.key.base.is_some());
    for option in bases.into_iter().chain(others) {
        set(&mut sidecar, option)?;
        if let Some(base) = option.key.base {
            base(&mut sidecar);
        }
    }
    contradiction(arm, &sidecar).map_or(Ok(sidecar), Err)
}

fn set(sidecar: &mut Sidecar, option: &OptionFile) -> Result<(), Mistake> {
    match &option.value {
        OptionValue::Word(word, words) => set_word(sidecar, word, *words),
        OptionValue::Number(number, range) => set_number(sidecar, number, range),
        OptionValue::Share(share, of) => {
            *of(sidecar) = share.value.0;
            Ok(())
        }
    }
}

fn set_word(sidecar: &mut Sidecar, word: &Spanned<String>, words: &dyn Words) -> Result<(), Mistake> {
    if words.set(sidecar, &word.value) {
        return Ok(());
    }
    let what = format!("`{}` is not possible here", word.value.escape_debug());
    Err(Mistake::at(word.referenced, what, one_of(&word.value, &words.names(), "write one of")))
}

fn set_number(sidecar: &mut Sidecar, number: &Spanned<u32>, range: &Number) -> Result<(), Mistake> {
    let Number { things, least, most, of } = range;
    let field = of(sidecar);
    if !(*least..=*most).contains(&number.value) {
        let what = format!("{things} must be {least} to {most} (default {field}), got {}", number.value);
        return Err(Mistake::at(number.referenced, what, format!("write a number from {least} to {most}")));
    }
    *field = number.value;
    Ok(())
}

/// The first option that has no meaning together with the others.
fn contradiction(arm: &ArmFile, sidecar: &Sidecar) -> Option<Mistake> {
    let broken = |option: &OptionFile| {
        let need = option.key.need.as_ref().filter(|need| !(need.holds)(sidecar))?;
        Some(Mistake::at(option.place(), need.what, need.hint))
    };
    arm.options.iter().find_map(broken)
}

#[cfg(test)]
mod tests;
