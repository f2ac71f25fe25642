//! Compares a sidecar's configuration from a live istiod with ours of the same pod, field by field. A difference that
//! is not listed fails, and so does an entry of the list that is no longer needed.
//!
//! The dumps in `tests/istio` are kept, most of them as differences from the first. `make test-kube` makes fresh ones
//! in a cluster of its own, and names their folder in `ISTIO_DUMPS`.

mod dump;
mod form;
mod permitted;
mod zoo;

use std::collections::BTreeSet;

use dump::Dump;
use form::lines;
use permitted::Permitted;

/// The result of comparing one pod of a dump with ours.
struct Compared {
    /// Number of Istio's lines.
    lines: usize,
    /// Permitted differences: for each line, the number of the entry that permits it.
    permitted: Vec<usize>,
    /// Differences that no entry permits.
    unlisted: Vec<String>,
}

fn compare(case: &zoo::Case, pod: &str, permitted: &[&Permitted]) -> Compared {
    let real = lines(&Dump::read(case.dump, pod).bootstrap());
    let ours = lines(&case.bootstrap(pod));
    assert!(real.len() > 500, "{} {pod}: the dump is nearly empty: {} lines", case.dump, real.len());
    let mut needed = Vec::new();
    let missing = real.difference(&ours).map(|line| format!("- {line}"));
    let added = ours.difference(&real).map(|line| format!("+ {line}"));
    let mut unlisted = Vec::new();
    for line in missing.chain(added) {
        match permitted.iter().position(|one| one.allows(&line)) {
            Some(index) => needed.push(index),
            None => unlisted.push(format!("{} {pod}: {line}", case.dump)),
        }
    }
    Compared { lines: real.len(), permitted: needed, unlisted }
}

/// Compares some cases with a list, each entry of which must be needed somewhere, and with the entries `known` beside
/// it. Returns a line that sums up the differences.
fn check_all(cases: &[zoo::Case], list: &[Permitted], known: &[Permitted]) -> String {
    let permitted: Vec<&Permitted> = list.iter().chain(known).collect();
    let pods = cases.iter().flat_map(|case| case.pods.iter().map(move |pod| (case, pod)));
    let all: Vec<Compared> = pods.map(|(case, pod)| compare(case, pod, &permitted)).collect();
    let unlisted: Vec<&str> = all.iter().flat_map(|one| &one.unlisted).map(String::as_str).collect();
    let count = unlisted.len();
    assert!(count == 0, "{count} differences from Istio (-) to ours (+) are in no list:\n{}", unlisted.join("\n"));
    let needed: BTreeSet<usize> = all.iter().flat_map(|one| one.permitted.iter().copied()).collect();
    let idle = (0..list.len()).filter(|index| !needed.contains(index));
    let idle: Vec<&str> = idle.map(|index| list[index].line).collect();
    assert!(idle.is_empty(), "these lines of the list permit nothing that is there:\n{}", idle.join("\n"));
    let sum = |of: fn(&Compared) -> usize| all.iter().map(of).sum::<usize>();
    format!(
        "{} cases, {} proxies, {} lines of Istio's: {} may differ, by {} rules",
        cases.len(),
        all.len(),
        sum(|one| one.lines),
        sum(|one| one.permitted.len()),
        needed.len()
    )
}

/// `docs/sidecar.md` has these figures.
#[test]
fn sidecars_differ_from_istios_by_what_is_listed() {
    let told = check_all(&zoo::CASES, permitted::LIST, &[]);
    insta::assert_snapshot!(told, @"13 cases, 22 proxies, 24164 lines of Istio's: 2556 may differ, by 22 rules");
}

/// Compares with Istio's own Envoy: its filters and our substitutes differ, and nothing else.
#[test]
fn substitutes_stand_where_istios_own_filters_do() {
    check_all(&[zoo::DEFAULTS], permitted::OF_DEFAULTS, permitted::LIST);
}
