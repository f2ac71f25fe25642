//! A fault for each guard, of the size that it must catch.

use measure::{Edge, LoadBlock, Reading};
use rand::RngExt;

use super::simulated::{Simulated, histogram};

const MS: f64 = 1e6;

/// A fault, and the caution that must name it.
pub struct Fault {
    pub kind: &'static str,
    pub what: &'static str,
    pub spoil: fn(&mut Simulated),
}

/// The faults of each guard. Guards of few rounds, few requests and failed requests count what is there, so they have
/// no rate.
pub const FAULTS: [Fault; 28] = [
    fault("unpaired_rounds", "one block is missing", |run| drop(run.seen.load.pop())),
    fault("generator_late", "each request late by a tenth of its latency", |run| {
        run.seen
            .load
            .iter_mut()
            .for_each(|block| block.samples.lag = histogram(block.samples.sequence.iter().map(|ns| ns / 10)));
    }),
    fault("generator_late", "one in fifty late by the latency", |run| {
        let late = |block: &mut LoadBlock| {
            block.samples.lag =
                histogram(block.samples.sequence.iter().enumerate().map(|(n, ns)| if n % 50 == 7 { *ns } else { 500 }));
        };
        run.seen.load.iter_mut().for_each(late);
    }),
    fault("clamped", "a latency of two hours", |run| run.seen.load[1].samples.latency.record(7_200_000_000_000)),
    fault("connections", "one request in twenty opens one", |run| {
        of_arm(run, "sidecar").for_each(|block| block.samples.connections = 1 + block.samples.requests.div_ceil(20));
    }),
    fault("retries_uneven", "one call in a hundred is repeated", |run| {
        let (from, to, path) = ("productpage-v1".to_owned(), "details".to_owned(), "/".to_owned());
        let (latency_ms_p50, latency_ms_mean) = (None, None);
        run.arms[1].edges.push(Edge {
            from,
            to,
            path,
            calls: 1500,
            failures: 0,
            retries: 15,
            latency_ms_p50,
            latency_ms_mean,
        });
    }),
    fault("request_mix", "a pod gets a quarter more than its share", |run| {
        let more = run.arms[1].services[1].requests / 4;
        run.arms[1].services[1].requests += more;
    }),
    fault("concurrency", "eight workers instead of two", |run| run.seen.facts.sidecars[0].concurrency = Some(8)),
    fault("concurrency_unverified", "the sidecar does not say", |run| run.seen.facts.sidecars[0].concurrency = None),
    fault("mtls_off", "plaintext", |run| {
        run.seen.facts.sidecars[0].security_policies = [("none".to_owned(), 7)].into();
    }),
    fault("mtls_unverified", "the sidecar does not say", |run| run.seen.facts.sidecars[0].security_policies.clear()),
    fault("limits_missing", "the host has no controller of memory", |run| {
        run.seen.facts.unlimited =
            vec![measure::UnlimitedFacts { arm: "sidecar".to_owned(), controller: "memory".to_owned() }];
    }),
    fault("saturated", "the machine is 90 % busy", |run| {
        each_reading(run, |reading| reading.machine.busy_s = 0.9 * reading.machine.capacity_s);
    }),
    fault("stolen", "the hypervisor takes 3 %", |run| {
        each_reading(run, |reading| reading.machine.steal_s = 0.03 * reading.machine.capacity_s);
    }),
    fault("throttled", "a quota stops containers in one block", |run| run.seen.meters[7].containers[0].throttled = 1),
    fault("pressure", "some task waits 40 % of the time", |run| {
        each_reading(run, |reading| reading.machine.pressure_s = Some(0.4 * reading.wall_s));
    }),
    fault("run_queue", "four more tasks want to run", |run| {
        each_reading(run, |reading| reading.machine.runnable = reading.machine.runnable.map(|tasks| tasks + 4.0));
    }),
    fault("foreign", "one of two cores is busy with something else in a tenth of the rounds", |run| {
        each_reading(run, |reading| {
            if reading.round % 10 == 4 {
                reading.machine.busy_s = (reading.machine.busy_s + reading.wall_s).min(reading.machine.capacity_s);
            }
        });
    }),
    fault("foreign", "both cores are busy with something else in three of five rounds", |run| {
        each_reading(run, |reading| {
            if reading.round % 5 > 1 {
                reading.machine.busy_s = reading.machine.capacity_s;
            }
        });
    }),
    fault("stopped", "the load generator stands still for a second", |run| {
        run.seen.load[11].samples.stopped_s = 1.0;
        run.seen.leave_out(None);
    }),
    fault("stopped", "the reader of the meters stands still for two seconds", |run| {
        run.seen.meters[20].wall_s += 2.0;
        run.seen.leave_out(None);
    }),
    fault("nagle", "half of an arm's requests wait 40 ms more, in a spread of 5 ms", |run| {
        run.change("sidecar", |_, _, ns, rng| {
            let spread = MS * 5.0 * (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>());
            let delay = MS * (40.0 + 3.0 * rng.random::<f64>());
            ns + 8.0 * MS + spread + if rng.random_bool(0.5) { delay } else { 0.0 }
        });
    }),
    fault("nagle", "one in thirty of an arm's requests waits 40 ms more", |run| {
        run.change("sidecar", |_, _, ns, rng| {
            let delay = MS * (40.0 + 3.0 * rng.random::<f64>());
            ns + if rng.random_bool(1.0 / 30.0) { delay } else { 0.0 }
        });
    }),
    fault("bimodal", "a fifth of an arm's calls of one edge take three times as long", |run| {
        let arm = |call: &&mut measure::CallLatency| call.arm == "sidecar" && call.to == "details";
        let call = run.seen.facts.calls.iter_mut().find(arm).expect("the edge is there");
        let count = call.latency.count();
        let typical_ns = call.latency.mean_ns().expect("there are calls");
        let rng = &mut run.rng;
        let mut one = || {
            let noise: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            let slow = if rng.random_bool(0.2) { 3.0 } else { 1.0 };
            (typical_ns * slow * (0.15 * noise).exp()) as u64
        };
        call.latency = histogram((0..count).map(|_| one()));
    }),
    fault("not_stationary", "latency rises by a half within each block", |run| {
        let requests = run.size.requests as f64;
        run.change("none", |_, place, ns, _| ns * 1.5_f64.powf(place as f64 / requests));
    }),
    fault("autocorrelated", "neighbours correlate by 0.6", |run| {
        let typical = 2.2 * MS;
        let states: Vec<f64> = {
            let mut state = 0.0;
            (0..run.size.requests * run.size.rounds as usize)
                .map(|_| {
                    state = 0.6 * state + 0.8 * run.normal();
                    state
                })
                .collect()
        };
        let requests = run.size.requests;
        run.change("none", |block, place, _, _| {
            typical * (0.15 * states[block.round as usize * requests + place]).exp()
        });
    }),
    fault("drift", "an arm gets slower by a quarter over the run, or over each stand-up", |run| {
        let rounds = run.size.rounds_per_stand.unwrap_or(run.size.rounds);
        run.change("sidecar", |block, _, ns, _| {
            ns * (1.0 + f64::from(block.round % rounds) / f64::from(rounds - 1) / 4.0)
        });
    }),
    fault("memory_growing", "by a twentieth over the run, or over each stand-up", |run| {
        let rounds = run.size.rounds_per_stand.unwrap_or(run.size.rounds);
        each_reading(run, |reading| {
            let grown = 1.0 + f64::from(reading.round % rounds) / f64::from(rounds - 1) / 20.0;
            reading.containers[0].memory_bytes = (reading.containers[0].memory_bytes as f64 * grown) as u64;
        });
    }),
];

const fn fault(kind: &'static str, what: &'static str, spoil: fn(&mut Simulated)) -> Fault {
    Fault { kind, what, spoil }
}

fn of_arm<'a>(run: &'a mut Simulated, arm: &'static str) -> impl Iterator<Item = &'a mut LoadBlock> {
    run.seen.load.iter_mut().filter(move |block| block.arm == arm)
}

fn each_reading(run: &mut Simulated, change: impl FnMut(&mut Reading)) {
    run.seen.meters.iter_mut().for_each(change);
}
