//! What programs write is their pod's own, except where they share it; and how they end and start again.

use std::fs;
use std::path::Path;

use serde_json::Value;
use testbed::{Host, insist_on_root, meshtax, words};

/// Makes files that nobody else may have made, where programs keep locks, logs and state; then answers every request. Says
/// what it could not do. Asked for the first argument's number of times, it ends with status 3.
const PROGRAM: &str = r#"
import http.server, os, signal, sys

for path in os.environ.get('MAKE', '').split():
    open(path, 'x').write('made')
for path in os.environ.get('DENIED', '').split():
    try:
        open(path, 'w')
        sys.exit(f'{path} can be written')
    except OSError:
        pass
if os.environ.get('LAST'):
    def end(*_):
        open(os.environ['LAST'], 'a').write('the end\n')
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
left = int(os.environ.get('LIFE', '1000000'))

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        global left
        left -= self.path == '/page'
        if left < 0:
            os._exit(3)
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

http.server.ThreadingHTTPServer(('', 8000), Page).serve_forever()
"#;

const EXPERIMENT: &str = "
name: files
topology: topology.yaml
arms: {none: {plane: none}, sidecar: {plane: sidecar}}
load: {sequential: {target: 'http://one:8000/page', requests: 60}}
warmup: 0
rounds: 6
stands: 1
idle: {windows: 8, window: 50ms}
";

/// Runs these services; status, what was measured, and what was said.
fn run(home: &Path, services: &str) -> (Option<i32>, Value, String) {
    insist_on_root();
    let before = Host::look();
    fs::write(home.join("program.py"), PROGRAM).unwrap();
    fs::write(home.join("topology.yaml"), format!("name: files\nservices:\n{services}")).unwrap();
    fs::write(home.join("experiment.yaml"), EXPERIMENT).unwrap();
    let mut command = meshtax();
    let output = command.args(["run", "experiment.yaml", "--json", "--out", "run"]).current_dir(home).output().unwrap();
    assert_eq!(before, Host::look(), "{}", words(&output));
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), words(&output))
}

/// A service of the program with these keys.
fn service(name: &str, keys: &str) -> String {
    format!("  {name}:\n    {{port: 8000, ready: /, command: [python3, program.py], {keys}}}\n")
}

fn errors<'a>(measurement: &'a Value, arm: &str) -> &'a Value {
    let arms = measurement["arms"].as_array().unwrap();
    &arms.iter().find(|known| known["name"] == arm).unwrap()["metrics"]["errors"]["value"]
}

/// Neither the other pod nor the other arm sees them: each program made all its files.
#[test]
fn what_a_pod_writes_is_its_own_and_goes_with_it() {
    let home = tempfile::tempdir().unwrap();
    let name = home.path().file_name().unwrap().to_str().unwrap();
    let folders = ["/etc", "/opt", "/var/tmp", "/var/lib", "/usr/local", "/tmp", "/run", "/dev/shm", "."];
    let paths = folders.map(|folder| format!("{folder}/lock-of-{name}"));
    let keys = format!("environment: {{MAKE: '{}'}}", paths.join(" "));
    let (status, measurement, said) = run(home.path(), &[service("one", &keys), service("two", &keys)].concat());
    assert_eq!(status, Some(0), "{said}");
    for arm in ["none", "sidecar"] {
        assert_eq!(errors(&measurement, arm), 0.0, "{said}");
    }
    let left: Vec<&String> = paths.iter().filter(|path| home.path().join(path).exists()).collect();
    assert_eq!(left, Vec::<&String>::new(), "files of pods are on the host");
}

#[test]
fn volumes_are_shared_as_far_as_they_are_meant_to_be() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("pages/below")).unwrap();
    fs::create_dir_all(home.path().join("told")).unwrap();
    // The second pod of an arm finds what the first has made; arms share a folder of the host's, but no named one.
    let one = "volumes: ['marks:/marks', './told:/srv/told'], environment: {MAKE: /marks/one, LAST: /srv/told/ends}";
    let two = "volumes: ['marks:/marks', './pages:/pages:ro'], environment: {MAKE: /marks/two, DENIED: '/pages/a /pages/below/a'}";
    let (status, _, said) = run(home.path(), &[service("one", one), service("two", two)].concat());
    assert_eq!(status, Some(0), "{said}");
    for arm in ["none", "sidecar"] {
        let marks = home.path().join("run/volumes").join(arm).join("marks");
        assert_eq!(["one", "two"].map(|name| marks.join(name).exists()), [true, true], "{said}");
    }
    // Each program was told to end, and had the time to say so.
    assert_eq!(fs::read_to_string(home.path().join("told/ends")).unwrap(), "the end\n".repeat(2));
}

#[test]
fn a_volume_that_is_not_there_is_told_before_anything_starts() {
    let home = tempfile::tempdir().unwrap();
    let (status, _, said) = run(home.path(), &service("one", "volumes: ['./none:/none']"));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("error: cannot share `") && said.contains("/./none`: No such file or directory"), "{said}");
    assert!(!home.path().join("run").exists(), "nothing was begun");
}

#[test]
fn a_program_where_no_pod_looks_is_told_before_anything_starts() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/tmp").unwrap());
    let program = elsewhere.path().join("program");
    fs::copy("/bin/true", &program).unwrap();
    let services = format!("  one: {{port: 8000, command: ['{}']}}\n", program.display());
    let (status, _, said) = run(home.path(), &services);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains(&format!("error: no pod sees the program `{}`", program.display())), "{said}");
}

/// The 51st of 90 requests (five begin each block) ends the program; what is asked meanwhile fails.
#[test]
fn what_is_to_start_again_does_and_the_run_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (status, measurement, said) = run(home.path(), &service("one", "restart: always, environment: {LIFE: '50'}"));
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(measurement["experiment"]["complete"], true, "{said}");
    for arm in ["none", "sidecar"] {
        let told = format!("`{arm}/one-v1/app` ended (exit status: 3)");
        assert!(said.contains(&format!("{told} and starts again")), "{said}");
        let cautions = measurement["cautions"].as_array().unwrap();
        let restarted = cautions.iter().find(|caution| caution["kind"] == "restarted" && caution["arms"][0] == arm);
        assert!(restarted.unwrap()["text"].as_str().unwrap().contains(&format!("{told} 1 x")), "{said}");
        assert!(errors(&measurement, arm).as_f64().unwrap() < 60.0, "{said}");
    }
}

#[test]
fn without_that_the_run_ends_with_what_it_has() {
    let home = tempfile::tempdir().unwrap();
    let (status, measurement, said) = run(home.path(), &service("one", "environment: {LIFE: '50'}"));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("/one-v1/app` ended (exit status: 3)"), "{said}");
    assert_eq!(measurement["experiment"]["complete"], false, "{said}");
}
