//! Faults made on purpose: each in one arm after the other, under load, while every witness of the arm is looked at.

mod signs;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use lab::{Node, Stop};
use load::{BlockLoad, Order, Sequential};
use measure::{Clue, FaultTrial};

use self::signs::{Sign, Signs};
use crate::experiment::{Experiment, PlannedFault};
use crate::kernel::Kernel;
use crate::witness;

/// Time from one look at the witnesses to the next.
const PERIOD: Duration = Duration::from_millis(100);
/// How long the load generator may take to end its last request, beyond that request's own time limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// A look at the witnesses: when, since the load began, and how often each sign had been seen until then.
struct Look {
    at: Duration,
    seen: BTreeMap<Sign, u64>,
}

/// One fault in one arm.
pub fn perform(
    planned: &PlannedFault,
    experiment: &Experiment,
    node: &mut Node,
    kernel: &Kernel,
    stop: &Stop,
) -> anyhow::Result<FaultTrial> {
    let mut signs = Signs::begin(experiment, node, kernel, stop)?;
    let load = Sequential { requests: u64::from(u32::MAX), ..experiment.load.clone() };
    let patience = load.timeout + load.think.max(load.pace) + PATIENCE;
    node.client().order(&Order::Sequential(load).to_string())?;
    let course = watch(planned, node, &mut signs, stop);
    // Whatever happened, the arm is to be as it was.
    let hits = node.mend(&planned.injection, &Stop::default());
    node.client().order(&Order::Stop.to_string())?;
    let answer = node.client().answer(patience, stop)?;
    let load: BlockLoad = serde_json::from_str(&answer).context("the load generator's answer is damaged")?;
    let (looks, injected) = course?;
    witness::settle(node, stop)?;
    let last = looks.last().expect("there is a look at the begin").at;
    Ok(FaultTrial {
        arm: node.name().to_owned(),
        fault: planned.kind,
        from: planned.from.clone(),
        to: planned.to.clone(),
        share: planned.share,
        hits: hits?,
        calm_s: injected.as_secs_f64(),
        lasted_s: (last - injected).as_secs_f64(),
        period_ms: last.as_secs_f64() * 1e3 / (looks.len() - 1) as f64,
        requests: load.requests,
        errors: load.errors.values().sum(),
        clues: clues(planned, &looks, injected),
    })
}

/// Looks on through the calm and the fault; what was seen, and when the fault began.
fn watch(
    planned: &PlannedFault,
    node: &mut Node,
    signs: &mut Signs,
    stop: &Stop,
) -> anyhow::Result<(Vec<Look>, Duration)> {
    let begun = Instant::now();
    let mut looks = Vec::new();
    let mut look = |node: &mut Node, signs: &mut Signs| -> anyhow::Result<()> {
        let seen = signs.look(node, stop)?;
        looks.push(Look { at: begun.elapsed(), seen });
        std::thread::sleep(PERIOD);
        Ok(stop.check()?)
    };
    while begun.elapsed() < planned.at {
        look(node, signs)?;
    }
    signs.end_calm();
    look(node, signs)?;
    let injected = begun.elapsed();
    node.inject(&planned.injection, stop)?;
    while begun.elapsed() < injected + planned.lasting {
        look(node, signs)?;
    }
    Ok((looks, injected))
}

/// What the looks say of each sign that was seen at all.
fn clues(planned: &PlannedFault, looks: &[Look], injected: Duration) -> Vec<Clue> {
    let (calm, fault) = looks.split_at(looks.partition_point(|look| look.at < injected));
    let (Some(first), Some(calm), Some(last)) = (calm.first(), calm.last(), fault.last()) else { return Vec::new() };
    let count = |look: &Look, sign: &Sign| look.seen.get(sign).copied().unwrap_or(0);
    let clue = |sign: &Sign| {
        let before = count(calm, sign).saturating_sub(count(first, sign));
        let since = |look: &Look| count(look, sign).saturating_sub(count(calm, sign));
        let seen = fault.iter().find(|look| since(look) > before);
        Clue {
            witness: sign.witness.to_owned(),
            sign: sign.name.clone(),
            names_cause: planned.kind.is_named_by(&sign.name),
            before,
            during: since(last),
            seen_after_s: seen.map(|look| (look.at - injected).as_secs_f64()),
        }
    };
    last.seen.keys().map(clue).filter(|clue| clue.before > 0 || clue.during > 0).collect()
}

#[cfg(test)]
mod tests;
