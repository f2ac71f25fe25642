mod markdown;

use measure::{Arm, Aspect, Comparison, Difference, Effect, Failures, Measurement, Metric};

pub use markdown::runs_markdown;

use crate::caution::{cautions, warnings};
use crate::comparison::{effect_cell, value_cells};
use crate::figure::{change, count};
use crate::gap::{MissingCell, ONE_STAND};
use crate::grid::{GridColumn, grid};
use crate::group::{GROUPS, groups};
use crate::interval::mark_meaning;
use crate::paragraph::paragraph;
use crate::verdict::{judged, margin};

/// The units of intervals that compare two runs.
const UNITS: &str = "rounds or stand-ups in one of the runs";

/// Two runs side by side as text of 80 columns without colour: differences between them, verdicts, each arm's cost over
/// its own baseline, every metric of every arm that both have, and cautions.
pub fn runs(comparison: &Comparison) -> String {
    let Comparison { a, b, .. } = comparison;
    let heading = paragraph(&format!("A: {}", subject(a)), 3) + &paragraph(&format!("B: {}", subject(b)), 3);
    let shared = a.arms.iter().filter_map(|arm| Some((arm, b.arms.iter().find(|other| other.name == arm.name)?)));
    let tables: Vec<String> = shared.map(|(arm, other)| table(arm, other, &comparison.effects)).collect();
    let tables = tables.join("\n");
    let overheads = overheads(comparison);
    let legend = meaning(comparison) + &legend(&format!("{overheads}{tables}"));
    let sections = [
        heading,
        warnings(&comparison.cautions),
        differences(&comparison.differences),
        judged("Verdicts, B vs A", &comparison.effects, None) + &margin(&comparison.effects),
        verdicts_beside(comparison),
        overheads,
        tables,
        failures(&comparison.failures),
        legend,
        cautions(&comparison.cautions),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

fn subject(run: &Measurement) -> String {
    let experiment = &run.experiment;
    let arms: Vec<&str> = run.arms.iter().map(|arm| arm.name.as_str()).collect();
    format!(
        "{}, {}, arms {}, started {}",
        experiment.name,
        count(experiment.rounds.into(), "round"),
        arms.join(", "),
        run.environment.started
    )
}

fn differences(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "Topology, load and environment are the same.\n".to_owned();
    }
    let heading = ["What differs", "A", "B"].map(str::to_owned).to_vec();
    let row = |found: &Difference| {
        vec![format!("  {}: {}", aspect(found.aspect), found.name), found.a.clone(), found.b.clone()]
    };
    grid(&[GridColumn::LEFT, GridColumn::LEFT], std::iter::once(heading).chain(differences.iter().map(row)))
}

/// The verdicts on how each arm's cost over the baseline changed.
fn verdicts_beside(comparison: &Comparison) -> String {
    let base = comparison.a.arms.first().map_or("", |base| &base.name);
    judged(&format!("Verdicts beside `{base}`"), &comparison.overheads, None)
}

fn failures(failures: &[Failures]) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let heading = ["Failed requests", "A", "B"].map(str::to_owned).to_vec();
    let row = |failed: &Failures| {
        vec![format!("  {}: {}", failed.arm, failed.kind), failed.a.to_string(), failed.b.to_string()]
    };
    grid(&[GridColumn::RIGHT, GridColumn::RIGHT], std::iter::once(heading).chain(failures.iter().map(row)))
}

fn aspect(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Topology => "topology",
        Aspect::Load => "load",
        Aspect::Arms => "arms",
        Aspect::Environment => "environment",
    }
}

/// Each arm's cost over its baseline in both runs, in the primary metrics, and how much it changed.
fn overheads(comparison: &Comparison) -> String {
    let Some(base) = comparison.a.arms.first().filter(|_| !comparison.overheads.is_empty()) else {
        return String::new();
    };
    let heading = [format!("Cost beside `{}`", base.name), "A".to_owned(), "B".to_owned(), "B vs A".to_owned()];
    let mut rows = vec![heading.to_vec()];
    let mut arm = "";
    for overhead in &comparison.overheads {
        let Some(metric) = Metric::PRIMARY.into_iter().find(|metric| metric.name() == overhead.metric) else {
            continue;
        };
        if arm != overhead.arm {
            arm = &overhead.arm;
            rows.push(vec![arm.to_owned()]);
        }
        let cost = |run| cost(run, overhead).unwrap_or_else(|| MissingCell::Figure.mark().to_owned());
        let costs = [cost(&comparison.a), cost(&comparison.b)];
        rows.push(vec![
            format!("  {}", label(metric)),
            costs[0].clone(),
            costs[1].clone(),
            effect_cell(Some(overhead), metric),
        ]);
    }
    grid(&[GridColumn::RIGHT, GridColumn::RIGHT, GridColumn::LEFT], rows)
}

fn cost(run: &Measurement, overhead: &Effect) -> Option<String> {
    let effect = run.effects.iter().find(|effect| effect.arm == overhead.arm && effect.metric == overhead.metric)?;
    Some(change(effect.ratio?, None))
}

/// The label of a metric's row in the tables, after the name of its group.
fn label(metric: Metric) -> String {
    let groups = GROUPS.iter().flat_map(|(group, rows)| rows.iter().map(move |row| (*group, row)));
    let place = groups.into_iter().find(|(_, (_, known))| *known == metric);
    place.map_or_else(|| metric.name().to_owned(), |(group, (row, _))| format!("{group} {row}"))
}

/// One arm in both runs.
fn table(a: &Arm, b: &Arm, effects: &[Effect]) -> String {
    let header = [a.name.as_str(), "A", "", "B", "", "B vs A"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (group, metrics) in groups(&[a, b]) {
        rows.push(vec![group.to_owned()]);
        for (label, metric) in metrics {
            let effect = effects.iter().find(|effect| effect.arm == a.name && effect.metric == metric.name());
            let label =
                if metric.unit() == "1" { format!("  {label}") } else { format!("  {label}, {}", metric.unit()) };
            let cells = value_cells(a, metric).into_iter().chain(value_cells(b, metric));
            rows.push(std::iter::once(label).chain(cells).chain([effect_cell(effect, metric)]).collect());
        }
    }
    grid(&[GridColumn::RIGHT, GridColumn::BESIDE, GridColumn::RIGHT, GridColumn::BESIDE, GridColumn::LEFT], rows)
}

/// Says what is compared in the table of costs.
fn meaning(comparison: &Comparison) -> String {
    match comparison.a.arms.first().filter(|_| !comparison.overheads.is_empty()) {
        Some(base) => paragraph(
            &format!(
                "Cost beside `{}`: B vs A compares the ratios to it, so that what changed for all arms alike, such as a \
                 faster machine, cancels",
                base.name
            ),
            2,
        ),
        None => String::new(),
    }
}

/// The meaning of the signs that appear in the tables.
fn legend(tables: &str) -> String {
    let mut legend = String::new();
    if tables.contains('±') {
        legend += &paragraph(
            "± standard deviation over blocks or windows; none for totals, maxima, and quantiles that a block has too few requests \
             for",
            2,
        );
    }
    if tables.contains('[') {
        legend += &paragraph(
            "[low, high] 95 % interval by Welch's t, rounds unpaired; quantiles are those of all blocks together. It includes \
             what varied within the runs, and nothing that changed between them",
            2,
        );
    }
    legend += &mark_meaning(tables, UNITS).map_or_else(String::new, |meaning| paragraph(&meaning, 2));
    let gaps = [
        (MissingCell::Figure, "no figure: too few samples"),
        (MissingCell::Interval, "no interval: a run has too few rounds or windows"),
        (MissingCell::Maximum, "no interval: a maximum over rounds"),
        (MissingCell::OneStand, ONE_STAND),
    ];
    for (gap, reason) in gaps.into_iter().filter(|(gap, _)| tables.contains(gap.mark())) {
        legend += &paragraph(&format!("{} {reason}", gap.mark()), 2);
    }
    legend
}
