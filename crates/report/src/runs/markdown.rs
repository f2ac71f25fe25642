use measure::{Arm, Comparison, Difference, Effect, Failures, Metric};

use super::{UNITS, aspect, cost, label, subject};
use crate::comparison::effect_cell;
use crate::group::groups;
use crate::interval::mark_meaning;
use crate::markdown::{cautions, escaped, plain, table, title, told, value, warnings};
use crate::verdict::{margin, spelled};

/// Two runs side by side as Markdown for a pull request: the primary metrics with their verdicts, differences between
/// the runs, cautions, and everything else folded away.
pub fn runs_markdown(comparison: &Comparison) -> String {
    let Comparison { a, b, .. } = comparison;
    let shared: Vec<(&Arm, &Arm)> =
        a.arms.iter().filter_map(|arm| Some((arm, b.arms.iter().find(|other| other.name == arm.name)?))).collect();
    let head = vec![
        format!("### meshtax: {} against {}", escaped(&b.experiment.name), escaped(&a.experiment.name)),
        format!("- A: {}\n- B: {}", plain(&subject(a)), plain(&subject(b))),
        warnings(&comparison.cautions),
        differences(&comparison.differences),
    ];
    let parts = [
        head,
        shared.iter().map(|arms| primary(*arms, &comparison.effects)).collect(),
        vec![overheads(comparison), margin(&comparison.effects).trim_end().to_owned(), failures(&comparison.failures)],
        vec![cautions(&comparison.cautions)],
        shared.iter().map(|arms| folded(*arms, &comparison.effects)).collect(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let parts = parts.join("\n\n");
    let marks = mark_meaning(&parts, UNITS).map_or_else(String::new, |meaning| format!("; {meaning}"));
    format!("{parts}\n\n{}\n", origin(&marks))
}

fn differences(differences: &[Difference]) -> String {
    let header = ["What differs", "A", "B"].map(str::to_owned).to_vec();
    let row = |found: &Difference| {
        vec![format!("{}: {}", aspect(found.aspect), found.name), found.a.clone(), found.b.clone()]
    };
    if differences.is_empty() { String::new() } else { table(header, differences.iter().map(row)) }
}

/// The primary metrics of one arm.
fn primary((a, b): (&Arm, &Arm), effects: &[Effect]) -> String {
    let header = [&a.name, "A", "B", "B vs A", "verdict"].map(str::to_owned).to_vec();
    let rows = Metric::PRIMARY.into_iter().map(|metric| {
        let effect = find(effects, &a.name, metric);
        vec![title(metric), value(a, metric), value(b, metric), told(effect_cell(effect, metric)), verdict(effect)]
    });
    table(header, rows)
}

/// Each arm's cost over its baseline in both runs.
fn overheads(comparison: &Comparison) -> String {
    let Some(base) = comparison.a.arms.first().filter(|_| !comparison.overheads.is_empty()) else {
        return String::new();
    };
    let header = [&format!("Cost beside {}", base.name), "A", "B", "B vs A", "verdict"].map(str::to_owned).to_vec();
    let judged = comparison.overheads.iter().filter_map(|overhead| {
        let metric = Metric::PRIMARY.into_iter().find(|metric| metric.name() == overhead.metric)?;
        let [a, b] = [&comparison.a, &comparison.b].map(|run| cost(run, overhead).unwrap_or_default());
        let name = format!("{}: {}", overhead.arm, label(metric));
        Some(vec![name, a, b, told(effect_cell(Some(overhead), metric)), verdict(Some(overhead))])
    });
    table(header, judged)
}

fn failures(failures: &[Failures]) -> String {
    let header = ["Failed requests", "A", "B"].map(str::to_owned).to_vec();
    let row = |failed: &Failures| {
        vec![format!("{}: {}", failed.arm, failed.kind), failed.a.to_string(), failed.b.to_string()]
    };
    if failures.is_empty() { String::new() } else { table(header, failures.iter().map(row)) }
}

fn folded((a, b): (&Arm, &Arm), effects: &[Effect]) -> String {
    let header = ["", "A", "B", "B vs A"].map(str::to_owned).to_vec();
    let metrics = groups(&[a, b])
        .into_iter()
        .flat_map(|(group, metrics)| metrics.into_iter().map(move |(label, metric)| (group, label, metric)));
    let rows = metrics.map(|(group, label, metric)| {
        let unit = if metric.unit() == "1" { String::new() } else { format!(", {}", metric.unit()) };
        let cell = told(effect_cell(find(effects, &a.name, metric), metric));
        vec![format!("{group}: {}{unit}", label.trim()), value(a, metric), value(b, metric), cell]
    });
    let table = table(header, rows);
    format!("<details><summary>Every metric of {} in B against A</summary>\n\n{table}\n\n</details>", a.name)
}

fn find<'a>(effects: &'a [Effect], arm: &str, metric: Metric) -> Option<&'a Effect> {
    effects.iter().find(|effect| effect.arm == arm && effect.metric == metric.name())
}

fn verdict(effect: Option<&Effect>) -> String {
    effect.and_then(|effect| effect.verdict).map_or_else(String::new, |verdict| spelled(verdict).to_owned())
}

/// How to read intervals and their `marks`.
fn origin(marks: &str) -> String {
    format!(
        "<sub>[low, high] is a 95 % interval by Welch's t, rounds unpaired; quantiles are those of all blocks together. It \
         includes what varied within the runs, and nothing that changed between them{marks}.</sub>"
    )
}
