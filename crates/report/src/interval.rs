use measure::{Effect, ROUNDS_EXACT};

use crate::figure::{change, difference};

/// What stands before an approximate interval, and nowhere else.
const APPROXIMATE: &str = "~[";

/// The change of an effect in percent with its interval, as far as it has them: `+210 % [198, 223]`.
pub(crate) fn change_of(effect: &Effect) -> Option<String> {
    Some(marked(change(effect.ratio?, effect.ratio_ci95), effect.units))
}

/// The difference of an effect with its interval, as far as it has them: `+4.21 ms [4.02, 4.40]`.
pub(crate) fn difference_of(effect: &Effect, unit: &str) -> Option<String> {
    Some(marked(difference(effect.difference?, effect.difference_ci95, unit), effect.units))
}

/// An estimate whose interval bears a mark where so few units are behind it that it is approximate: `+2 % ~[1, 3]`.
pub(crate) fn marked(estimate: String, units: Option<u32>) -> String {
    if is_approximate(units) { estimate.replacen('[', APPROXIMATE, 1) } else { estimate }
}

/// Whether so few units are too few to see how far they are from normal.
pub(crate) fn is_approximate(units: Option<u32>) -> bool {
    units.is_some_and(|units| (units as usize) < ROUNDS_EXACT)
}

/// What the mark means, where it is in `text`: fewer than ten of `units`.
pub(crate) fn mark_meaning(text: &str, units: &str) -> Option<String> {
    text.contains(APPROXIMATE).then(|| format!("~[low, high] approximate: fewer than {ROUNDS_EXACT} {units}"))
}
