mod fortio;
mod page;
mod paired;
pub(crate) mod run;
mod runs;

use insta::assert_snapshot;
use measure::{ConnectionUse, Measurement, MemorySource, Metric, Stands, Verdict};

use crate::{answer, text};
use run::{EBPF, Figures, NONE, SIDECAR, caution, edge, pod, run};

/// What `meshtax run` writes to `report.txt`.
fn report(measurement: &Measurement) -> String {
    let report = format!("{}\n{}", answer(measurement), text(measurement));
    let wide: Vec<&str> = report.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "lines of more than 80 columns: {wide:#?}");
    assert!(report.lines().all(|line| line == line.trim_end()), "blanks at the end of a line:\n{report}");
    report
}

#[test]
fn two_arms() {
    let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
    run.environment.envoy = Some("1.40.0 (1a2b3c4d5e6f, RELEASE, BoringSSL)".to_owned());
    for (arm, [v2, v3], latency_ms) in [(0, [489, 507], [0.41, 0.95, 0.3]), (1, [512, 495], [1.52, 3.23, 1.4])] {
        let calls = v2 + v3;
        run.arms[arm].services = vec![
            pod("productpage", "v1", 1500),
            pod("reviews", "v2", v2),
            pod("reviews", "v3", v3),
            pod("ratings", "v1", calls),
        ];
        run.arms[arm].edges = vec![
            edge("productpage-v1", ("details", "/details/0"), 1500, Some(latency_ms[0])),
            edge("productpage-v1", ("reviews", "/reviews/0"), 1500, Some(latency_ms[1])),
            edge("reviews-v2", ("ratings", "/ratings/0"), v2, Some(latency_ms[2])),
            edge("reviews-v3", ("ratings", "/ratings/0"), v3, Some(latency_ms[2])),
        ];
    }
    assert_snapshot!(report(&run), @"
    Sidecars cost this application +4.21 ms [4.09, 4.33] per page and
    +3.89 ms [3.78, 4.01] of CPU time (+210 % [204, 216]). Memory at rest before the
    first request: +142 MiB (one stand-up). All of this stand-up.

    bookinfo-lean: topology `bookinfo-lean`, target
      http://productpage:9080/productpage
    10 rounds, 1500 requests per arm, 0.5 ms think time, new connections, seed 7

                              none         sidecar         vs none
    Latency
      mean, ms                1.98 ±  3 %     6.19 ±  3 %  +212 % [206, 218]
      p50, ms                 1.90 ±  3 %     5.96 ±  3 %  +213 % [207, 219]
      p90, ms                 2.41 ±  3 %     7.32 ±  3 %  +203 % [197, 209]
      p99, ms                 3.87            9.98         +158 % [153, 163]
      total wait, s           2.98            9.29         +212 % [206, 218]
    CPU
      per request, ms         1.85 ±  3 %     5.74 ±  3 %  +210 % [204, 216]
        app, ms               1.85 ±  3 %     1.87 ±  3 %  +0.97 % [-1.05, 2.99]
        proxy, ms                0            3.87 ±  3 %  +3.87 ms [3.80, 3.95]
      total, s                2.78            8.62         +210 % [204, 216]
      idle, fresh, cores   0.00312 ±  3 %   0.0312 ±  3 %  +901 % §
      peak, cores           0.0681           0.171         +151 % ‡
      machine busy, %         4.21 ±  3 %     9.87 ±  3 %  +134 % [130, 139]
    Memory
      idle, fresh, MiB        81.4 ±  3 %      223 ±  3 %  +174 % §
      loaded, MiB             83.1 ±  3 %      232 ±  3 %  +179 % §
        proxy, MiB               0             149 ±  3 %  +149 MiB §
      growth, MiB             1.65 ±  3 %     8.50 ±  3 %  +415 % §
    Links between pods
      per request, B          8214 ±  3 %    14390 ±  3 %  +75.2 % [71.7, 78.7]
      per request, frames     41.3 ±  3 %     60.1 ±  3 %  +45.5 % [42.6, 48.4]
    Counts
      requests                1500            1500         same
      errors                     0               0         same

    fresh: before the first request
    ± standard deviation (under load: 10 blocks; idle: 8 windows); none for totals,
      maxima, and quantiles with too few requests per block
    [low, high] 95 % interval, rounds of this stand-up paired
    ‡ no interval: a maximum over rounds
    § no interval: one stand-up shows memory and rest once

    Requests received  none  sidecar
      productpage-v1   1500     1500
      reviews-v2        489      512
      reviews-v3        507      495
      ratings-v1        996     1007

    Calls made            none           sidecar
                         calls  p50, ms    calls  p50, ms
    productpage-v1
      details/details/0   1500    0.410     1500     1.52
      reviews/reviews/0   1500    0.950     1500     3.23
    reviews-v2
      ratings/ratings/0    489    0.300      512     1.40
    reviews-v3
      ratings/ratings/0    507    0.300      495     1.40

    meshtax 0.1.0, Envoy 1.40.0 (1a2b3c4d5e6f, RELEASE, BoringSSL), started
      2026-01-02T03:04:05Z
    Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores (Example CPU 3.0 GHz), 7936
      MiB, cgroups v2, memory as working set
    ");
}

#[test]
fn three_rounds() {
    let mut few = [NONE, SIDECAR];
    few.iter_mut().for_each(|figures| figures[3] = None);
    let mut run = run(&[("none", &few[0]), ("sidecar", &few[1])], 3, 0.02);
    run.cautions = vec![
        caution(
            "few_rounds",
            "3 rounds were completed by all arms: intervals need 6, so there are none and any difference may be chance; \
             try `--rounds 10` or more",
        ),
        caution("few_requests", "an arm has only 450 answered requests: too few for latency_ms_p99"),
    ];
    assert_snapshot!(report(&run), @"
    With sidecars, no difference resolved: +4.21 ms (no interval: 3 rounds, at least
    6 are needed) per page and +3.89 ms (no interval) of CPU time (+210 %). Memory
    at rest before the first request: +142 MiB (one stand-up).

    bookinfo-lean: topology `bookinfo-lean`, target
      http://productpage:9080/productpage
    3 rounds, 1500 requests per arm, 0.5 ms think time, new connections, seed 7

                              none         sidecar         vs none
    Latency
      mean, ms                1.98 ±  3 %     6.19 ±  3 %  +212 % †
      p50, ms                 1.90 ±  3 %     5.96 ±  3 %  +213 % †
      p90, ms                 2.41 ±  3 %     7.32 ±  3 %  +203 % †
      p99, ms                    *               *         *
      total wait, s           2.98            9.29         +212 % †
    CPU
      per request, ms         1.85 ±  3 %     5.74 ±  3 %  +210 % †
        app, ms               1.85 ±  3 %     1.87 ±  3 %  +0.971 % †
        proxy, ms                0            3.87 ±  3 %  +3.87 ms †
      total, s                2.78            8.62         +210 % †
      idle, fresh, cores   0.00312 ±  3 %   0.0312 ±  3 %  +901 % §
      peak, cores           0.0681           0.171         +151 % ‡
      machine busy, %         4.21 ±  3 %     9.87 ±  3 %  +134 % †
    Memory
      idle, fresh, MiB        81.4 ±  3 %      223 ±  3 %  +174 % §
      loaded, MiB             83.1 ±  3 %      232 ±  3 %  +179 % §
        proxy, MiB               0             149 ±  3 %  +149 MiB §
      growth, MiB             1.65 ±  3 %     8.50 ±  3 %  +415 % §
    Links between pods
      per request, B          8214 ±  3 %    14390 ±  3 %  +75.2 % †
      per request, frames     41.3 ±  3 %     60.1 ±  3 %  +45.5 % †
    Counts
      requests                1500            1500         same
      errors                     0               0         same

    fresh: before the first request
    ± standard deviation (under load: 3 blocks; idle: 8 windows); none for totals,
      maxima, and quantiles with too few requests per block
    * no figure: too few samples
    † no interval: 3 rounds, at least 6 are needed
    ‡ no interval: a maximum over rounds
    § no interval: one stand-up shows memory and rest once

    caution few_rounds: 3 rounds were completed by all arms: intervals need 6, so
      there are none and any difference may be chance; try `--rounds 10` or more
    caution few_requests: an arm has only 450 answered requests: too few for
      latency_ms_p99

    meshtax 0.1.0, started 2026-01-02T03:04:05Z
    Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores (Example CPU 3.0 GHz), 7936
      MiB, cgroups v2, memory as working set
    ");
}

#[test]
fn what_was_done_stands_beside_what_was_asked() {
    let told = |rounds_asked: u32, done: [f64; 2]| {
        let mut run = run(&[("none", &NONE), ("sidecar", &[None; 20])], 20, 0.02);
        run.experiment.complete = run.experiment.rounds >= rounds_asked;
        run.experiment.rounds_asked = Some(rounds_asked);
        for (arm, done) in run.arms.iter_mut().zip(done) {
            arm.metrics.get_mut("requests").unwrap().value = Some(done);
        }
        report(&run).lines().find(|line| line.contains("per arm")).unwrap().to_owned()
    };
    assert!(told(20, [1500.0; 2]).starts_with("20 rounds, 1500 requests per arm,"));
    assert!(told(30, [1020.0, 1000.0]).starts_with("20 of 30 rounds, 1000 to 1020 of 1500 requests per arm,"));
    assert!(told(30, [1000.0; 2]).starts_with("20 of 30 rounds, 1000 of 1500 requests per arm,"));
    // A run that went on until its interval was narrow had more requests than asked for.
    assert!(told(15, [2000.0; 2]).starts_with("20 rounds, 2000 requests per arm,"));
}

#[test]
fn interrupted() {
    let mut run = run(&[("none", &NONE), ("sidecar", &[None; 20])], 1, 0.02);
    run.experiment.complete = false;
    run.experiment.rounds_asked = Some(3);
    run.arms[1].metrics.values_mut().for_each(|value| value.count = 0);
    run.arms[0].services = vec![pod("productpage", "v1", 150)];
    run.arms[0].services[0].errors = 2;
    run.arms[0].edges = vec![edge("productpage-v1", ("details", "/details/0"), 9, None)];
    run.arms[0].edges[0].failures = 1;
    assert_snapshot!(report(&run), @"
    With sidecars, too few samples for latency and CPU time, and memory.

    bookinfo-lean: topology `bookinfo-lean`, target
      http://productpage:9080/productpage
    1 of 3 rounds, 1500 requests per arm, 0.5 ms think time, new connections, seed 7
    Cut short after 1 of 3 rounds: these results are partial.

                              none         sidecar    vs none
    Latency
      mean, ms                1.98 ±  3 %        *    *
      p50, ms                 1.90 ±  3 %        *    *
      p90, ms                 2.41 ±  3 %        *    *
      p99, ms                 3.87               *    *
      total wait, s           2.98               *    *
    CPU
      per request, ms         1.85               *    *
        app, ms               1.85               *    *
        proxy, ms                0               *    *
      total, s                2.78               *    *
      idle, fresh, cores   0.00312 ±  3 %        *    *
      peak, cores           0.0681               *    *
      machine busy, %         4.21               *    *
    Memory
      idle, fresh, MiB        81.4 ±  3 %        *    *
      loaded, MiB             83.1               *    *
        proxy, MiB               0               *    *
      growth, MiB             1.65               *    *
    Links between pods
      per request, B          8214               *    *
      per request, frames     41.3               *    *
    Counts
      requests                1500               *    *
      errors                     0               *    *

    fresh: before the first request
    ± standard deviation (idle: 8 windows); none for totals, maxima, and quantiles
      with too few requests per block
    * no figure: too few samples

    Requests received  none  sidecar
      productpage-v1    150
    arm `none`: `productpage-v1` answered 2 of 150 requests with an error

    Calls made            none           sidecar
                         calls  p50, ms    calls  p50, ms
    productpage-v1
      details/details/0      9        *
    * no figure: too few calls
    arm `none`: 1 of 9 calls from `productpage-v1` to `details/details/0` failed

    meshtax 0.1.0, started 2026-01-02T03:04:05Z
    Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores (Example CPU 3.0 GHz), 7936
      MiB, cgroups v2, memory as working set
    ");
}

#[test]
fn one_arm() {
    let mut run = run(&[("none", &NONE)], 10, 0.02);
    run.experiment.connection = ConnectionUse::Keep;
    run.environment.memory_source = MemorySource::Pss;
    assert_snapshot!(report(&run), @"
    Arm `none` stands alone: there is nothing to compare it with.

    bookinfo-lean: topology `bookinfo-lean`, target
      http://productpage:9080/productpage
    10 rounds, 1500 requests per arm, 0.5 ms think time, connections kept, seed 7

                              none
    Latency
      mean, ms                1.98 ±  3 %
      p50, ms                 1.90 ±  3 %
      p90, ms                 2.41 ±  3 %
      p99, ms                 3.87
      total wait, s           2.98
    CPU
      per request, ms         1.85 ±  3 %
        app, ms               1.85 ±  3 %
        proxy, ms                0
      total, s                2.78
      idle, fresh, cores   0.00312 ±  3 %
      peak, cores           0.0681
      machine busy, %         4.21 ±  3 %
    Memory
      idle, fresh, MiB        81.4 ±  3 %
      loaded, MiB             83.1 ±  3 %
        proxy, MiB               0
      growth, MiB             1.65 ±  3 %
    Links between pods
      per request, B          8214 ±  3 %
      per request, frames     41.3 ±  3 %
    Counts
      requests                1500
      errors                     0

    fresh: before the first request
    ± standard deviation (under load: 10 blocks; idle: 8 windows); none for totals,
      maxima, and quantiles with too few requests per block

    meshtax 0.1.0, started 2026-01-02T03:04:05Z
    Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores (Example CPU 3.0 GHz), 7936
      MiB, cgroups v2, memory as PSS
    ");
}

#[test]
fn an_arm_that_costs_nothing_measurable() {
    let mut run = run(&[("none", &NONE), ("ebpf", &EBPF)], 10, 0.02);
    run.experiment.target = "http://homepage:8080/".to_owned();
    assert_snapshot!(report(&run), @"
    With arm `ebpf`, no difference resolved: +0.0070 ms [-0.0328, 0.0468] per
    request and +0.0180 ms [-0.0194, 0.0554] of CPU time (+0.97 % [-1.05, 2.99]).
    Memory at rest before the first request: within 1 MiB of `none` (one stand-up).
    All of this stand-up.

    bookinfo-lean: topology `bookinfo-lean`, target http://homepage:8080/
    10 rounds, 1500 requests per arm, 0.5 ms think time, new connections, seed 7

                              none            ebpf         vs none
    Latency
      mean, ms                1.98 ±  3 %     1.99 ±  3 %  +0.35 % [-1.65, 2.36]
      p50, ms                 1.90 ±  3 %     1.91 ±  3 %  +0.32 % [-1.69, 2.32]
      p90, ms                 2.41 ±  3 %     2.42 ±  3 %  +0.29 % [-1.72, 2.30]
      p99, ms                 3.87            3.90         +0.75 % [-1.27, 2.76]
      total wait, s           2.98            2.99         +0.37 % [-1.64, 2.38]
    CPU
      per request, ms         1.85 ±  3 %     1.87 ±  3 %  +0.97 % [-1.05, 2.99]
        app, ms               1.85 ±  3 %     1.87 ±  3 %  +0.97 % [-1.05, 2.99]
        proxy, ms                0               0         same
      total, s                2.78            2.81         +0.97 % [-1.05, 2.99]
      idle, fresh, cores   0.00312 ±  3 %  0.00312 ±  3 %  same
      peak, cores           0.0681          0.0690         +1.32 % ‡
      machine busy, %         4.21 ±  3 %     4.30 ±  3 %  +2.14 % [0.10, 4.18]
    Memory
      idle, fresh, MiB        81.4 ±  3 %     81.4 ±  3 %  same
      loaded, MiB             83.1 ±  3 %     83.1 ±  3 %  +0.0361 % §
        proxy, MiB               0               0         same
      growth, MiB             1.65 ±  3 %     1.68 ±  3 %  +1.82 % §
    Links between pods
      per request, B          8214 ±  3 %     8214 ±  3 %  same
      per request, frames     41.3 ±  3 %     41.3 ±  3 %  same
    Counts
      requests                1500            1500         same
      errors                     0               0         same

    fresh: before the first request
    ± standard deviation (under load: 10 blocks; idle: 8 windows); none for totals,
      maxima, and quantiles with too few requests per block
    [low, high] 95 % interval, rounds of this stand-up paired
    ‡ no interval: a maximum over rounds
    § no interval: one stand-up shows memory and rest once

    meshtax 0.1.0, started 2026-01-02T03:04:05Z
    Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores (Example CPU 3.0 GHz), 7936
      MiB, cgroups v2, memory as working set
    ");
}

#[test]
fn three_arms() {
    let run = run(&[("none", &NONE), ("sidecar", &SIDECAR), ("ebpf", &EBPF)], 10, 0.002);
    assert_snapshot!(answer(&run), @"
    Sidecars cost this application +4.21 ms [4.20, 4.22] per page and
    +3.89 ms [3.88, 3.90] of CPU time (+210 % [209, 211]). Memory at rest before the
    first request: +142 MiB (one stand-up). All of this stand-up.

    Arm `ebpf` costs this application +0.0070 ms [0.0030, 0.0110] per page and
    +0.0180 ms [0.0143, 0.0217] of CPU time (+0.97 % [0.77, 1.17]). Memory at rest
    before the first request: within 1 MiB of `none` (one stand-up). All of
    this stand-up.
    ");
    let headers: Vec<_> = text(&run).lines().filter(|line| line.contains("vs none")).map(str::to_owned).collect();
    assert!(headers.len() == 2 && headers[0].contains("sidecar") && headers[1].contains("ebpf"), "{headers:#?}");
}

#[test]
fn many_arms_with_long_names_stay_in_the_width() {
    let names = ["none", "sidecar-of-some-length", "ebpf-and-sidecar-and-more", "four", "five"];
    let arms: Vec<_> = names.iter().map(|name| (*name, &SIDECAR)).collect();
    let mut run = run(&arms, 10, 0.02);
    for arm in &mut run.arms {
        let service = "a-service-with-a-name-of-sixty-three-characters-as-dns-allows-it";
        arm.services = vec![pod(service, "v1", 1_000_000)];
        arm.edges = vec![edge("front-v1", (service, "/path"), 1_000_000, Some(0.001_234))];
    }
    report(&run);
}

#[test]
fn answers_say_no_more_than_was_seen() {
    let check = |base: Figures, other: Figures, rounds, text: &str| {
        let said = answer(&run(&[("none", &base), ("ebpf", &other)], rounds, 0.002));
        assert_eq!(said.split_whitespace().collect::<Vec<_>>().join(" "), text);
    };
    check(
        NONE,
        NONE,
        10,
        "With arm `ebpf`, no difference resolved: 0 ms [0, 0] per page and 0 ms [0, 0] of CPU time (0 % [0, 0]). Memory \
         at rest before the first request: within 1 MiB of `none` (one stand-up). All of this stand-up.",
    );
    check(
        SIDECAR,
        NONE,
        10,
        "Arm `ebpf` takes less than `none`: -4.21 ms [-4.22, -4.20] per page and -3.89 ms [-3.90, -3.88] of CPU time \
         (-67.7 % [-67.8, -67.7]). Memory at rest before the first request: -142 MiB (one stand-up). All of this stand-up.",
    );
    check(
        NONE,
        SIDECAR,
        1,
        "With arm `ebpf`, no difference resolved: +4.21 ms (no interval: 1 round, at least 6 are needed) per page and \
         +3.89 ms (no interval) of CPU time (+210 %). Memory at rest before the first request: +142 MiB (one stand-up).",
    );
    check([None; 20], NONE, 10, "With arm `ebpf`, too few samples for latency and CPU time, and memory.");
}

/// The effect of the second arm on a metric.
fn effect_on(run: &mut Measurement, metric: Metric) -> &mut measure::Effect {
    run.effects.iter_mut().find(|effect| effect.metric == metric.name()).expect("every metric has an effect")
}

#[test]
fn answers_say_what_the_verdicts_say() {
    let check = |latency: Verdict, cpu: Verdict, text: &str| {
        let mut run = run(&[("none", &NONE), ("ebpf", &EBPF)], 10, 0.002);
        for (metric, verdict) in [(Metric::LatencyMsMean, latency), (Metric::CpuMsPerRequest, cpu)] {
            let effect = effect_on(&mut run, metric);
            (effect.verdict, effect.margin) = (Some(verdict), Some(0.02));
        }
        let said = answer(&run).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.split_once(" Memory at rest").map(|(costs, _)| costs), Some(text));
    };
    // Both intervals exclude zero, but only one effect remains after correcting for four metrics.
    check(
        Verdict::NotResolvable,
        Verdict::Costs,
        "With arm `ebpf`, no difference resolved: +0.0070 ms [0.0030, 0.0110] per page. It costs this application \
         +0.0180 ms [0.0143, 0.0217] of CPU time (+0.97 % [0.77, 1.17]).",
    );
    check(
        Verdict::NoMeasurableCost,
        Verdict::NoMeasurableCost,
        "With arm `ebpf`, no measurable cost (within 2 %): +0.0070 ms [0.0030, 0.0110] per page and +0.0180 ms [0.0143, \
         0.0217] of CPU time (+0.97 % [0.77, 1.17]).",
    );
    check(
        Verdict::Saves,
        Verdict::NoMeasurableCost,
        "Arm `ebpf` takes less than `none`: +0.0070 ms [0.0030, 0.0110] per page. And no measurable cost (within 2 %): \
         +0.0180 ms [0.0143, 0.0217] of CPU time (+0.97 % [0.77, 1.17]).",
    );
}

#[test]
fn memory_at_rest_is_a_cost_over_stand_ups_only() {
    let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 20, 0.02);
    run.experiment.stands = Some(Stands { rounds: 2, longer: 0, windows: 1 });
    let rest = |run: &Measurement| {
        let said = answer(run).split_whitespace().collect::<Vec<_>>().join(" ");
        said.split("216])").nth(1).expect("CPU time has an interval").to_owned()
    };
    let memory = effect_on(&mut run, Metric::MemoryIdleMib);
    memory.units = Some(3);
    assert_eq!(rest(&run), ". Memory at rest before the first request: +142 MiB (3 stand-ups).");
    let memory = effect_on(&mut run, Metric::MemoryIdleMib);
    (memory.units, memory.difference_ci95) = (Some(10), Some([138.0, 146.0]));
    assert_eq!(rest(&run), ", and +142 MiB [138, 146] of memory at rest before the first request.");
}

#[test]
fn numbers_that_are_not_to_be_trusted_are_marked_and_first() {
    let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
    let saturated = measure::Caution { fatal: true, ..caution("saturated", "the machine was full; ask for less") };
    run.cautions = vec![caution("drift", "latency rose"), saturated];
    let lines = |told: &str, start: &str| {
        told.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        lines(&(crate::warnings(&run.cautions) + &report(&run)), "caution"),
        ["caution saturated: do not trust these numbers: the machine was full; ask for", "caution drift: latency rose"]
    );
    assert_eq!(
        lines(&crate::markdown(&run), "- "),
        [
            "- **saturated**: **do not trust these numbers**: the machine was full; ask for less",
            "- **drift**: latency rose"
        ]
    );
}
