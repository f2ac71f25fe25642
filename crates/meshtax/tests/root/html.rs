//! Pages of real runs, opened in a real browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testbed::{Run, words};

const WIDTHS: [u32; 3] = [400, 900, 1600];
const SCHEMES: [Scheme; 2] = [Scheme::Light, Scheme::Dark];

/// Prints the widths of window and page to the console, with every table unfolded, and whether the window is dark. A
/// window narrower than 500 pixels gets its width only after the page has loaded, hence the second event.
const PROBE: &str = "<script nonce=\"probe\">
    const probe = () => {
        const folded = [...document.querySelectorAll('details')];
        folded.forEach((details) => { details.open = true; });
        const width = document.documentElement.scrollWidth;
        folded.forEach((details) => { details.open = false; });
        console.info(`probe: ${innerWidth} ${width} ${matchMedia('(prefers-color-scheme: dark)').matches}`);
    };
    addEventListener('load', probe);
    addEventListener('resize', probe);
</script></body>";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scheme {
    Light,
    Dark,
}

/// Every section that a page can have: known costs, faults and their signs, telemetry, a noise floor, and stand-ups as
/// the unit of statistics.
const EVERYTHING: &str = "\
name: everything
topology: topologies/faults.yaml
arms:
  none: {plane: none}
  wait-2ms: {plane: none, add: {to: front/, wait: 2ms}}
  sidecar: {plane: sidecar}
  ebpf: {plane: none, watch: all}
null: true
load: {sequential: {target: 'http://front:8080/', requests: 60, pace: 5ms}}
warmup: 5
rounds: 12
stands: 6
idle: {windows: 12, window: 50ms}
faults:
  - {kind: name, from: front, to: back, at: 500ms, for: 500ms}
  - {kind: reset, from: front, to: back, at: 500ms, for: 500ms}
";

#[test]
fn a_page_at_three_widths_in_light_and_dark() {
    check_at_every_width(
        &Run::perform(&["experiments/pair.yaml", "--requests", "300", "--rounds", "6", "--stands", "1"]),
        "report",
    );
}

#[test]
fn a_page_of_everything_at_three_widths_in_light_and_dark_and_on_paper() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("everything.yaml");
    fs::write(&file, EVERYTHING).unwrap();
    let run = Run::perform(&[&file.to_string_lossy()]);
    let page = run.file("report.html");
    for section in ["calibration", "telemetry", "faults", "rounds", "time", "resources", "calls"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "no {section}");
    }
    check_at_every_width(&run, "everything");
    check_on_paper(&run, "everything");
}

/// Checks the page at every width. Pictures of it stay in the target folder's `tmp`, to be looked at.
fn check_at_every_width(run: &Run, name: &str) {
    let page = run.folder.join("probed.html");
    // The page's own policy stays, except that the probe's script is let in.
    let text = run.file("report.html").replace("script-src ", "script-src 'nonce-probe' ").replace("</body>", PROBE);
    fs::write(&page, text).unwrap();
    for (width, scheme) in WIDTHS.into_iter().flat_map(|width| SCHEMES.map(|scheme| (width, scheme))) {
        check(&page, width, scheme, &kept(&format!("{name}-{width}-{scheme:?}.png")));
    }
}

/// The path of a picture that is kept.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Checks that the page prints, on as many sheets as it needs.
fn check_on_paper(run: &Run, name: &str) {
    let paper = kept(&format!("{name}.pdf"));
    let print = format!("--print-to-pdf={}", paper.display());
    chromium(&run.folder.join("report.html"), &[&print, "--no-pdf-header-footer"]);
    let written = fs::read(&paper).unwrap();
    assert!(written.starts_with(b"%PDF-"), "no PDF");
    let count = |mark: &[u8]| written.windows(mark.len()).filter(|bytes| *bytes == mark).count();
    // `/Pages` is the root of the tree of sheets.
    let sheets = count(b"/Type /Page") - count(b"/Type /Pages");
    assert!(sheets > 0, "no sheet of paper");
}

/// Checks that the page fits its window and follows the colour scheme, and that the browser reports no problem.
fn check(page: &Path, width: u32, scheme: Scheme, picture: &Path) {
    let screenshot = format!("--screenshot={}", picture.display());
    let window = format!("--window-size={width},2400");
    let mut arguments = vec!["--hide-scrollbars", &screenshot, &window];
    arguments.extend((scheme == Scheme::Dark).then_some("--force-dark-mode"));
    let output = chromium(page, &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let (probes, complaints): (Vec<&str>, Vec<&str>) =
        said.lines().filter(|line| line.contains(":CONSOLE")).partition(|line| line.contains("\"probe: "));
    assert!(complaints.is_empty(), "{width} {scheme:?}: {complaints:#?}");
    let expect = format!("\"probe: {width} {width} {}\"", scheme == Scheme::Dark);
    assert!(probes.iter().any(|line| line.contains(&expect)), "no {expect}: {probes:#?}");
    let picture = fs::read(picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{width} {scheme:?}: an empty picture");
}

/// Opens a page offline, with a profile of its own.
fn chromium(page: &Path, arguments: &[&str]) -> Output {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg("--enable-logging=stderr")
        .args(arguments)
        .arg(format!("--user-data-dir={}", profile.path().display()));
    let output = command.arg(format!("file://{}", page.display())).output().expect("`make setup` installs chromium");
    assert!(output.status.success(), "{}", words(&output));
    output
}
