//! Reports from run folders: their formats, their gate, and damaged folders.

use serde_json::Value;

use super::prints;
use crate::recorded::Recorded;
use testbed::{meshtax, refuses};

#[test]
fn every_form() {
    let run = Recorded::default().write();
    let form = |arguments: &[&str]| prints(&[&["report", run.argument()], arguments].concat());
    assert_eq!(form(&[]), form(&["--format", "text"]));
    assert!(form(&[]).contains("+200 % [197, 203]"), "{}", form(&[]));

    let json: Value = serde_json::from_str(&form(&["--json"])).unwrap();
    assert_eq!(
        (&json["schema"], form(&["--json"])),
        (&Value::from("meshtax/measurement/v2"), form(&["--format", "json"]))
    );

    assert!(form(&["--format", "markdown"]).contains("+200 %"));
    let page = form(&["--format", "html"]);
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"), "{page:.200}");
    assert_eq!(page, form(&["--format", "html"]), "the same folder gives the same bytes");

    let fortio: Value = serde_json::from_str(&form(&["--format", "fortio", "--arm", "sidecar"])).unwrap();
    assert_eq!(fortio["DurationHistogram"]["Count"], 1000);
    assert_eq!(fortio["RetCodes"]["200"], 1000);
    let median = &fortio["DurationHistogram"]["Percentiles"][0];
    assert!(median["Percentile"] == 50 && (median["Value"].as_f64().unwrap() / 0.006 - 1.0).abs() < 0.002, "{median}");
}

#[test]
fn known_costs_stand_above_the_answer() {
    let run = Recorded::default().write();
    let form = |format: &str| prints(&["report", run.argument(), "--format", format]);
    assert!(!form("text").contains("known cost"));
    run.amend(|run| {
        run["calibration"] = serde_json::json!([{
            "arm": "sidecar", "metric": "latency_ms_mean", "truth": 4.0, "difference": 4.01, "difference_ci95": [3.9, 4.1],
            "inside": true, "units": 7,
        }]);
    });
    let text = form("text");
    assert!(text.starts_with("1 of 1 known cost lie inside their 95 % interval.\n\nArm"), "{text}");
    assert!(text.contains("+4.00 ms  +4.01 ms ~[3.90, 4.10]  inside"), "{text}");
    for format in ["markdown", "html"] {
        assert!(form(format).contains("~[3.90, 4.10]"), "{format}");
    }
}

/// A client that cuts latencies to whole milliseconds reports 2 ms for both 2 and 2.04 ms.
#[test]
fn latencies_as_others_would_have_told_them() {
    let run = Recorded::default().write();
    let form = |arguments: &[&str]| prints(&[&["report", run.argument()], arguments].concat());
    let told = |arguments: &[&str]| {
        let json: Value = serde_json::from_str(&form(&[&["--json"], arguments].concat())).unwrap();
        json["truncated"].clone()
    };
    assert!(told(&[]).is_null());
    assert!(form(&["--round-latency", "1"]).contains("not kept"), "these blocks have a histogram alone");
    run.change("load.jsonl", |text| {
        let with_sequence = |line: &str| {
            let mut block: Value = serde_json::from_str(line).unwrap();
            let even_ns = if block["arm"] == "none" { 2_000_000 } else { 6_000_000 };
            let ns = if block["round"].as_u64().unwrap().is_multiple_of(2) { even_ns } else { even_ns * 102 / 100 };
            block["sequence"] = vec![ns; 100].into();
            format!("{block}\n")
        };
        text.lines().map(with_sequence).collect()
    });
    let whole = told(&["--round-latency", "ms"]);
    assert_eq!((&whole["step_ms"], &whole["arms"][1]["ratio"]), (&1.0.into(), &3.0.into()));
    assert_eq!(whole["arms"][0]["wait_s_total"], 2.0);
    assert_eq!(told(&["--round-latency", "5ms"])["arms"][1]["latency_ms_mean"], 5.0);
    for format in ["text", "markdown", "html"] {
        let report = form(&["--format", format, "--round-latency", "1"]);
        assert!(report.contains("Cut to 1 ms") && report.contains("+200 %"), "{format}: {report}");
        assert!(!form(&["--format", format]).contains("Cut to"), "{format}");
    }
}

/// Checks that `report RUN ARGUMENTS` exits with `code` and says `said`.
fn gate(arguments: &[&str], code: i32, said: &str) {
    let run = Recorded::default().write();
    let output = meshtax().args(["report", run.argument()]).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), said, "{arguments:?}");
    assert!(!output.stdout.is_empty(), "the report is printed all the same");
}

#[test]
fn a_gate() {
    gate(&["--fail-if", "latency_ms_mean>+250%"], 0, "");
    gate(
        &["--fail-if", "latency_ms_mean>+100%", "--fail-if", "cpu_ms_per_request>500%"],
        1,
        "failed: `latency_ms_mean>+100%`: arm `sidecar`: +200 % [197, 203]\n",
    );
    gate(
        &["--fail-if", "latency_ms_mean>+199%"],
        0,
        "undecided: `latency_ms_mean>+199%`: arm `sidecar`: +200 % [197, 203] may be chance; more rounds would tell\n",
    );
    gate(
        &["--fail-if", "sidecar/none:latency_ms_mean>+100%", "--fail-if", "sidecar:cpu_ms_per_request>+500%"],
        1,
        "failed: `sidecar/none:latency_ms_mean>+100%`: arm `sidecar`: +200 % [197, 203]\n",
    );
    gate(&["--fail-if", "errors>0%"], 1, "failed: `errors>+0%`: there is nothing to compare\n");
}

/// A fatal caution stands above the headline in every format. The headline makes no claim, and no verdict is left.
#[test]
fn a_fatal_caution_takes_the_verdicts_in_every_form() {
    for about in [&[][..], &["none"], &["sidecar"]] {
        let run = Recorded::default().write();
        run.doubt(about);
        let form = |format: &str| prints(&["report", run.argument(), "--format", format]);
        let text = form("text");
        assert!(text.starts_with("caution saturated: do not trust these numbers: the machine was full\n\n"), "{text}");
        let headline = "With sidecars, the figures are not to be believed: see caution saturated.";
        assert_eq!(text.lines().nth(2), Some(headline), "{text}");
        assert!(text.contains("not to be believed\n") && text.contains("\ncaution drift: latency rose"), "{text}");
        let full = prints(&["report", run.argument(), "--full"]);
        assert!(full.starts_with("caution saturated: do not trust these numbers: the machine was full\n\n"), "{full}");
        assert!(full.contains("sidecar mean: not to be") && full.contains("\ncaution drift: latency rose"), "{full}");
        for format in ["markdown", "html"] {
            let told = form(format);
            let place = |part: &str| told.find(part).unwrap_or_else(|| panic!("no `{part}` in {told}"));
            assert!(place("the machine was full") < place("With sidecars, the figures"), "{told}");
            place("not to be believed");
        }
        for told in [text, full, form("markdown"), form("html")] {
            assert!(
                !told.contains("Sidecars cost") && !told.contains(": costs") && !told.contains("| costs |"),
                "{told}"
            );
        }
        let json: Value = serde_json::from_str(&form("json")).unwrap();
        assert!(json["effects"].as_array().unwrap().iter().all(|one| one["verdict"] == "not_to_be_believed"), "{json}");
    }
    let run = Recorded::default().write();
    run.doubt(&["null"]);
    let text = prints(&["report", run.argument(), "--full"]);
    assert!(text.contains("Sidecars cost") && text.contains("sidecar mean: costs"), "{text}");
}

#[test]
fn a_gate_never_passes_what_is_not_to_be_believed() {
    let check = |about: &[&str], arguments: &[&str], code: i32, said: &str| {
        let run = Recorded::default().write();
        run.doubt(about);
        let output = meshtax().args(["report", run.argument()]).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), &*told), (Some(code), said), "{about:?} {arguments:?}");
    };
    let doubt = "not to be believed: saturated: the machine was full\n";
    for about in [&[][..], &["none"], &["sidecar"]] {
        check(about, &[], 0, "");
        for condition in
            ["latency_ms_mean>+500%", "sidecar:cpu_ms_per_request>+900%", "sidecar/none:latency_ms_mean>+1%"]
        {
            check(about, &["--fail-if", condition], 1, &format!("failed: `{condition}`: {doubt}"));
        }
    }
    check(&["null"], &["--fail-if", "latency_ms_mean>+500%"], 0, "");
}

/// A file that was cut at the end of a line still parses, but lacks blocks.
#[test]
fn files_that_were_cut_are_noticed() {
    for name in ["load.jsonl", "meters.jsonl"] {
        for (lines, cut) in [(19, "9 of 10 blocks of arm `sidecar`"), (10, "5 of 10 blocks of arm `none`")] {
            let run = Recorded::default().write();
            run.change(name, |text| text.lines().take(lines).map(|line| format!("{line}\n")).collect());
            let said = format!("`{}/{name}` was cut: it has {cut}", run.argument());
            let output = meshtax().args(["report", run.argument()]).output().unwrap();
            assert!(output.status.success());
            assert_eq!(String::from_utf8_lossy(&output.stderr), format!("warning: {said}; {REST}\n"));
            let home = tempfile::tempdir().unwrap();
            refuses(meshtax().args(["compare", run.argument(), run.argument()]), home.path(), &said, REST);
        }
    }
    let run = Recorded::default().write();
    run.change("load.jsonl", |text| text[..text.len() - 20].to_owned());
    let output = meshtax().args(["report", run.argument()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("load.jsonl:20` is damaged"), "{said}");
}

/// Runs of the previous contract can still be read.
#[test]
fn the_contract_before_is_read() {
    let run = Recorded::default().write();
    run.change("measurement.json", |text| text.replace("measurement/v2", "measurement/v1"));
    assert!(prints(&["report", run.argument()]).contains("+200 % [197, 203]"));
    let new = Recorded::default().write();
    let text = prints(&["compare", run.argument(), new.argument()]);
    assert!(text.contains("caution other_contract: A was recorded as `meshtax/measurement/v1`"), "{text}");
}

#[test]
fn arms_that_a_form_needs() {
    let run = Recorded::default().write();
    let home = tempfile::tempdir().unwrap();
    let mut fortio = meshtax();
    fortio.args(["report", run.argument(), "--format", "fortio"]);
    refuses(&mut fortio, home.path(), "this format has one arm: name it with `--arm`", "arms here are none, sidecar");
    refuses(
        fortio.args(["--arm", "ambient"]),
        home.path(),
        "no arm is called `ambient`",
        "arms here are none, sidecar",
    );
}

const LOST: &str = "restore it from a copy, or run the experiment again";
const REST: &str =
    "measurement.json is intact: `meshtax report RUN` still prints it; other formats need all files of the folder";

/// Checks that `report --format fortio` and `compare` both refuse the folder after `tear`. `RUN` stands for the folder.
fn torn(tear: impl FnOnce(&crate::recorded::Folder), error: &str, hint: &str) {
    let run = Recorded::default().write();
    tear(&run);
    let home = tempfile::tempdir().unwrap();
    let error = error.replace("RUN", run.argument());
    let arguments: [&[&str]; 2] = [
        &["report", run.argument(), "--format", "fortio", "--arm", "none"],
        &["compare", run.argument(), run.argument()],
    ];
    for arguments in arguments {
        refuses(meshtax().args(arguments), home.path(), &error, hint);
    }
}

#[test]
fn torn_folders() {
    torn(
        |run| run.change("measurement.json", |_| "{\"schema\": \"mesh".to_owned()),
        "`RUN/measurement.json` is damaged: EOF while parsing a string at line 1 column 16",
        LOST,
    );
    torn(
        |run| run.change("measurement.json", |text| text.replace("\"rounds\": 10", "\"rounds\": -1")),
        "`RUN/measurement.json` is damaged: invalid value: integer `-1`, expected u32 at line 85 column 16",
        LOST,
    );
    torn(
        |run| {
            run.change("measurement.json", |text| {
                text.replace("measurement/v2", "measurement/v3").replace("0.1.0", "7.0.0")
            })
        },
        "`RUN/measurement.json` has the schema `meshtax/measurement/v3`, and this meshtax reads `meshtax/measurement/v2`",
        "read it with the meshtax that wrote it: 7.0.0 (this is 0.1.0)",
    );
    torn(
        |run| run.change("load.jsonl", |text| text[..text.len() - 20].to_owned()),
        "`RUN/load.jsonl:20` is damaged: EOF while parsing a string at line 1 column 190",
        REST,
    );
    torn(
        |run| run.remove("meters.jsonl"),
        "cannot read `RUN/meters.jsonl`: No such file or directory (os error 2)",
        REST,
    );
    torn(
        |run| run.remove("measurement.json"),
        "the run in `RUN` did not finish: it has no measurement.json",
        "run the experiment again; a run that is ended with Ctrl-C still reports the rounds it has",
    );
}

#[test]
fn a_torn_folder_prints_what_is_whole() {
    let run = Recorded::default().write();
    for name in ["load.jsonl", "meters.jsonl", "topology.yaml", "experiment.yaml"] {
        run.remove(name);
    }
    assert!(prints(&["report", run.argument()]).contains("+200 % [197, 203]"));
}
