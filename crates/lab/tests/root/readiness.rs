//! When a program is ready, and what is said of one that is not.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Run, insist_on_root, meshtax, words};

/// Answers `/ready` as its argument says, and everything else with `ok`.
const SERVER: &str = r"
import http.server, sys, time

mode = sys.argv[1]

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        if self.path == '/ready' and mode == 'silent':
            time.sleep(60)
        status = {'empty': 204, 'moved': 302, 'bytes': 200, 'late': 503, 'unwell': 503}.get(mode, 200)
        body = b'\xff\xfe' if mode == 'bytes' else b'' if status == 204 else b'ok'
        self.send_response(status if self.path == '/ready' else 200)
        if status == 302:
            self.send_header('Location', 'http://nowhere.invalid/')
        if status != 204 or self.path != '/ready':
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

address = '127.0.0.1' if mode == 'inward' else ''
http.server.ThreadingHTTPServer((address, 8001 if mode == 'astray' else 8000), Server).serve_forever()
";

/// A topology whose only service answers so.
fn write(mode: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("server.py"), SERVER).unwrap();
    let ready = if mode == "astray" { "" } else { "\n    ready: /ready" };
    let topology =
        format!("name: ready\nservices:\n  app:\n    port: 8000{ready}\n    command: [python3, ./server.py, {mode}]\n");
    fs::write(home.path().join("topology.yaml"), topology).unwrap();
    home
}

fn run(home: &TempDir, arguments: &[&str]) -> Output {
    let ask =
        ["run", "--topology", "topology.yaml", "--target", "http://app:8000/", "--arms", "none", "--requests", "6"];
    meshtax().args(ask).args(arguments).current_dir(home.path()).output().unwrap()
}

/// As the kubelet has it, which asks again as long as the pod stands.
#[test]
fn whatever_is_well_for_a_kubelet_is_ready() {
    insist_on_root();
    for mode in ["empty", "moved", "bytes"] {
        let run = run(&write(mode), &["--ready-timeout", "20s"]);
        assert_eq!(run.status.code(), Some(0), "{mode}: {}", words(&run));
    }
}

/// A proxy that the host would use stands in no pod.
#[test]
fn the_hosts_proxy_is_not_asked() {
    insist_on_root();
    let home = write("empty");
    let ask =
        ["run", "--topology", "topology.yaml", "--target", "http://app:8000/", "--arms", "none", "--requests", "6"];
    let proxied = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:9"));
    let run =
        meshtax().args(ask).args(["--ready-timeout", "20s"]).envs(proxied).current_dir(home.path()).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", words(&run));
}

#[test]
fn what_a_probe_met_is_told() {
    insist_on_root();
    for (mode, met) in [
        ("unwell", ":8000/ready` was answered with 503; in the pod listen 0.0.0.0:8000;"),
        ("silent", ":8000/ready` was not answered within 1 s; in the pod listen 0.0.0.0:8000;"),
        ("inward", ":8000/ready` failed (io: Connection refused (os error 111)); in the pod listen 127.0.0.1:8000;"),
        ("astray", ":8000 failed (Connection refused (os error 111)); in the pod listen 0.0.0.0:8001;"),
    ] {
        let run = run(&write(mode), &["--ready-timeout", "3s"]);
        assert_eq!(run.status.code(), Some(2), "{mode}: {}", words(&run));
        let said = words(&run);
        let line = said.lines().find(|line| line.starts_with("error: `none/app-v1/app` is not ready after 3 s: "));
        assert!(line.is_some_and(|line| line.contains(met)), "{mode}: {said}");
    }
}

/// An answer whose head is as large as ordinary clients take it, through both planes: a sidecar that refuses it says so itself.
const LARGE: &str = r"
import http.server, sys

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        self.send_response(200)
        for number in range(int(sys.argv[1])):
            self.send_header(f'x-{number}', 'y' * int(sys.argv[2]))
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(('', 8000), Server).serve_forever()
";

#[test]
fn answers_with_large_heads_are_answers() {
    insist_on_root();
    // Envoy takes one of 70 kB and no more than 100 fields: that is its own answer, and told as such.
    for (fields, bytes, refused) in [(1, 70_000, json!({})), (130, 1, json!({"status_502": 12}))] {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("large.py"), LARGE).unwrap();
        let server = home.path().join("large.py");
        let topology = format!(
            "name: large\nservices:\n  app:\n    port: 8000\n    command: [python3, '{}', '{fields}', '{bytes}']\n",
            server.display()
        );
        let file = home.path().join("topology.yaml");
        fs::write(&file, topology).unwrap();
        let experiment = home.path().join("large.yaml");
        let text = "name: large\ntopology: topology.yaml\narms: {none: {plane: none}, sidecar: {plane: sidecar}}\n\
                    load: {sequential: {target: 'http://app:8000/', requests: 12}}\nwarmup: 0\nrounds: 1\n\
                    idle: {windows: 8, window: 50ms}\n";
        fs::write(&experiment, text).unwrap();
        let run = Run::perform(&[experiment.to_str().unwrap()]);
        assert_eq!(run.metric("none", "errors"), 0.0, "{fields} fields of {bytes} bytes");
        let blocks = run.file("load.jsonl");
        let mut blocks = blocks.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let block = blocks.find(|block| block["arm"] == "sidecar").unwrap();
        assert_eq!(block["errors"], refused, "{fields} fields of {bytes} bytes");
    }
}
