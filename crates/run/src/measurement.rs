use experiment::Experiment;
use measure::{
    Arm, Effect, Environment, Measured, Measurement, Metric, NULL_ARM, Observations, Options, Recovery, SCHEMA, Subject,
};

use super::seen::Seen;
use super::tally::Tally;
use super::telemetry::sightings;

/// Whether a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Every phase is done.
    Whole,
    /// The user or an error ended it early.
    Partial,
}

/// Puts together what a run saw. Rounding that would truncate figures is the reader's business, and left out.
pub fn measurement(
    experiment: &Experiment,
    environment: Environment,
    seen: &Seen,
    completeness: Completeness,
) -> Measurement {
    let telemetry = sightings(seen);
    let (Seen { tally, faults, .. }, seen) = (seen, &seen.observations);
    let Measured { mut arms, effects, null } =
        measure::measure(seen, &Options { margin: experiment.margin, ..Options::default() });
    tell(experiment, &mut arms, seen, tally);
    let mut cautions = measure::cautions(seen, &arms, &effects);
    cautions.extend(null.as_ref().and_then(measure::noise));
    let calibration = recoveries(experiment, &arms, &effects);
    let experiment = subject(experiment, seen, completeness);
    // Beside other arms, the baseline's copy is the noise floor and no arm of its own.
    arms.retain(|arm| null.is_none() || arm.name != NULL_ARM);
    Measurement {
        schema: SCHEMA.to_owned(),
        experiment,
        environment,
        arms,
        effects,
        null,
        calibration,
        truncated: None,
        telemetry,
        faults: faults.clone(),
        cautions,
    }
    .vetoed()
}

/// Adds what the services themselves counted, what of it all was a gateway's or the kernel witness's, and what the client's
/// proxy used beside it.
fn tell(experiment: &Experiment, arms: &mut [Arm], seen: &Observations, tally: &Tally) {
    let graph = &experiment.topology.graph;
    let pods: Vec<(String, String)> = graph.pods().map(|pod| (pod.name(), pod.service.name.clone())).collect();
    for (number, arm) in arms.iter_mut().enumerate() {
        arm.services = tally.services(number, &pods);
        arm.edges = tally.edges(number);
        let asked = arm.services.iter().filter(|count| count.service == experiment.load.request.target.host());
        arm.gateway = measure::gateway_use(seen, &arm.name);
        arm.programs = measure::program_use(seen, &arm.name);
        arm.client_proxy = measure::client_proxy_use(seen, &arm.name);
        arm.held = measure::held_use(seen, &arm.name);
        arm.recorded = tally.recorded(number, asked.map(|count| count.requests).sum());
    }
}

/// Known costs, each in the metric in which it shows.
fn recoveries(experiment: &Experiment, arms: &[Arm], effects: &[Effect]) -> Vec<Recovery> {
    let added = experiment.arms.iter().filter_map(|arm| Some((&arm.name, arm.added.as_ref()?)));
    let metrics = added.flat_map(|(name, added)| {
        let latency = (!added.wait.is_zero()).then_some((name, Metric::LatencyMsMean));
        let cpu = (!added.compute.is_zero()).then_some((name, Metric::CpuMsPerRequest));
        let wire = (added.response_bytes > 0).then_some((name, Metric::WireBytesPerRequest));
        latency.into_iter().chain(cpu).chain(wire)
    });
    metrics.filter_map(|(name, metric)| measure::recover(arms, effects, name, metric)).collect()
}

fn subject(experiment: &Experiment, seen: &Observations, completeness: Completeness) -> Subject {
    let load = &experiment.load;
    let blocks = |arm: &String| seen.load.iter().filter(|block| block.arm == *arm).count();
    let rounds = seen.arms.iter().map(blocks).min().unwrap_or(0);
    Subject {
        name: experiment.name.clone(),
        topology: experiment.topology.graph.name.clone(),
        target: load.request.target.to_string(),
        rounds: u32::try_from(rounds).unwrap_or(u32::MAX),
        rounds_asked: Some(experiment.rounds),
        left_out: seen.left_out.clone(),
        drop_foreign: experiment.drop_foreign,
        stands: seen.stands,
        requests: experiment.requests,
        think_ms: load.model.think().as_secs_f64() * 1e3,
        pace_ms: load.model.pace().as_secs_f64() * 1e3,
        users: load.model.users().filter(|users| *users > 1),
        rate_per_s: load.model.rate_per_s(),
        round_trip_ms: load.round_trip.as_secs_f64() * 1e3,
        timeout_ms: Some(load.timeout.as_secs_f64() * 1e3),
        connection: load.connection,
        seed: experiment.seed,
        complete: completeness == Completeness::Whole,
    }
}

#[cfg(test)]
mod tests;
