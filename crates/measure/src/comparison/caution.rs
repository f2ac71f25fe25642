use super::{Aspect, Difference, Failures};
use crate::{Caution, Measurement, Metric};

/// From this difference between the shares of failed requests on, latencies of two runs are not comparable.
const ERRORS_FATAL: f64 = 0.01;

/// Warnings about the validity of a comparison, those that forbid it first.
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

/// Intervals over blocks cannot know it, so it is said of every two runs.
fn stand_ups() -> Option<Caution> {
    let text = "the runs stood up their labs anew: where addresses, memory and processes fell differs between stand-ups and \
                stays for as long as one stands, and intervals over blocks hold nothing of it; a change of a few percent \
                is to be believed when further pairs of runs show it too";
    caution("stand_ups", false, text.to_owned())
}

/// Arms that failed in one run more than in the other, by more than one request in a hundred or less.
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
        "of arm `{arm}`, {} of {} requests failed in A, {} of {} in B: they are in no latency, and a run that fails early \
         looks fast; see the logs in the run folders",
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
    let means = "their figures answer different questions; compare runs of one topology under one load";
    caution("not_comparable", true, format!("the runs differ in {facts}: {means}"))
}

/// Figures of another contract may mean something else under the same name.
fn other_contract(a: &Measurement, b: &Measurement) -> Option<Caution> {
    if a.schema == b.schema {
        return None;
    }
    let text = format!(
        "A was recorded as `{}` and B as `{}`: what some figures mean changed between them, and what differs may be that alone; \
         see the changelog, or run both with one meshtax",
        a.schema, b.schema
    );
    caution("other_contract", false, text)
}

/// Runs with other baselines have no overheads to compare, and the arms of both mean different things.
fn other_baseline(a: &Measurement, b: &Measurement) -> Option<Caution> {
    let [base_a, base_b] = [a.baseline(), b.baseline()];
    if base_a == base_b {
        return None;
    }
    let has = |run: &Measurement, name: &str| run.arms.iter().any(|arm| arm.name == name);
    let swapped = if has(a, base_b) && has(b, base_a) { ": the baselines are swapped" } else { "" };
    let text = format!(
        "the baseline is `{base_a}` in A and `{base_b}` in B{swapped}, so that what arms cost beside it cannot be compared; name \
         the same arm first in both experiments"
    );
    caution("other_baseline", false, text)
}

fn other_environment(differences: &[Difference]) -> Option<Caution> {
    let facts = facts(differences, |aspect| aspect == Aspect::Environment)?;
    let means = "their arms may differ for that reason alone; trust what each arm costs beside its own baseline more than \
                 the arms themselves";
    caution("other_environment", false, format!("the runs differ in {facts}: {means}"))
}

/// The names of what differs in such aspects; none if nothing does.
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

/// Arms of a run that its fatal cautions are about; none where they are about the baseline or the run, and so about all.
fn doubted(run: &Measurement) -> Vec<&str> {
    let fatal = || run.cautions.iter().filter(|one| one.fatal);
    // A name that no arm has stands for the question about the baseline alone.
    if fatal().any(|one| one.forbids("", run.baseline())) {
        return Vec::new();
    }
    fatal().flat_map(|one| one.arms.iter().map(String::as_str)).collect()
}
