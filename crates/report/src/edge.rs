use measure::{Arm, Edge};

use crate::figure::{count, figure};
use crate::gap::MissingCell;
use crate::grid::{ARMS_ABREAST, GridColumn, grid};
use crate::paragraph::paragraph;

/// Calls between services as their callers saw them, two columns per arm. Empty without calls.
pub(crate) fn edges(arms: &[Arm]) -> String {
    let tables: Vec<String> = arms.chunks(ARMS_ABREAST).filter_map(table).collect();
    let tables = tables.join("\n");
    let gap = MissingCell::Figure;
    let legend = match tables.contains(gap.mark()) {
        true => paragraph(&format!("{} no figure: too few calls", gap.mark()), 2),
        false => String::new(),
    };
    tables + &legend + &failures(arms)
}

fn table(arms: &[Arm]) -> Option<String> {
    let callers = callers(arms);
    if callers.is_empty() {
        return None;
    }
    let titles = arms.iter().flat_map(|arm| [format!("{}\ncalls", arm.name), "\np50, ms".to_owned()]);
    let mut rows = vec![std::iter::once("Calls made".to_owned()).chain(titles).collect()];
    for (caller, callees) in callers {
        rows.push(vec![caller.to_owned()]);
        rows.extend(callees.into_iter().map(|callee| row(arms, caller, callee)));
    }
    Some(grid(&vec![GridColumn::RIGHT; 2 * arms.len()], rows))
}

type Callee<'a> = (&'a str, &'a str);

/// The services and paths that each pod called, in the order of the arms' records.
fn callers(arms: &[Arm]) -> Vec<(&str, Vec<Callee<'_>>)> {
    let mut callers: Vec<(&str, Vec<Callee>)> = Vec::new();
    for edge in arms.iter().flat_map(|arm| &arm.edges) {
        let callee = (edge.to.as_str(), edge.path.as_str());
        match callers.iter_mut().find(|(caller, _)| *caller == edge.from) {
            None => callers.push((&edge.from, vec![callee])),
            Some((_, callees)) if !callees.contains(&callee) => callees.push(callee),
            Some(_) => {}
        }
    }
    callers
}

fn row(arms: &[Arm], caller: &str, (service, path): Callee) -> Vec<String> {
    let mut row = vec![format!("  {service}{path}")];
    for arm in arms {
        let same = |edge: &&Edge| (edge.from.as_str(), edge.to.as_str(), edge.path.as_str()) == (caller, service, path);
        row.extend(match arm.edges.iter().find(same) {
            None => [String::new(), String::new()],
            Some(edge) => [edge.calls.to_string(), latency(edge)],
        });
    }
    row
}

fn latency(edge: &Edge) -> String {
    edge.latency_ms_p50.map_or_else(|| MissingCell::Figure.mark().to_owned(), |ms| figure(ms, "ms"))
}

fn failures(arms: &[Arm]) -> String {
    let seen = arms.iter().flat_map(|arm| arm.edges.iter().map(move |edge| (arm, edge)));
    seen.filter(|(_, edge)| edge.failures > 0)
        .map(|(arm, Edge { from, to, path, calls, failures, .. })| {
            let calls = count(*calls, "call");
            paragraph(&format!("arm `{}`: {failures} of {calls} from `{from}` to `{to}{path}` failed", arm.name), 2)
        })
        .collect()
}
