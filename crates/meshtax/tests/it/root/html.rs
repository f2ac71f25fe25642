//! The page of a real run, opened in a real browser.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::tool::{Run, words};

const WIDTHS: [u32; 3] = [400, 900, 1600];
const SCHEMES: [Scheme; 2] = [Scheme::Light, Scheme::Dark];

/// Says on the console how wide window and page are, with every table unfolded, and whether the window is dark. The
/// browser gives a window of less than 500 pixels its width only after the page was loaded, hence the second event.
const PROBE: &str = "<script>
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

/// Pictures of the page stay in the target folder's `tmp`, to be looked at.
#[test]
fn a_page_at_three_widths_in_light_and_dark() {
    let run = Run::perform(&["experiments/pair.yaml", "--requests", "300", "--rounds", "6"]);
    let page = run.folder.join("probed.html");
    fs::write(&page, run.file("report.html").replace("</body>", PROBE)).unwrap();
    for (width, scheme) in WIDTHS.into_iter().flat_map(|width| SCHEMES.map(|scheme| (width, scheme))) {
        check(&page, width, scheme);
    }
}

/// The page fits its window, follows the scheme, and the browser has nothing to complain about.
fn check(page: &Path, width: u32, scheme: Scheme) {
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{width}-{scheme:?}.png"));
    let output = chromium(page, width, scheme, &picture);
    let said = String::from_utf8_lossy(&output.stderr);
    let (probes, complaints): (Vec<&str>, Vec<&str>) =
        said.lines().filter(|line| line.contains(":CONSOLE")).partition(|line| line.contains("\"probe: "));
    assert!(complaints.is_empty(), "{width} {scheme:?}: {complaints:#?}");
    let expect = format!("\"probe: {width} {width} {}\"", scheme == Scheme::Dark);
    assert!(probes.iter().any(|line| line.contains(&expect)), "no {expect}: {probes:#?}");
    let picture = fs::read(&picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{width} {scheme:?}: an empty picture");
}

/// Takes a picture of a page, offline and with a profile of its own.
fn chromium(page: &Path, width: u32, scheme: Scheme, picture: &Path) -> Output {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--hide-scrollbars"])
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},2400"));
    if scheme == Scheme::Dark {
        command.arg("--force-dark-mode");
    }
    let output = command.arg(format!("file://{}", page.display())).output().expect("`make setup` installs chromium");
    assert!(output.status.success(), "{}", words(&output));
    output
}
