mod alarm;
mod clean;
#[path = "../../benches/guards/faults.rs"]
mod faults;
#[path = "../../benches/guards/simulated.rs"]
mod simulated;

use std::collections::BTreeMap;

use super::*;
use crate::{ConnectionUse, Edge, FailingCalls, SidecarFacts};
use clean::{Case, MS, call, clean};

/// Checks the cautions about a clean run after `spoil` has changed it.
fn check(spoil: impl Fn(&mut Case), expected: &[&str]) -> Vec<Caution> {
    let mut case = clean();
    spoil(&mut case);
    let told = case.cautions();
    let kinds: Vec<&str> = told.iter().map(|caution| &*caution.kind).collect();
    assert_eq!(kinds, expected, "{told:#?}");
    told
}

/// As [`check`], and also whether the caution is fatal.
fn check_severity(spoil: impl Fn(&mut Case), expected: &str, fatal: bool) {
    let told = check(spoil, &[expected]);
    assert_eq!(told[0].fatal, fatal, "{told:?}");
}

#[test]
fn a_clean_run_gives_no_caution() {
    check(|_| (), &[]);
}

#[test]
fn kinds_are_known_by_their_names() {
    let names: std::collections::BTreeSet<_> = CautionKind::ALL.into_iter().map(CautionKind::name).collect();
    assert_eq!(names.len(), CautionKind::ALL.len());
}

#[test]
fn a_caution_says_what_was_seen_what_it_may_mean_and_what_to_try() {
    let told = check(|case| case.keep_rounds(2), &["few_rounds", "few_requests"]);
    assert_eq!(
        told[0].text,
        "2 rounds were completed by all arms: intervals need 6, so there are none and any difference may be chance; try \
         `--rounds 10` or more"
    );
    let told = check(|case| case.of_arm("sidecar").for_each(|block| block.samples.connections = 100), &["connections"]);
    assert_eq!(
        told[0].text,
        "arm `sidecar` opened 1500 connections for 1500 requests despite `connection: keep`: latency includes handshakes; \
         check whether a server or sidecar closes connections (`connection: close`, a limit of requests per connection, an \
         idle timeout below the think time), or declare `connection: new`"
    );
}

#[test]
fn rounds() {
    check(|case| case.keep_rounds(9), &["few_rounds", "few_requests"]);
    check(|case| drop(case.observations.load.pop()), &["unpaired_rounds"]);
}

#[test]
fn the_generator() {
    let late =
        |lag_ns: u64| move |case: &mut Case| case.each(|block| (0..5).for_each(|_| block.samples.lag.record(lag_ns)));
    // If one in twenty is late by 0.2 ms, that is small compared with 10 ms, though a fifth of the effect. By 10 ms, it
    // is a tail.
    check(late(MS / 5), &[]);
    let told = check(late(10 * MS), &["generator_late"]);
    assert!(!told[0].fatal && told[0].text.contains("p99 10.002 of 15."), "{told:?}");
    let each_late = |arms: &'static [&str], lag_ns: u64| {
        move |case: &mut Case| {
            let of_arms = |block: &&mut LoadBlock| arms.contains(&&*block.arm);
            let blocks = case.observations.load.iter_mut().filter(of_arms);
            blocks.for_each(|block| block.samples.lag = clean::histogram([lag_ns; 100]));
        }
    };
    check_severity(each_late(&["none", "sidecar"], MS), "generator_late", false);
    check_severity(each_late(&["none", "sidecar"], 4 * MS), "generator_late", true);
    let told = check(each_late(&["sidecar"], MS / 5), &["generator_late"]);
    assert!(told[0].text.contains("not equally late") && told[0].arms == ["sidecar"], "{told:?}");
    let opened =
        |count: u64| move |case: &mut Case| case.of_arm("none").for_each(|block| block.samples.connections = count);
    check_severity(opened(100), "connections", true);
    check_severity(opened(4), "connections", false);
    check_severity(opened(2), "connections", false);
    check(opened(0), &[]);
    let declared_new = |case: &mut Case| case.observations.facts.connection = Some(ConnectionUse::New);
    check(declared_new, &[]);
    check(
        |case| {
            declared_new(case);
            case.each(|block| block.samples.connections = 1);
        },
        &["connections", "connections"],
    );
    check(
        |case| {
            declared_new(case);
            case.each(|block| block.samples.connections = 100);
        },
        &[],
    );
}

#[test]
fn failures() {
    let fail = |block: &mut LoadBlock, count| block.samples.errors = [("status_503".to_owned(), count)].into();
    check_severity(|case| fail(&mut case.observations.load[1], 3), "errors_uneven", false);
    check_severity(|case| fail(&mut case.observations.load[1], 30), "errors_uneven", true);
    check(|case| case.each(|block| fail(block, 1)), &["errors", "errors"]);
    let refused = |case: &mut Case| {
        fail(&mut case.observations.load[1], 3);
        case.observations.facts.sidecars[0].response_flags = [("UF".to_owned(), 2), ("URX".to_owned(), 1)].into();
    };
    let told = check(refused, &["errors_uneven"]);
    assert!(
        told[0].text.contains("its sidecars report Envoy's response flags `front-v1` UF 2, URX 1; see the logs"),
        "{told:?}"
    );
    absolute_failures(fail);
    let retry = |arm: &mut Arm| arm.edges.push(edge(2));
    check_severity(|case| retry(&mut case.arms[1]), "retries_uneven", false);
    check(|case| case.arms.iter_mut().for_each(retry), &[]);
    let told = check(|case| case.observations.facts.sidecars[0].retries = 7, &["retries_uneven"]);
    assert!(told[0].text.contains("retried 7 requests by themselves (`front-v1` 7;"), "{told:?}");
    // If every arm has sidecars and all retry, none hides more than another.
    let everywhere = |case: &mut Case| {
        let repeating = SidecarFacts { retries: 7, ..case.observations.facts.sidecars[0].clone() };
        case.observations.facts.sidecars =
            ["none", "sidecar"].map(|arm| SidecarFacts { arm: arm.to_owned(), ..repeating.clone() }).into();
    };
    check(everywhere, &[]);
}

/// Failures that all arms share are a caution up to a tenth of the requests, and fatal above it.
fn absolute_failures(fail: impl Fn(&mut LoadBlock, u64)) {
    let told = check(|case| case.each(|block| fail(block, 11)), &["errors", "errors"]);
    assert!(told.iter().all(|caution| caution.fatal), "{told:?}");
    assert_eq!([&*told[0].arms, &*told[1].arms], [["none"], ["sidecar"]]);
    let told = check(|case| case.each(|block| fail(block, 9)), &["errors", "errors"]);
    assert!(told.iter().all(|caution| !caution.fatal), "{told:?}");
    let declared = |case: &mut Case, failed| {
        case.observations.facts.declared.of_requests = 0.11;
        case.each(|block| fail(block, failed));
    };
    check(|case| declared(case, 11), &[]);
    let told = check(|case| declared(case, 100), &["errors", "errors"]);
    assert!(told[0].fatal && told[0].text.contains("1500 status_503, with 11.0 % declared"), "{told:?}");
}

/// Calls between services that fail in every arm, which the client does not see.
#[test]
fn calls_that_fail_everywhere() {
    let fail = |case: &mut Case, failures| {
        let failing = || Edge { failures, ..edge(0) };
        // Another endpoint whose calls succeed must not hide it.
        let sound = || Edge { path: "/sound".to_owned(), calls: 150_000, ..edge(0) };
        case.arms.iter_mut().for_each(|arm| arm.edges = vec![failing(), sound()]);
    };
    let both = &["calls_failed", "calls_failed"];
    check(|case| fail(case, 15), &[]);
    let told = check(|case| fail(case, 16), both);
    assert!(told.iter().all(|caution| !caution.fatal), "{told:?}");
    let told = check(|case| fail(case, 1500), both);
    assert!(told.iter().all(|caution| caution.fatal), "{told:?}");
    assert!(
        told[1].text.starts_with("calls between services of arm `sidecar` failed (`back/` 1500 of 1500): "),
        "{told:?}"
    );
    let declare = |case: &mut Case, failures| {
        let (to, path) = ("back".to_owned(), "/".to_owned());
        case.observations.facts.declared.of_calls = vec![FailingCalls { to, path, share: 0.5 }];
        fail(case, failures);
    };
    check(|case| declare(case, 770), &[]);
    check(|case| declare(case, 1500), both);
}

fn edge(retries: u64) -> Edge {
    let (from, to, path) = ("front-v1".to_owned(), "back".to_owned(), "/".to_owned());
    Edge { from, to, path, calls: 1500, failures: 0, retries, latency_ms_p50: None, latency_ms_mean: None }
}

#[test]
fn the_machine() {
    let with = |change: fn(&mut Reading)| move |case: &mut Case| case.observations.meters.iter_mut().for_each(change);
    check(with(|reading| reading.machine.busy_s = 17.0), &["saturated"]);
    check(with(|reading| reading.machine.steal_s = 1.0), &["stolen"]);
    check(with(|reading| reading.machine.pressure_s = Some(4.0)), &["pressure"]);
    check(with(|reading| reading.machine.pressure_s = None), &[]);
    check(with(|reading| reading.machine.runnable = Some(4.0)), &["run_queue"]);
    check(with(|reading| reading.machine.runnable = None), &[]);
    let throttle = |reading: &mut Reading| reading.containers[0].throttled = 2;
    check_severity(|case| throttle(&mut case.observations.meters[0]), "throttled", false);
    let told = check(with(throttle), &["throttled"]);
    assert!(told[0].fatal && told[0].text.contains("(`none` 30 periods in 15 of 15 blocks, `sidecar` 30"), "{told:?}");
}

#[test]
fn containers_that_started_again() {
    let end = |container: &str| crate::RestartFacts {
        arm: "sidecar".into(),
        pod: "web-v1".into(),
        container: container.into(),
        status: "exit status: 3".into(),
    };
    let ends = |case: &mut Case| case.observations.facts.restarts = vec![end("app"), end("proxy"), end("app")];
    let told = check(ends, &["restarted"]);
    let text = "`sidecar/web-v1/app` ended (exit status: 3) 2 x, `sidecar/web-v1/proxy` ended (exit status: 3) 1 x;";
    assert!(!told[0].fatal && told[0].arms == ["sidecar"] && told[0].text.contains(text), "{told:?}");
}

#[test]
fn interrupts_that_no_cpu_time_holds() {
    let apart = |case: &mut Case| {
        case.observations.facts.interrupts_apart = Some(true);
        for reading in &mut case.observations.meters {
            let softirq_s = if reading.arm == "none" { 0.05 } else { 0.02 };
            (reading.machine.irq_s, reading.machine.softirq_s) = (0.01, softirq_s);
        }
    };
    let told = check(apart, &["interrupts_apart"]);
    // Blocks of 100 requests.
    assert!(!told[0].fatal && told[0].text.contains("`none` 0.600 ms, `sidecar` 0.300 ms per request"), "{told:?}");
    check(|case| case.observations.facts.interrupts_apart = None, &[]);
}

#[test]
fn clocks() {
    let source = |name: &str| {
        let name = name.to_owned();
        move |case: &mut Case| case.observations.facts.clocks[1].source = Some(name.clone())
    };
    check_severity(source("hpet"), "clock_source", false);
    check(source("kvm-clock"), &[]);
    let governor = |case: &mut Case| {
        case.observations.facts.clocks[1].governors = ["performance".to_owned(), "powersave".to_owned()].into();
    };
    let told = check(governor, &["cpu_frequency"]);
    assert!(told[0].text.contains("`performance`, `powersave`, which changed during the run"), "{told:?}");
    check(|case| case.observations.facts.clocks.clear(), &[]);
}

#[test]
fn sidecars() {
    check_severity(|case| case.observations.facts.sidecars[0].concurrency = Some(8), "concurrency", true);
    let told = check(|case| case.observations.facts.sidecars[0].concurrency = None, &["concurrency_unverified"]);
    assert!(!told[0].fatal && told[0].text.contains("not verified that they run 2 as asked"), "{told:?}");
    let policies = |of: BTreeMap<String, u64>| {
        move |case: &mut Case| case.observations.facts.sidecars[0].security_policies = of.clone()
    };
    check_severity(policies([("none".to_owned(), 7)].into()), "mtls_off", true);
    let lacking =
        |controller: &str| crate::UnlimitedFacts { arm: "sidecar".to_owned(), controller: controller.to_owned() };
    let unlimited = |case: &mut Case| case.observations.facts.unlimited = vec![lacking("cpu"), lacking("memory")];
    let told = check(unlimited, &["limits_missing"]);
    assert!(!told[0].fatal && told[0].text.contains("no limit of `cpu` and `memory`"), "{told:?}");
}

/// A sidecar with telemetry received requests and reports nothing on mutual TLS, although it should.
#[test]
fn mutual_tls_of_which_nothing_is_said() {
    let silent = |change: fn(&mut Case)| {
        move |case: &mut Case| {
            case.observations.facts.sidecars[0].security_policies = BTreeMap::new();
            change(case);
        }
    };
    check_severity(silent(|_| ()), "mtls_unverified", false);
    check(silent(|case| case.observations.facts.sidecars[0].telemetry_asked = false), &[]);
    check(silent(|case| case.observations.facts.sidecars[0].plaintext_asked = true), &[]);
    check(silent(|case| case.observations.facts.sidecars[0].pod = "client".to_owned()), &[]);
    check(silent(|case| case.observations.facts.sidecars[0].pod = crate::GATEWAY.to_owned()), &[]);
    // A service that received no requests.
    check(silent(|case| case.arms.iter_mut().for_each(|arm| arm.services[0].requests = 0)), &[]);
    // Services that do not count: no sidecar reports anything, or another one does.
    let uncounted = |case: &mut Case| case.arms.iter_mut().for_each(|arm| arm.services.clear());
    check(silent(uncounted), &["mtls_unverified"]);
    check(
        silent(|case| {
            case.arms.iter_mut().for_each(|arm| arm.services.clear());
            let mut other = SidecarFacts { pod: "back-v1".to_owned(), ..case.observations.facts.sidecars[0].clone() };
            other.security_policies = [("mutual_tls".to_owned(), 1500)].into();
            case.observations.facts.sidecars.push(other);
        }),
        &[],
    );
}

#[test]
fn forty_milliseconds() {
    let told = check(
        |case| {
            case.of_arm("sidecar").for_each(|block| (0..2).for_each(|n| block.samples.latency.record(41 * MS + n)));
            case.observations
                .facts
                .calls
                .extend([call("front-v1", "back", 41 * MS), call("back-v1", "store", 41 * MS)]);
            case.observations.facts.calls.push(call("front-v1", "store", 9 * MS));
        },
        &["nagle"],
    );
    assert!(told[0].text.starts_with("2.0 % of the requests of arm `sidecar` took 39 to 46 ms"), "{told:?}");
    assert!(told[0].text.contains("it comes from `back-v1` → `store/` (100.0 % of its calls);"), "{told:?}");
    let told = check(|case| case.observations.facts.calls.push(call("front-v1", "back", 41 * MS)), &["nagle"]);
    assert!(told[0].text.starts_with("calls between services of arm `sidecar` took"), "{told:?}");
    // A tail that reaches through the band.
    check(
        |case| case.of_arm("sidecar").for_each(|block| (30..50).for_each(|ms| block.samples.latency.record(ms * MS))),
        &[],
    );
}

#[test]
fn groups_of_latencies() {
    let second_group = |block: &mut LoadBlock| {
        let slow = |(n, latency_ns): (usize, &mut u64)| {
            if n % 3 == 0 {
                *latency_ns *= 3
            }
        };
        block.samples.sequence.iter_mut().enumerate().for_each(slow);
        block.samples.latency = clean::histogram(block.samples.sequence.iter().copied());
    };
    let one_version = |case: &mut Case| case.arms.iter_mut().for_each(|arm| arm.services.truncate(2));
    let told = check(
        |case| {
            one_version(case);
            case.of_arm("none").for_each(second_group);
        },
        &["bimodal"],
    );
    assert_eq!(told[0].arms, ["none"]);
    // Arms with the same groups can be compared.
    check(
        |case| {
            one_version(case);
            case.each(second_group);
        },
        &[],
    );
    // Versions of a service form groups by design, behind sidecars more than without.
    check(|case| case.of_arm("sidecar").for_each(second_group), &[]);
}

#[test]
fn groups_of_calls() {
    let slow = |n: u64| if n.is_multiple_of(4) { 9 * MS + n * 4_000 } else { 3 * MS + n * 1_000 };
    let edge = |arm: &str, latency_of: &dyn Fn(u64) -> u64| {
        let mut call = call("front-v1", "store", 1);
        call.arm = arm.to_owned();
        call.latency = clean::histogram((0..1500).map(latency_of));
        call
    };
    let calls = |grouped: &'static [&str]| {
        move |case: &mut Case| {
            case.arms.iter_mut().for_each(|arm| arm.services.push(clean::service("store", "store-v1", 1500)));
            for arm in ["none", "sidecar"] {
                let latency_of = |n| if grouped.contains(&arm) { slow(n) } else { 3 * MS + n * 1_000 };
                case.observations.facts.calls.push(edge(arm, &latency_of));
            }
        }
    };
    check(calls(&[]), &[]);
    check(calls(&["none", "sidecar"]), &[]);
    let told = check(calls(&["sidecar"]), &["bimodal"]);
    assert!(told[0].text.contains("`front-v1` → `store/`") && told[0].arms == ["sidecar"], "{told:?}");
}

#[test]
fn forty_milliseconds_above_the_rest() {
    let told = check(
        |case| {
            case.arms.iter_mut().for_each(|arm| arm.services.truncate(2));
            case.of_arm("sidecar").for_each(|block| {
                block.samples.latency =
                    block.latency_of(|n, latency_ns| latency_ns + if n % 2 == 0 { 41 * MS } else { 0 });
            });
            let mut slow = call("back-v1", "store", 25 * MS);
            slow.latency.merge(&clean::histogram([66 * MS; 60]));
            case.observations.facts.calls.push(slow);
        },
        &["nagle"],
    );
    assert!(told[0].text.contains("took about 40 ms longer than the others (50 ms against 1"), "{told:?}");
    assert!(told[0].text.contains("`back-v1` → `store/` (37.5 % of its calls, 66 ms against 26 ms)"), "{told:?}");
}

#[test]
fn bursts() {
    let busy = |rounds: &'static [u32]| {
        move |case: &mut Case| {
            let struck = |reading: &&mut Reading| rounds.contains(&reading.round) && reading.arm == "sidecar";
            case.observations.meters.iter_mut().filter(struck).for_each(|reading| reading.machine.busy_s = 13.0);
        }
    };
    check(busy(&[]), &[]);
    let told = check(busy(&[2, 9]), &["foreign"]);
    assert!(told[0].text.contains("in 2 of 30 blocks (round 3 `sidecar` 1.2, round 10 `sidecar` 1.2;"), "{told:?}");
    assert!(!told[0].fatal && told[0].arms == ["sidecar"], "{told:?}");
    let told = check(busy(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), &["foreign"]);
    assert!(told[0].text.contains(", and 1 more;"), "{told:?}");
    // A machine that is always this busy is `saturated`, or there is no caution.
    check(|case| case.observations.meters.iter_mut().for_each(|reading| reading.machine.busy_s = 13.0), &[]);
}

/// The kernel counts busy time in ticks of 10 ms. In a block of 50 ms on two processors, two more are rounding.
#[test]
fn ticks_of_short_blocks_are_no_bursts() {
    let ticks = |more: f64| {
        move |case: &mut Case| {
            for reading in &mut case.observations.meters {
                let is_struck = reading.round == 3 && reading.arm == "sidecar";
                (reading.wall_s, reading.machine.capacity_s) = (0.05, 0.1);
                reading.machine.pressure_s = Some(0.0);
                reading.machine.busy_s = 0.02 + if is_struck { more * 0.01 } else { 0.0 };
                reading.containers.iter_mut().for_each(|container| container.cpu_s = 0.0);
            }
        }
    };
    check(ticks(2.0), &[]);
    check(ticks(4.0), &["foreign"]);
}

#[test]
fn standstills() {
    let stop = |case: &mut Case| {
        case.observations.load[5].samples.stopped_s = 20.0;
        case.observations.leave_out(None);
    };
    let told = check(stop, &["stopped"]);
    assert!(told[0].text.contains("(round 3 `sidecar` 20.0 s)"), "{told:?}");
}

#[test]
fn sequences() {
    let wander = |block: &mut LoadBlock| {
        (0..).zip(&mut block.samples.sequence).for_each(|(request, latency_ns)| {
            *latency_ns = (*latency_ns as f64 * 1.02_f64.powi(request)) as u64;
        });
    };
    check(|case| case.of_arm("none").for_each(wander), &["not_stationary", "autocorrelated"]);
    check(|case| case.each(|block| block.samples.sequence.sort_unstable()), &["not_stationary", "autocorrelated"]);
    // Instances in turn: slow, fast, slow, fast.
    let in_turn =
        |block: &mut LoadBlock| block.samples.sequence.iter_mut().step_by(2).for_each(|latency_ns| *latency_ns *= 2);
    check(|case| case.each(in_turn), &[]);
    check(|case| case.each(|block| block.samples.sequence.clear()), &[]);
}

#[test]
fn drift_over_rounds() {
    let slower = |block: &mut LoadBlock| {
        let round = u64::from(block.round);
        block.samples.latency = block.latency_of(|_, latency_ns| latency_ns + latency_ns * round / 50);
    };
    let told = check(|case| case.of_arm("sidecar").for_each(slower), &["drift", "drift"]);
    assert!(told[1].text.contains("relative to the baseline's") && !told[0].text.contains("relative"), "{told:?}");
    check(|case| case.each(slower), &["drift"]);
    let dearer = |reading: &mut Reading| reading.containers[0].cpu_s *= 1.0 + f64::from(reading.round) / 50.0;
    let of_sidecar = |reading: &&mut Reading| reading.arm == "sidecar";
    let told =
        check(|case| case.observations.meters.iter_mut().filter(of_sidecar).for_each(dearer), &["drift", "drift"]);
    assert!(told[0].text.starts_with("CPU time per request changed from the first third"), "{told:?}");
    assert!(told[1].text.starts_with("CPU time per request changed relative to the baseline's"), "{told:?}");
    check(|case| case.observations.meters.iter_mut().for_each(dearer), &["drift"]);
    let grow = |reading: &mut Reading| reading.containers[0].memory_bytes += u64::from(reading.round) << 20;
    let told = check(|case| case.observations.meters.iter_mut().for_each(grow), &["memory_growing"]);
    assert!(told[0].text.contains("`none` 52.0 to 62.0 MiB, `sidecar` 52.0 to 62.0 MiB"), "{told:?}");
}

#[test]
fn other_work_than_the_baseline() {
    let share = |first: u64| {
        move |case: &mut Case| {
            case.arms[1].services[1].requests = first;
            case.arms[1].services[2].requests = 1500 - first;
        }
    };
    check(share(740), &[]);
    let told = check(share(900), &["request_mix"]);
    assert!(told[0].text.contains("of service `back` received"), "{told:?}");
    check(|case| case.arms.iter_mut().for_each(|arm| arm.services.clear()), &[]);
    check(|case| case.arms.clear(), &[]);
}
