//! A sidecar's configuration as a live istiod pushed it, and ours of the same pod, field by field: a difference that is not
//! listed fails, and so does a line of the list that nothing needs any more.
//!
//! The dumps in `tests/istio` are kept; `make test-kube` makes fresh ones in a cluster of its own and names their folder
//! in `ISTIO_DUMPS`.

mod dump;
mod form;
mod permitted;
mod zoo;

use std::collections::BTreeSet;

use dump::Dump;
use form::lines;
use permitted::Permitted;

/// Compares one pod of a dump with ours: the lines of the list that were needed, and differences that are in no list.
fn compare(case: &zoo::Case, pod: &str, permitted: &[&Permitted]) -> (BTreeSet<usize>, Vec<String>) {
    let real = lines(&Dump::read(case.dump, pod).bootstrap());
    let ours = lines(&case.bootstrap(pod));
    assert!(real.len() > 500, "{} {pod}: the dump is nearly empty: {} lines", case.dump, real.len());
    let mut needed = BTreeSet::new();
    let missing = real.difference(&ours).map(|line| format!("- {line}"));
    let added = ours.difference(&real).map(|line| format!("+ {line}"));
    let mut unlisted = Vec::new();
    for line in missing.chain(added) {
        match permitted.iter().position(|one| one.allows(&line)) {
            Some(index) => drop(needed.insert(index)),
            None => unlisted.push(format!("{} {pod}: {line}", case.dump)),
        }
    }
    (needed, unlisted)
}

/// Holds some cases to a list, each of whose lines must be needed somewhere, and to what is `known` beside it.
fn check_all(cases: &[zoo::Case], list: &[Permitted], known: &[Permitted]) {
    let permitted: Vec<&Permitted> = list.iter().chain(known).collect();
    let pods = cases.iter().flat_map(|case| case.pods.iter().map(move |pod| (case, pod)));
    let (needed, unlisted): (Vec<_>, Vec<_>) = pods.map(|(case, pod)| compare(case, pod, &permitted)).unzip();
    let unlisted = unlisted.concat();
    let count = unlisted.len();
    assert!(count == 0, "{count} differences from Istio (-) to ours (+) are in no list:\n{}", unlisted.join("\n"));
    let needed: BTreeSet<usize> = needed.into_iter().flatten().collect();
    let idle = (0..list.len()).filter(|index| !needed.contains(index));
    let idle: Vec<&str> = idle.map(|index| list[index].line).collect();
    assert!(idle.is_empty(), "these lines of the list permit nothing that is there:\n{}", idle.join("\n"));
}

#[test]
fn sidecars_differ_from_istios_by_what_is_listed() {
    let fresh = if dump::fresh().is_some() { &zoo::FRESH[..] } else { &[] };
    check_all(&[&zoo::KEPT[..], fresh].concat(), permitted::LIST, &[]);
}

/// Against Istio's own Envoy: its filters and our substitutes differ, and nothing else.
#[test]
fn substitutes_stand_where_istios_own_filters_do() {
    check_all(&[zoo::DEFAULTS], permitted::OF_DEFAULTS, permitted::LIST);
}
