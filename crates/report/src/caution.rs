use measure::Caution;

use crate::paragraph::paragraph;

/// The words before a fatal caution.
pub(crate) const FATAL: &str = "do not trust these numbers";

/// The fatal cautions, in lines of at most 80 columns. They stand above the answer.
pub fn warnings(cautions: &[Caution]) -> String {
    fatal(cautions).map(|one| paragraph(&format!("caution {}: {FATAL}: {}", one.kind, one.text), 2)).collect()
}

/// The other cautions, in lines of at most 80 columns.
pub(crate) fn cautions(cautions: &[Caution]) -> String {
    let others = cautions.iter().filter(|caution| !caution.fatal);
    others.map(|one| paragraph(&format!("caution {}: {}", one.kind, one.text), 2)).collect()
}

/// The cautions because of which figures are not to be believed.
pub(crate) fn fatal(cautions: &[Caution]) -> impl Iterator<Item = &Caution> {
    cautions.iter().filter(|caution| caution.fatal)
}
