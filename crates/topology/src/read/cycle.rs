//! Chains of calls that never end.

use std::collections::{HashMap, HashSet};

use super::file::CallFile;
use super::hop::Hop;
use crate::Mistake;

/// A service and a path.
type ServicePath<'a> = (&'a str, &'a str);

/// Returns an error for the first chain of calls that returns to an endpoint already on it, at the call that closes it.
///
/// The search is depth first and without recursion, because a chain may be as long as the file.
pub(super) fn check(hops: &[Hop]) -> Result<(), Mistake> {
    let mut calls: HashMap<ServicePath, Vec<&CallFile>> = HashMap::new();
    for hop in hops {
        calls.entry(hop.from).or_default().push(hop.call);
    }
    let mut done = HashSet::new();
    hops.iter().try_for_each(|hop| walk(hop.from, &calls, &mut done))
}

fn walk<'a>(
    start: ServicePath<'a>,
    calls: &HashMap<ServicePath<'a>, Vec<&'a CallFile>>,
    done: &mut HashSet<ServicePath<'a>>,
) -> Result<(), Mistake> {
    let calls_of = |node: ServicePath<'a>| calls.get(&node).map_or(&[][..], Vec::as_slice).iter();
    if done.contains(&start) {
        return Ok(());
    }
    let mut chain = vec![(start, calls_of(start))];
    let mut on_chain = HashSet::from([start]);
    while let Some((node, rest)) = chain.last_mut() {
        let Some(call) = rest.next() else {
            done.insert(*node);
            on_chain.remove(node);
            chain.pop();
            continue;
        };
        let next = target(call);
        if on_chain.contains(&next) {
            let nodes = chain.iter().map(|(node, _)| *node).skip_while(|node| *node != next);
            return Err(endless(call, nodes, next));
        }
        if !done.contains(&next) {
            on_chain.insert(next);
            chain.push((next, calls_of(next)));
        }
    }
    Ok(())
}

fn target(call: &CallFile) -> ServicePath<'_> {
    (&call.service.value, call.path.as_ref().map_or("", |path| &path.value.0))
}

fn endless<'a>(call: &CallFile, nodes: impl Iterator<Item = ServicePath<'a>>, again: ServicePath<'a>) -> Mistake {
    let chain = nodes.chain([again]).map(|(service, path)| format!("{service} {path}").trim_end().to_owned());
    let what = format!("these calls never end: `{}`", chain.collect::<Vec<_>>().join(" -> "));
    Mistake::at(call.service.referenced, what, "remove this call, or let it call another path")
}
