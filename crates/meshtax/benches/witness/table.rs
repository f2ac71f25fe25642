//! Effects as lines, compared with goals.

use measure::{Effect, Measured, Metric};

/// Relative change within which arms count as equivalent.
pub const MARGIN: f64 = 0.01;
/// The arms that the goals apply to: those whose programs do not run for every packet.
const WATCHED: [&str; 2] = ["witness", "ebpf"];

/// A metric, its name in a line, and the most that watching may add to it, if there is a goal.
pub struct Row {
    pub metric: Metric,
    pub name: &'static str,
    pub goal: Option<f64>,
}

/// Prints a line for each row and arm. Returns the goals that were missed.
///
/// A goal is missed if the whole interval lies beyond it. What this machine cannot resolve is printed, but is not a
/// failure.
pub fn print(measured: &Measured, rows: &[Row]) -> Vec<String> {
    print_effects(measured.effects.iter().chain(measured.null.iter().flat_map(|null| &null.effects)), rows)
}

/// Prints the same for effects from elsewhere.
pub fn print_effects<'a>(effects: impl Iterator<Item = &'a Effect> + Clone, rows: &[Row]) -> Vec<String> {
    let lines = rows.iter().flat_map(|row| {
        effects.clone().filter(|effect| effect.metric == row.metric.name()).filter_map(|effect| line(row, effect))
    });
    lines.collect()
}

/// Prints a line. Returns the goal if it was missed.
fn line(row: &Row, effect: &Effect) -> Option<String> {
    let (Some(ratio), Some([low, high])) = (effect.ratio, effect.ratio_ci95) else {
        println!("{:<26} {:<8} too few rounds or samples", row.name, effect.arm);
        return None;
    };
    let [change, least, most] = [ratio, low, high].map(|ratio| (ratio - 1.0) * 100.0);
    let goal = row.goal.filter(|_| WATCHED.contains(&effect.arm.as_str()));
    let told =
        goal.map(|goal| format!("; goal: at most {:.0} %, {}", goal * 100.0, held(row.metric, [low, high], goal)));
    println!(
        "{:<26} {:<8} {change:>+7.2} % [{least:>+6.2}, {most:>+6.2}]  {}{}",
        row.name,
        effect.arm,
        equivalence([low, high]),
        told.unwrap_or_default()
    );
    let is_missed = goal.is_some_and(|goal| cost(row.metric, [low, high])[0] > 1.0 + goal);
    is_missed.then(|| format!("{}: {} {change:+.2} % [{least:+.2}, {most:+.2}]", row.name, effect.arm))
}

fn equivalence([low, high]: [f64; 2]) -> &'static str {
    if low >= 1.0 / (1.0 + MARGIN) && high <= 1.0 + MARGIN {
        "equivalent"
    } else if low > 1.0 || high < 1.0 {
        "differs"
    } else {
        "not resolved"
    }
}

fn held(metric: Metric, interval: [f64; 2], goal: f64) -> &'static str {
    let [low, high] = cost(metric, interval);
    if high <= 1.0 + goal {
        "held"
    } else if low > 1.0 + goal {
        "missed"
    } else {
        "not resolved"
    }
}

/// The interval as a factor of cost. Fewer requests in the same time cost more.
fn cost(metric: Metric, [low, high]: [f64; 2]) -> [f64; 2] {
    if metric == Metric::Requests { [1.0 / high, 1.0 / low] } else { [low, high] }
}
