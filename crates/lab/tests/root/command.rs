//! Applications that are real programs: nginx before Python.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;
use testbed::{Run, insist_on_root, meshtax, words};

const NGINX: &str = "
daemon off;
user root;
pid /run/meshtax/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path /run/meshtax/body;
    proxy_temp_path /run/meshtax/proxy;
    fastcgi_temp_path /run/meshtax/fastcgi;
    uwsgi_temp_path /run/meshtax/uwsgi;
    scgi_temp_path /run/meshtax/scgi;
    server {
        listen 8080;
        location / {
            # The name is looked up once, when nginx starts.
            proxy_pass http://app:8000;
            # Envoy, like Istio's, refuses HTTP/1.0, which this nginx speaks by default.
            proxy_http_version 1.1;
        }
    }
}
";

/// Refuses whatever is asked until it has said that it is ready, which it does when asked for the third time. Its log
/// says where and how it was started.
const LATE: &str = "
import http.server, itertools, json, os

asked = itertools.count(1)

class Late(http.server.BaseHTTPRequestHandler):
    ready = False

    def do_GET(self):
        if self.path == '/ready':
            Late.ready = next(asked) >= 3
        self.send_response(200 if Late.ready else 503)
        self.send_header('Content-Length', '0')
        self.end_headers()

variables = open('/proc/self/environ').read().split(chr(0))
print(json.dumps({'folder': os.getcwd(), 'variables': sorted(filter(None, variables))}), flush=True)
http.server.ThreadingHTTPServer(('', 8000), Late).serve_forever()
";

#[test]
fn nginx_before_python_runs_through_both_planes() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    fs::write(home.path().join("nginx.conf"), NGINX).unwrap();
    fs::write(home.path().join("page.txt"), "a page\n").unwrap();
    let topology = "
name: real
services:
  web:
    port: 8080
    command: [nginx, -e, stderr, -c, FOLDER/nginx.conf]
    ready: /page.txt
  app:
    port: 8000
    command: [python3, -m, http.server, '8000', --directory, FOLDER]
";
    let experiment = write(&home, &topology.replace("FOLDER", folder), "http://web:8080/page.txt");
    let run = Run::perform(&[&experiment]);
    for arm in ["none", "sidecar"] {
        let metrics = &run.arm(arm)["metrics"];
        assert_eq!((&metrics["requests"]["value"], &metrics["errors"]["value"]), (&12.0.into(), &0.0.into()), "{arm}");
        assert!(metrics["cpu_app_ms_per_request"]["value"].as_f64().unwrap() > 0.0, "{arm}: {metrics}");
    }
    assert!(run.arm("sidecar")["metrics"]["memory_proxy_mib"]["value"].as_f64().unwrap() > 0.0);
    let effects = run.measurement["effects"].as_array().unwrap();
    let effect = |name: &str| effects.iter().find(|effect| effect["metric"] == name).unwrap();
    for name in ["latency_ms_mean", "cpu_ms_per_request"] {
        assert!(effect(name)["ratio"].is_f64() && effect(name)["ratio_ci95"].is_array(), "{}", effect(name));
    }
    assert!(effect("memory_idle_mib")["difference"].as_f64().unwrap() > 0.0);
}

/// The server would refuse every request if `ready:` were not heeded, or if its file or folder were not found.
#[test]
fn programs_start_as_the_topology_says() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("late.py"), LATE).unwrap();
    let topology = "
name: late
services:
  app:
    port: 8000
    ready: /ready
    command: [python3, ./late.py]
    environment: {GREETING: hello world}
";
    let experiment = write(&home, topology, "http://app:8000/");
    // Not from where the topology is: its own folder counts.
    let elsewhere = tempfile::tempdir().unwrap();
    let out = home.path().join("run");
    let output = run(elsewhere.path(), &[&experiment, "--json", "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", words(&output));
    let measurement: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (arm, name) in measurement["arms"].as_array().unwrap().iter().zip(["none", "sidecar"]) {
        assert_eq!((&arm["name"], &arm["metrics"]["errors"]["value"]), (&name.into(), &0.0.into()));
        let log = fs::read_to_string(home.path().join(format!("run/logs/{name}/app-v1/app.log"))).unwrap();
        let started: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        assert_eq!(started["folder"].as_str().map(Path::new), Some(&*home.path().canonicalize().unwrap()));
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        assert_eq!(started["variables"], serde_json::json!(["GREETING=hello world", "HOME=/", path]));
    }
}

#[test]
fn a_program_that_is_not_there_is_told_before_anything_stands() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let topology = |command: &str| format!("name: lost\nservices: {{app: {{port: 8000, command: [{command}]}}}}\n");
    for program in ["no-such-program", "./no-such-program"] {
        write(&home, &topology(program), "http://app:8000/");
        let output = run(home.path(), &["experiment.yaml", "--out", "run"]);
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        let error = format!("error: there is no program `{program}` (service `app`, pod `app-v1`)");
        assert!(words(&output).lines().any(|line| line == error), "{}", words(&output));
        assert!(!home.path().join("run").exists(), "nothing was begun");
    }
}

#[test]
fn a_program_that_ends_at_once_is_quoted() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let topology = "
name: broken
services:
  app:
    port: 8000
    command: [sh, -c, 'echo no such table: shelves >&2; exit 3']
";
    write(&home, topology, "http://app:8000/");
    let output = run(home.path(), &["experiment.yaml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    let said = words(&output);
    for part in ["error: `none/app-v1/app` ended (exit status: 3)", "app.log:\nno such table: shelves\n", "\nhint: "] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
}

/// Runs `meshtax run ARGUMENTS` in `folder`.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    meshtax().arg("run").args(arguments).current_dir(folder).output().unwrap()
}

/// Writes a topology and an experiment of both planes to `home`; the path of the latter.
fn write(home: &TempDir, topology: &str, target: &str) -> String {
    fs::write(home.path().join("topology.yaml"), topology).unwrap();
    let experiment = format!(
        "
name: real
topology: topology.yaml
arms: {{none: {{plane: none}}, sidecar: {{plane: sidecar}}}}
load: {{sequential: {{target: '{target}', requests: 12}}}}
warmup: 2
rounds: 6
stands: 1
idle: {{windows: 8, window: 50ms}}
"
    );
    let path = home.path().join("experiment.yaml");
    fs::write(&path, experiment).unwrap();
    path.to_str().expect("temporary folders have plain names").to_owned()
}
