use measure::{Effect, ROUNDS_EXACT};

use crate::figure::{change, difference};

/// The sign of an approximate interval, which appears nowhere else.
const APPROXIMATE: &str = "~[";

/// The change of an effect in percent and its interval, if it has them: `+210 % [198, 223]`.
pub(crate) fn change_of(effect: &Effect) -> Option<String> {
    Some(marked(change(effect.ratio?, effect.ratio_ci95), effect.units))
}

/// The difference of an effect and its interval, if it has them: `+4.21 ms [4.02, 4.40]`.
pub(crate) fn difference_of(effect: &Effect, unit: &str) -> Option<String> {
    Some(marked(difference(effect.difference?, effect.difference_ci95, unit), effect.units))
}

/// An estimate with its interval, which is marked as approximate if it has too few units: `+2 % ~[1, 3]`.
pub(crate) fn marked(estimate: String, units: Option<u32>) -> String {
    if is_approximate(units) { estimate.replacen('[', APPROXIMATE, 1) } else { estimate }
}

/// Whether an interval over this many units is approximate.
pub(crate) fn is_approximate(units: Option<u32>) -> bool {
    units.is_some_and(|units| (units as usize) < ROUNDS_EXACT)
}

/// The meaning of the mark, if `text` contains it: fewer than ten of `units`.
pub(crate) fn mark_meaning(text: &str, units: &str) -> Option<String> {
    text.contains(APPROXIMATE).then(|| format!("~[low, high] approximate: fewer than {ROUNDS_EXACT} {units}"))
}
