//! Compares two run folders.

use insta::assert_snapshot;
use serde_json::Value;

use super::prints;
use crate::recorded::Recorded;
use testbed::{meshtax, refuses, words};

/// Runs `compare --json A B ARGUMENTS`, which must succeed.
fn compared(a: &Recorded, b: &Recorded, arguments: &[&str]) -> Value {
    let (a, b) = (a.write(), b.write());
    let printed = prints(&[&["compare", a.argument(), b.argument(), "--json"], arguments].concat());
    serde_json::from_str(&printed).expect("a comparison is JSON")
}

/// The change of a metric in percent, rounded.
fn percent(effects: &Value, arm: &str, metric: &str) -> f64 {
    let effects = effects.as_array().unwrap();
    let effect = effects.iter().find(|effect| effect["arm"] == arm && effect["metric"] == metric).expect("an effect");
    assert!(effect["ratio_ci95"].is_array(), "{effect}");
    ((effect["ratio"].as_f64().unwrap() - 1.0) * 100.0).round()
}

fn aspects(comparison: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let found = comparison["differences"].as_array().unwrap().iter();
    found
        .map(|found| {
            format!("{} {}: {} {}", word(&found["aspect"]), word(&found["name"]), word(&found["a"]), word(&found["b"]))
        })
        .collect()
}

fn kinds(comparison: &Value) -> Vec<&str> {
    comparison["cautions"].as_array().unwrap().iter().map(|caution| caution["kind"].as_str().unwrap()).collect()
}

/// A tenth more latency with sidecars is the same change of the median in JSON, text and Markdown.
#[test]
fn the_same_change_in_every_form() {
    let slower = Recorded { sidecar_ms: 6.6, ..Recorded::default() };
    let comparison = compared(&Recorded::default(), &slower, &["--margin", "3%", "--arms-across-runs"]);
    let told = |effects: &str| {
        let mut all = comparison[effects].as_array().unwrap().iter();
        all.find(|effect| effect["arm"] == "sidecar" && effect["metric"] == "latency_ms_p50").unwrap()
    };
    assert_snapshot!(format!("{:#}\n{:#}", told("effects"), told("overheads")), @r#"
    {
      "arm": "sidecar",
      "difference": 0.602112,
      "difference_ci95": [
        0.40092415800070735,
        0.8032998419992926
      ],
      "hodges_lehmann": null,
      "margin": 0.03,
      "metric": "latency_ms_p50",
      "p_holm": 0.000011086367468387708,
      "p_value": 5.543183734193854e-6,
      "ratio": 1.1003413136500964,
      "ratio_ci95": [
        1.0660873899586785,
        1.1356958331269147
      ],
      "rounds_needed": null,
      "smallest_resolvable": 0.05104095062325403,
      "units": 10,
      "verdict": "costs",
      "wilcoxon_p": null,
      "within_noise": false
    }
    {
      "arm": "sidecar",
      "difference": 0.602112,
      "difference_ci95": [
        0.4633215374549261,
        0.7409024625450739
      ],
      "hodges_lehmann": null,
      "margin": 0.03,
      "metric": "latency_ms_p50",
      "p_holm": 1.2135812321287405e-27,
      "p_value": 4.045270773762468e-28,
      "ratio": 1.1003413136500964,
      "ratio_ci95": [
        1.0992339791356087,
        1.1014497636593286
      ],
      "rounds_needed": null,
      "smallest_resolvable": 0.0015865116923994972,
      "units": 10,
      "verdict": "costs",
      "wilcoxon_p": null,
      "within_noise": false
    }
    "#);
    let (a, b) = (Recorded::default().write(), slower.write());
    for (format, parts) in [
        ("text", ["sidecar p50: costs", "none p50: no measurable cost", "equivalent: within 3 %"]),
        ("markdown", ["| Latency mean, ms | 6.00", "| costs |", "### meshtax: pair against pair"]),
    ] {
        let text = prints(&[
            "compare",
            a.argument(),
            b.argument(),
            "--format",
            format,
            "--margin",
            "3%",
            "--arms-across-runs",
        ]);
        parts.iter().for_each(|part| assert!(text.contains(part), "no `{part}` in\n{text}"));
    }
}

#[test]
fn failures_are_told_by_kind() {
    let (a, b) = (Recorded::default().write(), Recorded::default().write());
    b.change("load.jsonl", |text| text.replacen("\"errors\":{}", "\"errors\":{\"timeout\":7}", 2));
    let text = prints(&["compare", a.argument(), b.argument()]);
    for part in ["Failed requests", "none: timeout", "sidecar: timeout", "caution errors_uneven"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_run_and_itself() {
    let comparison = compared(&Recorded::default(), &Recorded::default(), &[]);
    assert_eq!((aspects(&comparison).len(), kinds(&comparison)), (0, vec!["stand_ups"]));
    for (effects, arm) in [("effects", "none"), ("effects", "sidecar"), ("overheads", "sidecar")] {
        assert_eq!(percent(&comparison[effects], arm, "latency_ms_mean"), 0.0, "{effects} {arm}");
    }
}

#[test]
fn a_slower_machine_is_a_caution_and_no_overhead() {
    let slower = Recorded { none_ms: 2.4, sidecar_ms: 7.2, kernel: "6.19.0", rounds: 14, ..Recorded::default() };
    let comparison = compared(&Recorded::default(), &slower, &[]);
    assert_eq!(aspects(&comparison), ["environment kernel: 6.18.0 6.19.0"]);
    assert_eq!(kinds(&comparison), ["other_environment", "stand_ups"]);
    for (effects, arm, truth) in
        [("effects", "none", 20.0), ("effects", "sidecar", 20.0), ("overheads", "sidecar", 0.0)]
    {
        assert_eq!(percent(&comparison[effects], arm, "latency_ms_mean"), truth, "{effects} {arm}");
    }
}

#[test]
fn a_dearer_proxy_fails_the_gate() {
    let dearer = Recorded { proxy_cpu_ms: 4.8, ..Recorded::default() };
    let (a, b) = (Recorded::default().write(), dearer.write());
    let gate = |condition: &str| {
        let compare = ["compare", a.argument(), b.argument(), "--arms-across-runs", "--fail-if", condition];
        let output = meshtax().args(compare).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("B vs A"), "{}", words(&output));
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = gate("cpu_proxy_ms_per_request>+5%");
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("failed: `cpu_proxy_ms_per_request>+5%`: arm `sidecar`: +20.0 % ["), "{said}");
    assert_eq!(gate("cpu_proxy_ms_per_request>+25%"), (0, String::new()));
    assert_eq!(gate("cpu_app_ms_per_request>+5%"), (0, String::new()));
}

/// The machine is a fifth slower, and a sidecar costs a tenth more on top. Only the second is the sidecar's own.
#[test]
fn the_gate_can_be_about_costs_beside_the_baseline() {
    let slower = Recorded { none_ms: 2.4, sidecar_ms: 7.92, kernel: "6.19.0", ..Recorded::default() };
    let (a, b) = (Recorded::default().write(), slower.write());
    let gate = |condition: &str| {
        let compare = ["compare", a.argument(), b.argument(), "--arms-across-runs", "--fail-if", condition];
        let output = meshtax().args(compare).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let fails = |condition: &str, told: &str| {
        let (code, said) = gate(condition);
        assert_eq!(code, 1, "{said}");
        assert!(said.starts_with(&format!("failed: `{condition}`: arm {told}")), "{said}");
    };
    let passes = |condition: &str| assert_eq!(gate(condition), (0, String::new()));
    fails("latency_ms_mean>+15%", "`none`: +20.0 % [");
    fails("sidecar:latency_ms_mean>+15%", "`sidecar`: +32.0 % [");
    passes("sidecar/none:latency_ms_mean>+15%");
    fails("sidecar/none:latency_ms_mean>+5%", "`sidecar`: +10.0");
    // The baseline has no proxy, so there is no ratio, and a difference alone decides nothing.
    fails(
        "sidecar/none:cpu_proxy_ms_per_request>+500%",
        "`sidecar` has no ratio to `none`; name the arm alone, `sidecar:`, and ask for it with `--arms-across-runs`",
    );
    let refused = |condition: &str, error: &str, hint: &str| {
        let mut compare = meshtax();
        compare.args(["compare", a.argument(), b.argument(), "--fail-if", condition]);
        refuses(&mut compare, tempfile::tempdir().unwrap().path(), &format!("`{condition}`: {error}"), hint);
    };
    refused(
        "ambient:latency_ms_mean>+5%",
        "there is nothing to compare `ambient` with",
        "arms that can be compared are none, sidecar",
    );
    refused("sidecar/ambient:latency_ms_mean>+5%", "the baseline is `none` here", "write `sidecar/none:`");
    refused(
        "none/none:latency_ms_mean>+5%",
        "there is nothing to compare `none` with",
        "arms that can be compared are sidecar",
    );
}

/// Two runs are two stand-ups, so a gate on an arm against itself is refused unless the user asks for it.
#[test]
fn a_gate_on_an_arm_across_runs_must_be_asked_for() {
    let (a, b) = (Recorded::default().write(), Recorded::default().write());
    let refused = |condition: &str, instead: &str| {
        refuses(
            meshtax().args(["compare", a.argument(), b.argument(), "--fail-if", condition]),
            tempfile::tempdir().unwrap().path(),
            &format!("`{condition}`: an arm differs between two runs by more than its interval shows"),
            &format!(
                "write `{instead}` to compare the arm's cost over its baseline, or ask for it with `--arms-across-runs`"
            ),
        );
    };
    for condition in ["latency_ms_p50>+5%", "sidecar:latency_ms_p50>+5%", "none:latency_ms_p50>+5%"] {
        refused(condition, "sidecar/none:latency_ms_p50>+5%");
    }
    let overhead = ["compare", a.argument(), b.argument(), "--fail-if", "sidecar/none:latency_ms_p50>+5%"];
    assert!(prints(&overhead).contains("Verdicts beside `none`"));
}

#[test]
fn swapped_baselines_are_named() {
    let (a, b) = (Recorded::default().write(), Recorded::default().write());
    b.amend(|run| run["arms"].as_array_mut().unwrap().reverse());
    let text = prints(&["compare", a.argument(), b.argument()]);
    assert!(text.contains("caution other_baseline: ") && text.contains("swapped"), "{text}");
}

/// A run's cautions also apply to what is made from it.
#[test]
fn a_fatal_caution_of_either_run_takes_the_verdicts() {
    for about in [&[][..], &["none"], &["sidecar"]] {
        for doubtful in [0, 1] {
            let runs = [Recorded::default().write(), Recorded { sidecar_ms: 6.6, ..Recorded::default() }.write()];
            runs[doubtful].doubt(about);
            let [a, b] = [runs[0].argument(), runs[1].argument()];
            let comparison: Value = serde_json::from_str(&prints(&["compare", a, b, "--json"])).unwrap();
            let verdicts = comparison["overheads"].as_array().unwrap().iter().map(|one| &one["verdict"]);
            let verdicts: Vec<&Value> = verdicts.filter(|verdict| !verdict.is_null()).collect();
            assert_eq!(verdicts, ["not_to_be_believed"; 4], "{about:?} {doubtful}");
            let text = prints(&["compare", a, b]);
            let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no `{part}` in\n{text}"));
            assert!(place("do not trust these numbers: run") < place("Verdicts"), "{text}");
            let condition = "sidecar/none:latency_ms_mean>+50%";
            let output = meshtax().args(["compare", a, b, "--fail-if", condition]).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{}", words(&output));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.starts_with(&format!("failed: `{condition}`: not to be believed: cautions_of_run: ")),
                "{said}"
            );
            assert!(said.contains("because of saturated"), "{said}");
        }
    }
}

#[test]
fn another_load_or_topology_is_refused_unless_forced() {
    let check = |other: Recorded, told: &str, name: &str| {
        let (a, b) = (Recorded::default().write(), other.write());
        let home = tempfile::tempdir().unwrap();
        refuses(
            meshtax().args(["compare", a.argument(), b.argument()]),
            home.path(),
            &format!("the runs cannot be compared ({told})"),
            "compare runs of the same topology and load, or print the figures anyway with `--force`",
        );
        let forced = compared(&Recorded::default(), &other, &["--force"]);
        assert_eq!(forced["cautions"][0]["kind"], "not_comparable");
        assert!(aspects(&forced)[0].contains(name), "{forced:#}");
    };
    check(Recorded { think_ms: 5.0, ..Recorded::default() }, "load, think_ms: 2.0 against 5.0", "think_ms");
    check(Recorded { pace_ms: 5.0, ..Recorded::default() }, "load, pace_ms: 0.0 against 5.0", "pace_ms");
    check(Recorded { timeout_ms: 5.0, ..Recorded::default() }, "load, timeout_ms: 15.0 against 5.0", "timeout_ms");
    let topology = Recorded::default().topology.replace("100 B", "101 B");
    check(
        Recorded { topology, ..Recorded::default() },
        "topology, service `back`: present against not the same",
        "service `back`",
    );
}

#[test]
fn runs_without_a_common_arm() {
    let (a, b) = (Recorded::default().write(), Recorded::default().write());
    b.change("measurement.json", |text| {
        text.replace("\"name\": \"none\"", "\"name\": \"x\"").replace("\"name\": \"sidecar\"", "\"name\": \"y\"")
    });
    for name in ["load.jsonl", "meters.jsonl"] {
        b.change(name, |text| {
            text.replace("\"arm\":\"none\"", "\"arm\":\"x\"").replace("\"arm\":\"sidecar\"", "\"arm\":\"y\"")
        });
    }
    let home = tempfile::tempdir().unwrap();
    refuses(
        meshtax().args(["compare", a.argument(), b.argument()]),
        home.path(),
        "the runs have no arm in common",
        "A has none, sidecar, B has x, y; compare runs with arms of the same names",
    );
}
