//! Effects and their half-widths as rows of a Markdown table.

use measure::Effect;

/// The header row, and the line below it.
pub fn head(columns: &[&str]) {
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

/// Each effect ± the half-width of its interval.
pub fn effects(what: &str, rounds: u32, effects: &[Effect]) {
    let cell = |effect: &Effect| {
        let effect_percent = effect.ratio.map(|ratio| ratio.ln() * 100.0);
        match (effect_percent, half_width(effect)) {
            (Some(percent), Some(half)) => format!("{percent:+.2} ± {half:.2}"),
            (Some(percent), None) => format!("{percent:+.2}"),
            (None, _) => "–".to_owned(),
        }
    };
    println!("| {what} | {rounds} | {} |", effects.iter().map(cell).collect::<Vec<_>>().join(" | "));
}

/// The half-widths of `wide` over those of `narrow`.
pub fn ratios(what: &str, wide: &[Effect], narrow: &[Effect]) {
    let cell = |(wide, narrow)| match (half_width(wide), half_width(narrow)) {
        (Some(wide), Some(narrow)) => format!("{:.2}", wide / narrow),
        _ => "–".to_owned(),
    };
    println!("| {what} | {} |", wide.iter().zip(narrow).map(cell).collect::<Vec<_>>().join(" | "));
}

/// Half of the 95 % interval of the logarithm of the ratio, in percent.
pub fn half_width(effect: &Effect) -> Option<f64> {
    effect.ratio_ci95.map(|[low, high]| (high / low).ln() / 2.0 * 100.0)
}
