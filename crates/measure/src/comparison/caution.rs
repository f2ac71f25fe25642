use super::{Aspect, Difference, Failures};
use crate::{Caution, Measurement, Metric};

/// From this difference between the shares of failed requests on, the latencies of two runs are not comparable.
const ERRORS_FATAL: f64 = 0.01;

/// Warnings about the validity of a comparison, the fatal ones first.
pub(super) fn cautions(
    a: &Measurement,
    b: &Measurement,
    differences: &[Difference],
    failures: &[Failures],
) -> Vec<Caution> {
    let of_runs =
        [("A", a), ("B", b)].into_iter().flat_map(|(name, run)| [interrupted(name, run), doubtful(name, run)]);
    let of_both = [
        not_comparable(differences),
        other_contract(a, b),
        other_baseline(a, b),
        other_environment(differences),
        stand_ups(),
    ];
    of_both.into_iter().chain(uneven(a, b, failures)).chain(of_runs).flatten().collect()
}

/// Warns about the two runs' stand-ups, in every comparison, because intervals over blocks do not include them.
fn stand_ups() -> Option<Caution> {
    let text = "each run set up its own lab: the placement of addresses, memory and processes differs between stand-ups, and \
                intervals over blocks do not include this; believe a change of a few percent only if further pairs of runs \
                also show it";
    caution("stand_ups", false, text.to_owned())
}

/// Warns about arms whose share of failed requests differs between the runs; fatal from one request in a hundred on.
fn uneven(a: &Measurement, b: &Measurement, failures: &[Failures]) -> Vec<Option<Caution>> {
    let mut arms: Vec<&str> = failures.iter().map(|failed| failed.arm.as_str()).collect();
    arms.dedup();
    arms.into_iter().map(|arm| uneven_in(a, b, failures, arm)).collect()
}

fn uneven_in(a: &Measurement, b: &Measurement, failures: &[Failures], arm: &str) -> Option<Caution> {
    let of_arm = || failures.iter().filter(|failed| failed.arm == arm);
    let failed = [of_arm().map(|failed| failed.a).sum::<u64>(), of_arm().map(|failed| failed.b).sum()];
    let asked = [a, b].map(|run| requests(run, arm).unwrap_or(0.0).max(1.0));
    let [share_a, share_b] = [0, 1].map(|n| failed[n] as f64 / asked[n]);
    if share_a == share_b {
        return None;
    }
    let text = format!(
        "in arm `{arm}`, {} of {} requests failed in A, {} of {} in B: no latency includes them, and a run that fails early \
         looks fast;  see the logs in the run folders",
        failed[0], asked[0], failed[1], asked[1]
    );
    Some(caution("errors_uneven", (share_a - share_b).abs() >= ERRORS_FATAL, text)?.about([arm]))
}

fn requests(run: &Measurement, arm: &str) -> Option<f64> {
    run.arms.iter().find(|known| known.name == arm)?.metrics.get(Metric::Requests.name())?.value
}

fn caution(kind: &str, fatal: bool, text: String) -> Option<Caution> {
    Some(Caution { kind: kind.to_owned(), text, fatal, ..Caution::default() })
}

fn not_comparable(differences: &[Difference]) -> Option<Caution> {
    let facts = facts(differences, Aspect::is_essential)?;
    let means = "their figures answer different questions; compare runs of the same topology and load";
    caution("not_comparable", true, format!("the runs differ in {facts}: {means}"))
}

/// Warns about runs of different contracts: a figure of the same name may mean something else.
fn other_contract(a: &Measurement, b: &Measurement) -> Option<Caution> {
    if a.schema == b.schema {
        return None;
    }
    let text = format!(
        "A was recorded as `{}` and B as `{}`: the meaning of some figures changed between them, which alone may explain a \
         difference; see the changelog, or make both runs with the same meshtax",
        a.schema, b.schema
    );
    caution("other_contract", false, text)
}

/// Warns about runs with different baselines: they have no overheads to compare, and their arms mean different things.
fn other_baseline(a: &Measurement, b: &Measurement) -> Option<Caution> {
    let [base_a, base_b] = [a.baseline(), b.baseline()];
    if base_a == base_b {
        return None;
    }
    let has = |run: &Measurement, name: &str| run.arms.iter().any(|arm| arm.name == name);
    let swapped = if has(a, base_b) && has(b, base_a) { ": the baselines are swapped" } else { "" };
    let text = format!(
        "the baseline is `{base_a}` in A and `{base_b}` in B{swapped}, so the arms' costs over it cannot be compared; name the \
         same arm first in both experiments"
    );
    caution("other_baseline", false, text)
}

fn other_environment(differences: &[Difference]) -> Option<Caution> {
    let facts = facts(differences, |aspect| aspect == Aspect::Environment)?;
    let means = "that alone may make their arms differ; trust each arm's cost over its own baseline more than its own \
                 figures";
    caution("other_environment", false, format!("the runs differ in {facts}: {means}"))
}

/// The names of differences in the wanted aspects; `None` if there are none.
fn facts(differences: &[Difference], wanted: impl Fn(Aspect) -> bool) -> Option<String> {
    let names: Vec<&str> =
        differences.iter().filter(|found| wanted(found.aspect)).map(|found| found.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn interrupted(name: &str, run: &Measurement) -> Option<Caution> {
    if run.experiment.complete {
        return None;
    }
    caution("interrupted", false, format!("run {name} was interrupted: it has fewer rounds than were asked for"))
}

fn doubtful(name: &str, run: &Measurement) -> Option<Caution> {
    if run.cautions.is_empty() {
        return None;
    }
    let kinds = |fatal: bool| {
        let mut kinds: Vec<&str> =
            run.cautions.iter().filter(|one| one.fatal || !fatal).map(|one| one.kind.as_str()).collect();
        kinds.dedup();
        kinds.join(", ")
    };
    let read = "read its report before this one";
    if !run.cautions.iter().any(|one| one.fatal) {
        return caution(
            "cautions_of_run",
            false,
            format!("run {name} has cautions of its own: {}; {read}", kinds(false)),
        );
    }
    let text = format!(
        "run {name} has cautions of its own: {}; because of {} its numbers are not to be believed; {read}",
        kinds(false),
        kinds(true)
    );
    Some(caution("cautions_of_run", true, text)?.about(doubted(run)))
}

/// The arms that a run's fatal cautions are about. Empty if they are about the baseline or the whole run, and so about
/// all arms.
fn doubted(run: &Measurement) -> Vec<&str> {
    let fatal = || run.cautions.iter().filter(|one| one.fatal);
    // No arm has an empty name, so this asks about the baseline alone.
    if fatal().any(|one| one.forbids("", run.baseline())) {
        return Vec::new();
    }
    fatal().flat_map(|one| one.arms.iter().map(String::as_str)).collect()
}
