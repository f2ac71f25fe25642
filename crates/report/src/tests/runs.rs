use insta::assert_snapshot;
use measure::{Aspect, COMPARISON_SCHEMA, Comparison, Difference, Effect, Failures, Measurement, Metric, Verdict};

use super::run::{Figures, NONE, SIDECAR, caution, run};

/// Sets verdicts as if the first metric cost, the second did not, and the third was not resolvable.
fn judge(effects: &mut [Effect]) {
    let verdicts = [Verdict::Costs, Verdict::NoMeasurableCost, Verdict::NotResolvable, Verdict::Saves];
    for (metric, verdict) in Metric::PRIMARY.into_iter().zip(verdicts) {
        let effect = effects.iter_mut().find(|effect| effect.metric == metric.name()).expect("every metric is there");
        (effect.verdict, effect.margin, effect.p_value) = (Some(verdict), Some(0.02), Some(0.012));
        effect.smallest_resolvable = Some(0.034);
        effect.rounds_needed = (verdict == Verdict::NotResolvable).then_some(25);
    }
}

/// Compares two runs of `none` and `sidecar` whose intervals reach `reach` of the figures.
fn comparison(a: &Figures, b: &Figures, rounds: u32, reach: f64) -> Comparison {
    let runs = [a, b].map(|sidecar| run(&[("none", &NONE), ("sidecar", sidecar)], rounds, reach));
    let against = |arm: &str, a: &Figures, b: &Figures| run(&[("a", a), (arm, b)], rounds, reach).effects;
    let mut overheads: Vec<Effect> = against("sidecar", a, b);
    judge(&mut overheads);
    let effects = [against("none", &NONE, &NONE), overheads.clone()].concat();
    let [a, b]: [Measurement; 2] = runs;
    let schema = COMPARISON_SCHEMA.to_owned();
    Comparison { schema, a, b, differences: Vec::new(), effects, overheads, failures: Vec::new(), cautions: Vec::new() }
}

fn difference(aspect: Aspect, name: &str, [a, b]: [&str; 2]) -> Difference {
    Difference { aspect, name: name.to_owned(), a: a.to_owned(), b: b.to_owned() }
}

/// What `meshtax compare` prints.
fn told(comparison: &Comparison) -> String {
    let text = crate::runs(comparison);
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "lines of more than 80 columns: {wide:#?}");
    assert!(text.lines().all(|line| line == line.trim_end()), "blanks at the end of a line:\n{text}");
    text
}

/// A sidecar that takes a tenth more in B, on another machine and under another load.
fn dearer() -> Comparison {
    let dearer = SIDECAR.map(|figure| figure.map(|figure| figure * 1.1));
    let mut comparison = comparison(&SIDECAR, &dearer, 10, 0.02);
    comparison.differences = vec![
        difference(Aspect::Load, "think_ms", ["2", "5"]),
        difference(Aspect::Arms, "`sidecar` concurrency", ["absent", "4"]),
        difference(
            Aspect::Environment,
            "processor",
            ["Example CPU 3.0 GHz", "Another Example CPU whose name is rather long 2.0 GHz"],
        ),
    ];
    comparison.cautions =
        vec![caution("other_environment", "the runs differ in processor: their arms may differ for that")];
    let (arm, kind) = ("sidecar".to_owned(), "timeout".to_owned());
    comparison.failures = vec![Failures { arm, kind, a: 0, b: 12 }];
    comparison
}

#[test]
fn a_pull_request_of_two_runs() {
    assert_snapshot!(crate::runs_markdown(&dearer()), @"
    ### meshtax: bookinfo-lean against bookinfo-lean

    - A: bookinfo-lean, 10 rounds, arms none, sidecar, started 2026-01-02T03:04:05Z
    - B: bookinfo-lean, 10 rounds, arms none, sidecar, started 2026-01-02T03:04:05Z

    | What differs | A | B |
    |---|--:|--:|
    | load: think_ms | 2 | 5 |
    | arms: `sidecar` concurrency | absent | 4 |
    | environment: processor | Example CPU 3.0 GHz | Another Example CPU whose name is rather long 2.0 GHz |

    | none | A | B | B vs A | verdict |
    |---|--:|--:|--:|--:|
    | Latency mean, ms | 1.98 ± 3 % | 1.98 ± 3 % | same |  |
    | Latency p50, ms | 1.90 ± 3 % | 1.90 ± 3 % | same |  |
    | Latency p90, ms | 2.41 ± 3 % | 2.41 ± 3 % | same |  |
    | CPU per request, ms | 1.85 ± 3 % | 1.85 ± 3 % | same |  |

    | sidecar | A | B | B vs A | verdict |
    |---|--:|--:|--:|--:|
    | Latency mean, ms | 6.19 ± 3 % | 6.81 ± 3 % | +10.0 % [7.8, 12.2] | costs |
    | Latency p50, ms | 5.96 ± 3 % | 6.55 ± 3 % | +10.0 % [7.8, 12.2] | no measurable cost |
    | Latency p90, ms | 7.32 ± 3 % | 8.06 ± 3 % | +10.0 % [7.8, 12.2] | not resolvable here |
    | CPU per request, ms | 5.74 ± 3 % | 6.32 ± 3 % | +10.0 % [7.8, 12.2] | saves |

    | Cost beside none | A | B | B vs A | verdict |
    |---|--:|--:|--:|--:|
    | sidecar: Latency mean | +212 % | +243 % | +10.0 % [7.8, 12.2] | costs |
    | sidecar: Latency p50 | +213 % | +245 % | +10.0 % [7.8, 12.2] | no measurable cost |
    | sidecar: Latency p90 | +203 % | +234 % | +10.0 % [7.8, 12.2] | not resolvable here |
    | sidecar: CPU per request | +210 % | +241 % | +10.0 % [7.8, 12.2] | saves |

    equivalent: within 2 %

    | Failed requests | A | B |
    |---|--:|--:|
    | sidecar: timeout | 0 | 12 |

    - **other_environment**: the runs differ in processor: their arms may differ for that

    <details><summary>Every metric of none in B against A</summary>

    |  | A | B | B vs A |
    |---|--:|--:|--:|
    | Latency: mean, ms | 1.98 ± 3 % | 1.98 ± 3 % | same |
    | Latency: p50, ms | 1.90 ± 3 % | 1.90 ± 3 % | same |
    | Latency: p90, ms | 2.41 ± 3 % | 2.41 ± 3 % | same |
    | Latency: p99, ms | 3.87 | 3.87 | same |
    | Latency: total wait, s | 2.98 | 2.98 | same |
    | CPU: per request, ms | 1.85 ± 3 % | 1.85 ± 3 % | same |
    | CPU: app, ms | 1.85 ± 3 % | 1.85 ± 3 % | same |
    | CPU: proxy, ms | 0 | 0 | same |
    | CPU: total, s | 2.78 | 2.78 | same |
    | CPU: idle, fresh, cores | 0.00312 ± 3 % | 0.00312 ± 3 % | same |
    | CPU: peak, cores | 0.0681 | 0.0681 | same |
    | CPU: machine busy, % | 4.21 ± 3 % | 4.21 ± 3 % | same |
    | Memory: idle, fresh, MiB | 81.4 ± 3 % | 81.4 ± 3 % | same |
    | Memory: loaded, MiB | 83.1 ± 3 % | 83.1 ± 3 % | same |
    | Memory: proxy, MiB | 0 | 0 | same |
    | Memory: growth, MiB | 1.65 ± 3 % | 1.65 ± 3 % | same |
    | Links between pods: per request, B | 8214 ± 3 % | 8214 ± 3 % | same |
    | Links between pods: per request, frames | 41.3 ± 3 % | 41.3 ± 3 % | same |
    | Counts: requests | 1500 | 1500 | same |
    | Counts: errors | 0 | 0 | same |

    </details>

    <details><summary>Every metric of sidecar in B against A</summary>

    |  | A | B | B vs A |
    |---|--:|--:|--:|
    | Latency: mean, ms | 6.19 ± 3 % | 6.81 ± 3 % | +10.0 % [7.8, 12.2] |
    | Latency: p50, ms | 5.96 ± 3 % | 6.55 ± 3 % | +10.0 % [7.8, 12.2] |
    | Latency: p90, ms | 7.32 ± 3 % | 8.06 ± 3 % | +10.0 % [7.8, 12.2] |
    | Latency: p99, ms | 9.98 | 11.0 | +10.0 % [7.8, 12.2] |
    | Latency: total wait, s | 9.29 | 10.2 | +10.0 % [7.8, 12.2] |
    | CPU: per request, ms | 5.74 ± 3 % | 6.32 ± 3 % | +10.0 % [7.8, 12.2] |
    | CPU: app, ms | 1.87 ± 3 % | 2.06 ± 3 % | +10.0 % [7.8, 12.2] |
    | CPU: proxy, ms | 3.87 ± 3 % | 4.26 ± 3 % | +10.0 % [7.8, 12.2] |
    | CPU: total, s | 8.62 | 9.48 | +10.0 % [7.8, 12.2] |
    | CPU: idle, fresh, cores | 0.0312 ± 3 % | 0.0344 ± 3 % | +10.0 % |
    | CPU: peak, cores | 0.171 | 0.188 | +10.0 % |
    | CPU: machine busy, % | 9.87 ± 3 % | 10.9 ± 3 % | +10.0 % [7.8, 12.2] |
    | Memory: idle, fresh, MiB | 223 ± 3 % | 246 ± 3 % | +10.0 % |
    | Memory: loaded, MiB | 232 ± 3 % | 255 ± 3 % | +10.0 % |
    | Memory: proxy, MiB | 149 ± 3 % | 163 ± 3 % | +10.0 % |
    | Memory: growth, MiB | 8.50 ± 3 % | 9.35 ± 3 % | +10.0 % |
    | Links between pods: per request, B | 14390 ± 3 % | 15829 ± 3 % | +10.0 % [7.8, 12.2] |
    | Links between pods: per request, frames | 60.1 ± 3 % | 66.1 ± 3 % | +10.0 % [7.8, 12.2] |
    | Counts: requests | 1500 | 1650 | +10.0 % [7.8, 12.2] |
    | Counts: errors | 0 | 0 | same |

    </details>

    <sub>[low, high] is a 95 % interval by Welch's t, rounds unpaired; quantiles are those of all blocks together. It includes what varied within the runs, and nothing that changed between them.</sub>
    ");
}

#[test]
fn a_dearer_sidecar() {
    let comparison = dearer();
    assert_snapshot!(told(&comparison), @"
    A: bookinfo-lean, 10 rounds, arms none, sidecar, started 2026-01-02T03:04:05Z
    B: bookinfo-lean, 10 rounds, arms none, sidecar, started 2026-01-02T03:04:05Z

    What differs                   A                    B
      load: think_ms               2                    5
      arms: `sidecar` concurrency  absent               4
      environment: processor       Example CPU 3.0 GHz  Another Example CPU whose
                                                        name is rather long 2.0 GHz

    Verdicts, B vs A                               change      p
    sidecar mean: costs               +10.0 % [7.8, 12.2]  0.012
    sidecar p50: no measurable cost   +10.0 % [7.8, 12.2]  0.012
    sidecar p90: not resolvable here  +10.0 % [7.8, 12.2]  0.012
    sidecar CPU: saves                +10.0 % [7.8, 12.2]  0.012
    sidecar p90: a change of 3.4 % would have been resolved; 25 rounds would resolve
      the margin
    equivalent: within 2 %

    Verdicts beside `none`                         change      p
    sidecar mean: costs               +10.0 % [7.8, 12.2]  0.012
    sidecar p50: no measurable cost   +10.0 % [7.8, 12.2]  0.012
    sidecar p90: not resolvable here  +10.0 % [7.8, 12.2]  0.012
    sidecar CPU: saves                +10.0 % [7.8, 12.2]  0.012
    sidecar p90: a change of 3.4 % would have been resolved; 25 rounds would resolve
      the margin

    Cost beside `none`       A       B  B vs A
    sidecar
      Latency mean      +212 %  +243 %  +10.0 % [7.8, 12.2]
      Latency p50       +213 %  +245 %  +10.0 % [7.8, 12.2]
      Latency p90       +203 %  +234 %  +10.0 % [7.8, 12.2]
      CPU per request   +210 %  +241 %  +10.0 % [7.8, 12.2]

    none                         A               B         B vs A
    Latency
      mean, ms                1.98 ±  3 %     1.98 ±  3 %  same
      p50, ms                 1.90 ±  3 %     1.90 ±  3 %  same
      p90, ms                 2.41 ±  3 %     2.41 ±  3 %  same
      p99, ms                 3.87            3.87         same
      total wait, s           2.98            2.98         same
    CPU
      per request, ms         1.85 ±  3 %     1.85 ±  3 %  same
        app, ms               1.85 ±  3 %     1.85 ±  3 %  same
        proxy, ms                0               0         same
      total, s                2.78            2.78         same
      idle, fresh, cores   0.00312 ±  3 %  0.00312 ±  3 %  same
      peak, cores           0.0681          0.0681         same
      machine busy, %         4.21 ±  3 %     4.21 ±  3 %  same
    Memory
      idle, fresh, MiB        81.4 ±  3 %     81.4 ±  3 %  same
      loaded, MiB             83.1 ±  3 %     83.1 ±  3 %  same
        proxy, MiB               0               0         same
      growth, MiB             1.65 ±  3 %     1.65 ±  3 %  same
    Links between pods
      per request, B          8214 ±  3 %     8214 ±  3 %  same
      per request, frames     41.3 ±  3 %     41.3 ±  3 %  same
    Counts
      requests                1500            1500         same
      errors                     0               0         same

    sidecar                     A              B         B vs A
    Latency
      mean, ms               6.19 ±  3 %    6.81 ±  3 %  +10.0 % [7.8, 12.2]
      p50, ms                5.96 ±  3 %    6.55 ±  3 %  +10.0 % [7.8, 12.2]
      p90, ms                7.32 ±  3 %    8.06 ±  3 %  +10.0 % [7.8, 12.2]
      p99, ms                9.98           11.0         +10.0 % [7.8, 12.2]
      total wait, s          9.29           10.2         +10.0 % [7.8, 12.2]
    CPU
      per request, ms        5.74 ±  3 %    6.32 ±  3 %  +10.0 % [7.8, 12.2]
        app, ms              1.87 ±  3 %    2.06 ±  3 %  +10.0 % [7.8, 12.2]
        proxy, ms            3.87 ±  3 %    4.26 ±  3 %  +10.0 % [7.8, 12.2]
      total, s               8.62           9.48         +10.0 % [7.8, 12.2]
      idle, fresh, cores   0.0312 ±  3 %  0.0344 ±  3 %  +10.0 % §
      peak, cores           0.171          0.188         +10.0 % ‡
      machine busy, %        9.87 ±  3 %    10.9 ±  3 %  +10.0 % [7.8, 12.2]
    Memory
      idle, fresh, MiB        223 ±  3 %     246 ±  3 %  +10.0 % §
      loaded, MiB             232 ±  3 %     255 ±  3 %  +10.0 % §
        proxy, MiB            149 ±  3 %     163 ±  3 %  +10.0 % §
      growth, MiB            8.50 ±  3 %    9.35 ±  3 %  +10.0 % §
    Links between pods
      per request, B        14390 ±  3 %   15829 ±  3 %  +10.0 % [7.8, 12.2]
      per request, frames    60.1 ±  3 %    66.1 ±  3 %  +10.0 % [7.8, 12.2]
    Counts
      requests               1500           1650         +10.0 % [7.8, 12.2]
      errors                    0              0         same

    Failed requests     A   B
      sidecar: timeout  0  12

    Cost beside `none`: B vs A compares the ratios to it, so that what changed for
      all arms alike, such as a faster machine, cancels
    ± standard deviation over blocks or windows; none for totals, maxima, and
      quantiles that a block has too few requests for
    [low, high] 95 % interval by Welch's t, rounds unpaired; quantiles are those of
      all blocks together. It includes what varied within the runs, and nothing that
      changed between them
    ‡ no interval: a maximum over rounds
    § no interval: one stand-up shows memory and rest once

    caution other_environment: the runs differ in processor: their arms may differ
      for that
    ");
}

#[test]
fn three_rounds() {
    let dearer = SIDECAR.map(|figure| figure.map(|figure| figure * 1.1));
    let text = told(&comparison(&SIDECAR, &dearer, 3, 0.02));
    for part in ["Topology, load and environment are the same.", "† no interval: a run has too few rounds", "same"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn two_short_runs_have_approximate_intervals() {
    let dearer = SIDECAR.map(|figure| figure.map(|figure| figure * 1.1));
    let short = comparison(&SIDECAR, &dearer, 8, 0.02);
    for text in [told(&short), crate::runs_markdown(&short)] {
        for part in ["+10.0 % ~[7.8, 12.2]", "approximate: fewer than 10 rounds or stand-ups in one of the runs"] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }
}

#[test]
fn a_comparison_that_is_not_to_be_trusted_says_so() {
    let mut comparison = dearer();
    comparison.cautions.iter_mut().for_each(|caution| caution.fatal = true);
    assert!(told(&comparison).contains("caution other_environment: do not trust these numbers: the runs differ"));
    assert!(
        crate::runs_markdown(&comparison).contains("**other_environment**: **do not trust these numbers**: the runs")
    );
}
