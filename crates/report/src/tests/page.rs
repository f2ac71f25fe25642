use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use measure::{ArmCurves, Curves, Measurement, Metric, Null, Phase, Quantile, Recovery, Stretch, Verdict};
use topology::{Topology, read_topology};

use super::run::{NONE, SIDECAR, caution, edge, pod, run};
use crate::{html, markdown, text};

const TOPOLOGY: &str = "
name: pair
services:
  productpage:
    port: 9080
    endpoints: {/productpage: {script: [call: details/details/0]}}
  details:
    port: 9080
    endpoints: {/details/0: {script: [compute: 1ms]}}
";

/// Elements without an end tag.
const EMPTY: [&str; 2] = ["!DOCTYPE", "meta"];

fn measurement() -> Measurement {
    let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
    for arm in &mut run.arms {
        arm.services = vec![pod("productpage", "v1", 1500), pod("details", "v1", 1500)];
        arm.edges = vec![edge("productpage-v1", ("details", "/details/0"), 1500, Some(0.41))];
    }
    for effect in run.effects.iter_mut().filter(|effect| effect.metric.starts_with("latency")) {
        (effect.verdict, effect.margin, effect.p_value) = (Some(Verdict::Costs), Some(0.02), Some(0.000_1));
    }
    let mut null = run.effects.clone();
    for effect in &mut null {
        effect.arm = "null".to_owned();
        (effect.ratio, effect.ratio_ci95, effect.verdict) = (Some(1.0), Some([0.98, 1.02]), None);
    }
    run.null = Some(Null { effects: null });
    run.cautions = vec![caution("few_rounds", "less than <ten> rounds; try `--rounds 10`")];
    run
}

fn curves() -> Curves {
    let arm = |(name, ms): (&str, f64)| ArmCurves {
        name: name.to_owned(),
        percentiles: (0..20).map(|step| Quantile { q: 1.0 - 0.8_f64.powi(step), ms: ms + f64::from(step) }).collect(),
        distribution: (0..=200).map(|step| Quantile { q: f64::from(step) / 200.0, ms: ms + f64::from(step) }).collect(),
        rounds: Metric::ALL.map(|metric| (metric.name(), BTreeMap::from([(0, ms), (1, ms + 0.5)]))).into(),
        cpu_client_ms_per_request: Some(0.3),
        cpu_softirq_ms_per_request: Some(0.1),
    };
    let stretch = |(phase, arm, started_s): (Phase, &str, f64)| Stretch {
        phase,
        arm: arm.to_owned(),
        round: 0,
        started_s,
        wall_s: 1.0,
        latency_ms_p50: (phase == Phase::Load).then_some(2.0),
        cores: Some(0.4),
        node_percent: Some(50.0),
    };
    Curves {
        arms: [("none", 2.0), ("sidecar", 6.0), ("null", 2.1)].map(arm).into(),
        stretches: [(Phase::Idle, "none", 0.0), (Phase::Load, "sidecar", 2.0), (Phase::Load, "none", 3.5)]
            .map(stretch)
            .into(),
    }
}

fn topology() -> Topology {
    read_topology(TOPOLOGY).expect("the topology is valid")
}

/// The same run, with costs that were added to the arm and recorded by its services.
fn calibrated() -> Measurement {
    let mut run = measurement();
    let known = |(metric, truth, found): (Metric, f64, [f64; 3])| Recovery {
        arm: "sidecar".to_owned(),
        metric: metric.name().to_owned(),
        truth,
        difference: Some(found[1]),
        difference_ci95: Some([found[0], found[2]]),
        inside: Some((found[0]..=found[2]).contains(&truth)),
        units: Some(10),
    };
    let costs = [(Metric::LatencyMsMean, 1.06, [1.01, 1.04, 1.07]), (Metric::CpuMsPerRequest, 0.2, [0.21, 0.23, 0.25])];
    run.calibration = costs.map(known).into();
    run
}

#[test]
fn a_change_within_the_noise_floor_says_so_on_its_card_and_in_text() {
    let mut run = measurement();
    let effect = run.effects.iter_mut().find(|effect| effect.metric == Metric::LatencyMsP50.name()).unwrap();
    (effect.verdict, effect.within_noise) = (Some(Verdict::NotResolvable), true);
    let words = "within the noise floor, no larger than its further end";
    assert!(html(&run, &curves(), &topology()).contains(words));
    assert!(text(&run).contains(&format!("sidecar p50: {words}")));
}

#[test]
fn known_costs_stand_on_the_page_with_the_truth_marked() {
    let page = html(&calibrated(), &curves(), &topology());
    let tags = tags(&page);
    let has = |text: &str| assert!(tags.iter().any(|(_, told)| told.contains(text)), "no `{text}`");
    has("1 of 2 known costs lie inside their 95 % interval.");
    has("recorded +1.06 ms, found +1.04 ms [1.01, 1.07]");
    has("sidecar, CPU per request: OUTSIDE");
    has("does NOT hold the recorded cost");
    let lines = |class: &str| tags.iter().filter(|(tag, _)| attribute(tag, "class") == Some(class)).collect::<Vec<_>>();
    let truth = lines("truth");
    assert_eq!(truth.len(), 4, "one for each cost in each size");
    let x: f64 = attribute(truth[2].0, "x1").unwrap().parse().unwrap();
    let whiskers: Vec<[f64; 2]> = tags
        .iter()
        .skip_while(|(tag, _)| attribute(tag, "id") != Some("known-costs-wide-title"))
        .filter(|(tag, _)| attribute(tag, "class") == Some("whisker a1"))
        .map(|(tag, _)| ["x1", "x2"].map(|name| attribute(tag, name).unwrap().parse().unwrap()))
        .take(2)
        .collect();
    assert!(
        whiskers[0][0] < x && x < whiskers[0][1],
        "the interval that holds the truth crosses its line: {whiskers:?}"
    );
    assert!(x < whiskers[1][0], "the interval that is above the truth does not: {whiskers:?}");
    let plain = html(&measurement(), &curves(), &topology());
    assert!(!plain.contains("Known costs"), "a run without known costs has no such section");
}

#[test]
fn known_costs_stand_in_a_pull_request() {
    let told = markdown(&calibrated());
    let start = told.find("1 of 2").unwrap();
    assert_snapshot!(told[start..].split("- **").next().unwrap(), @"
    1 of 2 known costs lie inside their 95 % interval.

    | Arm | metric | recorded | found |  |
    |---|--:|--:|--:|--:|
    | sidecar | latency_ms_mean | +1.06 ms | +1.04 ms [1.01, 1.07] | inside |
    | sidecar | cpu_ms_per_request | +0.200 ms | +0.230 ms [0.210, 0.250] | OUTSIDE |
    ");
}

#[test]
fn names_are_no_markup_in_markdown() {
    let mut measurement = measurement();
    measurement.experiment.name = "a*b [c](http://d) <img src=x>\n# e".to_owned();
    let told = markdown(&measurement);
    assert_eq!(told.lines().next(), Some(r"### meshtax: a\*b \[c\]\(http://d\) &lt;img src=x> \# e"));
}

#[test]
fn the_page_takes_nothing_but_its_own_style_and_script() {
    let page = html(&measurement(), &curves(), &topology());
    let policy = tags(&page).into_iter().find(|(tag, _)| tag.contains("Content-Security-Policy")).unwrap().0;
    assert!(policy.contains("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    // The hash must match the text between the tags, to the byte.
    for (tag, text) in [("style", include_str!("../html/style.css")), ("script", include_str!("../html/script.js"))] {
        assert!(page.contains(&format!("<{tag}>{text}</{tag}>")), "{tag}");
    }
    assert!(!page.contains(" style="), "an attribute would need more than the policy gives");
}

/// The tags of a page in order: name and attributes, and the text that follows. Panics if one is not closed.
fn tags(page: &str) -> Vec<(&str, &str)> {
    let mut open: Vec<&str> = Vec::new();
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, text) = after.split_once('>').expect("a tag ends");
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("a tag has a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "an element ends that is not the innermost");
        } else if !tag.ends_with('/') && !EMPTY.contains(&name) {
            open.push(name);
        }
        tags.push((tag, text.split('<').next().unwrap_or_default()));
        rest = text;
        // The content of these elements is not markup.
        if ["style", "script"].contains(&tag) {
            rest = &rest[rest.find(&format!("</{tag}>")).expect("style and script end")..];
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    tags
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next())
}

/// Headings, figures with their drawings, and tables with their rows, without their text.
fn outline(page: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut rows = 0;
    for (tag, text) in tags(page) {
        match tag.split(' ').next().unwrap_or_default() {
            "h1" => lines.push(text.to_owned()),
            // The arms' own cards begin with a picture, and are left out of the outline.
            "h2" if !text.is_empty() => lines.push(format!("  {text}")),
            "h3" if lines.len() > 1 => lines.push(format!("    {text}")),
            "figure" => lines.push(format!("    [{}]", attribute(tag, "id").unwrap_or_default())),
            "svg" if tag.contains("role=\"img\"") => {
                lines.push(format!("      drawing {}", attribute(tag, "viewBox").unwrap_or_default()));
            }
            "caption" => lines.push(format!("      table: {text}")),
            "tr" => rows += 1,
            "/table" => {
                lines.push(format!("      {rows} rows"));
                rows = 0;
            }
            _ => {}
        }
    }
    lines.join("\n")
}

#[test]
fn structure_of_the_page() {
    assert_snapshot!(outline(&html(&measurement(), &curves(), &topology())), @r"
    bookinfo-lean
      Cautions
        few rounds
      Effects and latency
        [effects-1]
        sidecar against none
          drawing 0 0 360 910
          drawing 0 0 680 814
          table: Every metric of none and sidecar, ± standard deviation over blocks, [95 % interval]
          26 rows
        [percentiles]
        Latency by percentile
          drawing 0 0 360 286
          drawing 0 0 680 286
          table: Latency in milliseconds, read from the curves
          9 rows
        [distribution]
        Distribution of latency
          drawing 0 0 360 286
          drawing 0 0 680 286
          table: Latency in milliseconds that this share of the requests did not exceed
          9 rows
      Round by round
        [rounds-latency-ms-mean]
        Latency, mean
          drawing 0 0 360 192
          drawing 0 0 680 192
          table: Mean time from a request's intended start to the last byte of its answer (ms)
          3 rows
        [rounds-latency-ms-p50]
        Latency, median
          drawing 0 0 360 192
          drawing 0 0 680 192
          table: Half of the requests were answered within this time (ms)
          3 rows
        [rounds-latency-ms-p90]
        Latency, p90
          drawing 0 0 360 192
          drawing 0 0 680 192
          table: Nine requests in ten were answered within this time (ms)
          3 rows
        [rounds-cpu-ms-per-request]
        CPU per request
          drawing 0 0 360 192
          drawing 0 0 680 192
          table: CPU time of applications and proxies while under load, per request (ms)
          3 rows
      The run in time
        [course]
        Idle windows and blocks
          drawing 0 0 360 412
          drawing 0 0 1080 412
          table: Idle windows and blocks in the order in which they began
          4 rows
      CPU and memory
        [cpu]
        CPU time per request
          drawing 0 0 360 226
          drawing 0 0 680 226
          table: CPU time per request in milliseconds, ± standard deviation over blocks
          3 rows
        [memory]
        Memory
          drawing 0 0 360 226
          drawing 0 0 680 226
          table: Memory in MiB, ± standard deviation over blocks
          3 rows
      Call graph
        [graph]
        Services and their edges
          drawing 0 0 360 258
          drawing 0 0 1080 96
          table: Calls between services during the rounds, as the callers saw them
          4 rows
      Where it comes from
        Environment
        How it was measured
    ");
}

#[test]
fn the_page_needs_nothing_else() {
    let page = html(&measurement(), &curves(), &topology());
    let tags = tags(&page);
    let ids: Vec<&str> = tags.iter().filter_map(|(tag, _)| attribute(tag, "id")).collect();
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len(), "an id is given twice");
    for (tag, _) in &tags {
        for target in ["href", "src", "aria-labelledby"].into_iter().filter_map(|name| attribute(tag, name)) {
            let is_known = |id: &str| known.contains(id.trim_start_matches('#'));
            assert!(target.starts_with("data:") || target.split(' ').all(is_known), "leads nowhere: {target}");
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    assert!(page.contains("less than &lt;ten&gt; rounds; try <code>--rounds 10</code>"));
    assert!(!page.contains("NaN") && !page.contains(">inf"), "a figure is no number");
}

#[test]
fn approximate_intervals_are_told_and_dashed() {
    let of = |rounds| html(&run(&[("none", &NONE), ("sidecar", &SIDECAR)], rounds, 0.02), &curves(), &topology());
    let (few, enough) = (of(7), of(10));
    for part in
        ["whisker approximate a1", "approximate 95 % interval [206, 218]", "fewer than 10 rounds.", ">~[4.09, 4.33]<"]
    {
        assert!(few.contains(part), "no `{part}`");
        assert!(!enough.contains(part), "`{part}` of ten rounds");
    }
    assert!(enough.contains("whisker a1") && enough.contains(">95 % interval [206, 218]"));
}

/// A lab that stands up three times, each time idle for 2 s and then under load for 4 s.
#[test]
fn each_stand_up_has_its_own_phases_in_the_course() {
    let mut three = curves();
    let stretch = three.stretches[0].clone();
    three.stretches = (0..9)
        .map(|number| Stretch {
            phase: if number % 3 == 0 { Phase::Idle } else { Phase::Load },
            started_s: f64::from(number * 2),
            wall_s: 2.0,
            ..stretch.clone()
        })
        .collect();
    let page = html(&measurement(), &three, &topology());
    let tags = tags(&page);
    let phases: Vec<(&str, [f64; 2])> = tags
        .iter()
        .skip_while(|(tag, _)| attribute(tag, "id") != Some("course-wide-title"))
        .filter_map(|(tag, _)| Some((attribute(tag, "class")?.strip_prefix("phase ")?, *tag)))
        .map(|(name, tag)| (name, ["x", "width"].map(|name| attribute(tag, name).unwrap().parse().unwrap())))
        .collect();
    let names: Vec<&str> = phases.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["idle", "rounds"].repeat(3));
    for pair in phases.windows(2) {
        let ([x, width], [next, _]) = (pair[0].1, pair[1].1);
        assert!((x + width - next).abs() < 0.2, "a phase ends where the next begins: {phases:?}");
    }
    let named = tags.iter().filter(|(tag, text)| tag.contains("phase-name") && *text == "rounds").count();
    assert_eq!(named, 6, "there is room for each name in either size");
}

#[test]
fn same_run_same_bytes() {
    assert_eq!(html(&measurement(), &curves(), &topology()), html(&measurement(), &curves(), &topology()));
}

#[test]
fn a_page_of_next_to_nothing() {
    let mut run = run(&[("none", &[None; 20])], 0, 0.0);
    run.experiment.complete = false;
    let page = html(&run, &Curves::default(), &topology());
    assert!(page.contains("interrupted after 0 rounds"));
    assert!(!page.contains("NaN") && !page.contains(">inf"), "a figure is no number");
    tags(&page);
}

#[test]
fn a_pull_request() {
    assert_snapshot!(markdown(&measurement()), @r"
    ### meshtax: bookinfo-lean

    > Sidecars cost this application +4.21 ms [4.09, 4.33] per page and +3.89 ms [3.78, 4.01] of CPU time (+210 % [204, 216]). Memory at rest before the first request: +142 MiB (one stand-up). All of this stand-up.

    |  | none | sidecar | vs none | noise floor | p (Holm) | verdict |
    |---|--:|--:|--:|--:|--:|--:|
    | Latency mean, ms | 1.98 ± 3 % | 6.19 ± 3 % | +212 % [206, 218] | 0.00 % [-2.00, 2.00] |  | costs |
    | Latency p50, ms | 1.90 ± 3 % | 5.96 ± 3 % | +213 % [207, 219] | 0.00 % [-2.00, 2.00] |  | costs |
    | Latency p90, ms | 2.41 ± 3 % | 7.32 ± 3 % | +203 % [197, 209] | 0.00 % [-2.00, 2.00] |  | costs |
    | CPU per request, ms | 1.85 ± 3 % | 5.74 ± 3 % | +210 % [204, 216] | 0.00 % [-2.00, 2.00] |  |  |

    - **few_rounds**: less than &lt;ten> rounds; try `--rounds 10`

    <details><summary>Every metric of sidecar against none</summary>

    |  | none | sidecar | vs none |
    |---|--:|--:|--:|
    | Latency: mean, ms | 1.98 ± 3 % | 6.19 ± 3 % | +212 % [206, 218] |
    | Latency: p50, ms | 1.90 ± 3 % | 5.96 ± 3 % | +213 % [207, 219] |
    | Latency: p90, ms | 2.41 ± 3 % | 7.32 ± 3 % | +203 % [197, 209] |
    | Latency: p99, ms | 3.87 | 9.98 | +158 % [153, 163] |
    | Latency: total wait, s | 2.98 | 9.29 | +212 % [206, 218] |
    | CPU: per request, ms | 1.85 ± 3 % | 5.74 ± 3 % | +210 % [204, 216] |
    | CPU: app, ms | 1.85 ± 3 % | 1.87 ± 3 % | +0.97 % [-1.05, 2.99] |
    | CPU: proxy, ms | 0 | 3.87 ± 3 % | +3.87 ms [3.80, 3.95] |
    | CPU: total, s | 2.78 | 8.62 | +210 % [204, 216] |
    | CPU: idle, fresh, cores | 0.00312 ± 3 % | 0.0312 ± 3 % | +901 % |
    | CPU: peak, cores | 0.0681 | 0.171 | +151 % |
    | CPU: machine busy, % | 4.21 ± 3 % | 9.87 ± 3 % | +134 % [130, 139] |
    | Memory: idle, fresh, MiB | 81.4 ± 3 % | 223 ± 3 % | +174 % |
    | Memory: loaded, MiB | 83.1 ± 3 % | 232 ± 3 % | +179 % |
    | Memory: proxy, MiB | 0 | 149 ± 3 % | +149 MiB |
    | Memory: growth, MiB | 1.65 ± 3 % | 8.50 ± 3 % | +415 % |
    | Links between pods: per request, B | 8214 ± 3 % | 14390 ± 3 % | +75.2 % [71.7, 78.7] |
    | Links between pods: per request, frames | 41.3 ± 3 % | 60.1 ± 3 % | +45.5 % [42.6, 48.4] |
    | Counts: requests | 1500 | 1500 | same |
    | Counts: errors | 0 | 0 | same |

    </details>

    <sub>10 rounds, 1500 requests per arm; [low, high] is a 95 % interval; meshtax 0.1.0, Debian GNU/Linux 13 (trixie), Linux 6.18.0, 2 cores, 2026-01-02T03:04:05Z</sub>
    ");
}
