use insta::assert_snapshot;
use measure::Stands;

use super::report;
use super::run::{NONE, SIDECAR, run, with_client_proxy};
use crate::answer;

#[test]
fn latency_is_paired_with_the_cpu_and_memory_of_all_proxies_that_it_passes() {
    let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
    with_client_proxy(&mut run);
    assert_snapshot!(report(&run), @"
    Sidecars cost this application +4.21 ms [4.09, 4.33] per page and
    +4.54 ms [4.44, 4.63] of CPU time (+245 % [238, 252]). Memory at rest after the
    warm-up: +162 MiB (one stand-up). All of this stand-up. All of these include the
    proxy beside the client.

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
      idle, warm, cores    0.00312 ±  3 %   0.0352 ±  3 %  +1028 % §
      peak, cores           0.0681           0.171         +151 % ‡
      machine busy, %         4.21 ±  3 %     9.87 ±  3 %  +134 % [130, 139]
    Memory
      idle, fresh, MiB        81.4 ±  3 %      223 ±  3 %  +174 % §
      idle, warm, MiB         82.0 ±  3 %      227 ±  3 %  +177 % §
      loaded, MiB             83.1 ±  3 %      232 ±  3 %  +179 % §
        proxy, MiB               0             149 ±  3 %  +149 MiB §
      growth, MiB             1.65 ±  3 %     8.50 ±  3 %  +415 % §
    With client's proxy
      CPU per request, ms     1.85 ±  3 %     6.39 ±  3 %  +245 % [238, 252]
      memory, fresh, MiB      81.4 ±  3 %      240 ±  3 %  +195 % §
      memory, warm, MiB       82.0 ±  3 %      244 ±  3 %  +198 % §
      memory, loaded, MiB     83.1 ±  3 %      250 ±  3 %  +200 % §
    CPU in no total
      cluster DNS, ms        0.344 ±  3 %    0.351 ±  3 %  +2.03 % [-0.01, 4.08]
    Links between pods
      per request, B          8214 ±  3 %    14390 ±  3 %  +75.2 % [71.7, 78.7]
      per request, frames     41.3 ±  3 %     60.1 ±  3 %  +45.5 % [42.6, 48.4]
    Counts
      requests                1500            1500         same
      errors                     0               0         same

    CPU and memory are those of the application's pods and their proxies; latencies
      also pass the proxy beside the client, which the rows with the client's proxy
      include
    fresh: before the first request; warm: at rest after the warm-up
    CPU in no total, per request: the arm's own DNS server, and the process that
      probes its pods
    ± standard deviation (under load: 10 blocks; idle: 8 windows); none for totals,
      maxima, and quantiles with too few requests per block
    [low, high] 95 % interval, rounds of this stand-up paired
    ‡ no interval: a maximum over rounds
    § no interval: one stand-up shows memory and rest once

    arm `sidecar`: the proxy beside the client used 0.644 ms [0.616, 0.672] of CPU
      time per request and held 17.4 MiB, outside all totals; all proxies together
      used 4.52 ms [4.49, 4.54]

    meshtax 0.1.0, started 2026-01-02T03:04:05Z
    Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores (Example CPU 3.0 GHz), 7936
      MiB, cgroups v2, memory as working set
    ");
    // A run that was measured before these figures existed.
    run.effects.retain(|effect| !effect.metric.contains("with_client") && !effect.metric.contains("warm"));
    assert_snapshot!(answer(&run), @"
    Sidecars cost this application +4.21 ms [4.09, 4.33] per page and
    +3.89 ms [3.78, 4.01] of CPU time (+210 % [204, 216]). Memory at rest before the
    first request: +142 MiB (one stand-up). All of this stand-up. Latency includes
    the proxy beside the client; CPU and memory do not.
    ");
}

#[test]
fn intervals_of_less_than_ten_rounds_bear_a_mark() {
    let few = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 7, 0.02);
    let meaning = "~[low, high] approximate: fewer than 10 rounds";
    for told in [report(&few), crate::markdown(&few)] {
        assert!(told.contains(meaning) && told.contains("+212 % ~[206, 218]"), "{told}");
        assert_eq!(told.matches('[').count(), told.matches("~[").count() + 1, "but for the legend, all do: {told}");
    }
    let enough = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
    assert!(!report(&enough).contains('~') && !crate::markdown(&enough).contains('~'));
    let mut stood = few.clone();
    stood.experiment.stands = Some(Stands { rounds: 1, longer: 0, windows: 2 });
    assert!(report(&stood).contains("approximate: fewer than 10 stand-ups"));
}
