//! What the live tools print: every row, in lines that are safe for a terminal, for as long as somebody reads.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Peer, V4, Watching, insist_on_root, meshtax, words};

/// Connects under process names that a terminal or a line reader would misread.
const HOSTILE: &str = r#"
import ctypes, socket, sys

for name in (b'\x1b[2J\x1b[31mred', b'new\nline', b'\xe2\x80\xaeturned', b'quo"te,\\'):
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
    socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close()
"#;
const NAMES: [&str; 4] = ["\u{1b}[2J\u{1b}[31mred", "new\nline", "\u{202e}turned", "quo\"te,\\"];
const WRITTEN: [&str; 4] = ["\\u001b[2J\\u001b[31mred", "new\\u000aline", "\\u202eturned", "quo\"te,\\"];

/// Returns what `meshtax life` prints about these connections in one format.
fn told(form: &[&str]) -> String {
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let mut life = Watching::begin("life", &[&["--port", &*port, "--count", "8"], form].concat());
    let mut python = Command::new("python3");
    python.args(["-c", HOSTILE, &port]);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..4).for_each(|_| server.attend()));
        let connected = python.output().unwrap();
        assert!(connected.status.success(), "{}", words(&connected));
    });
    life.text()
}

#[test]
fn names_of_processes_do_nothing_to_a_terminal() {
    insist_on_root();
    let is_harmless = |text: &str| text.chars().all(|letter| !letter.is_control() || letter == '\n');
    let text = told(&[]);
    assert!(is_harmless(&text), "{text:?}");
    assert_eq!(text.lines().count(), 9, "a heading and eight ends: {text}");
    WRITTEN.iter().for_each(|name| assert!(text.contains(name), "{name}: {text}"));

    let json = told(&["--json"]);
    assert!(is_harmless(&json), "{json:?}");
    let names: Vec<Value> =
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["comm"].clone()).collect();
    NAMES.iter().for_each(|name| assert!(names.iter().any(|told| told == name), "{name:?}: {names:?}"));

    let csv = told(&["--csv"]);
    assert!(is_harmless(&csv), "{csv:?}");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let column = reader.headers().unwrap().iter().position(|name| name == "comm").unwrap();
    let names: Vec<String> = reader.records().map(|record| record.unwrap()[column].to_owned()).collect();
    for name in ["\\u001b[2J\\u001b[31mred", "new\nline", "\\u202eturned", "quo\"te,\\"] {
        assert!(names.iter().any(|told| told == name), "{name:?}: {names:?}");
    }
}

/// Runs `meshtax life | head`. The next line after the reader has gone ends the tool, without a failure.
#[test]
fn a_tool_that_nobody_reads_ends() {
    insist_on_root();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let mut tool = meshtax();
    let tool = tool.args(["life", "--port", &port]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = tool.spawn().unwrap();
    let mut heading = String::new();
    let mut stdout = BufReader::new(tool.stdout.take().unwrap());
    stdout.read_line(&mut heading).unwrap();
    assert!(heading.starts_with("PID "), "{heading}");
    drop(stdout);
    let patience = Instant::now() + Duration::from_secs(60);
    while tool.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "it goes on");
        server.exchange(10, 10, |_| ());
        sleep(Duration::from_millis(50));
    }
    let ended = tool.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", words(&ended));
    assert!(!words(&ended).contains("error"), "{}", words(&ended));
}

/// Programs get every row. People get twenty rows and the number of others.
#[test]
fn rows_are_left_out_where_that_is_said_only() {
    insist_on_root();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let mut open: Vec<_> = (0..15).map(|_| server.open()).collect();
    let mut json = Watching::begin("top", &["--json", "--interval", "1s", "--port", &port]);
    open.iter_mut().for_each(|open| open.move_bytes(100, 100));
    let ends = |lines: &[Value]| -> BTreeSet<String> {
        lines.iter().map(|line| format!("{} {}", line["local_port"], line["remote_port"])).collect()
    };
    // Both ends of each connection.
    json.until(|lines| ends(lines).len() == 30);
    drop(json);

    let mut text = || {
        let top = ["top", "--plain", "--interval", "1s", "--count", "3", "--port", &port];
        let mut top = meshtax().args(top).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        while top.try_wait().unwrap().is_none() {
            open.iter_mut().for_each(|open| open.move_bytes(100, 100));
            sleep(Duration::from_millis(100));
        }
        String::from_utf8(top.wait_with_output().unwrap().stdout).unwrap()
    };
    let text = text();
    assert!(text.contains("… and 10 more; --rows shows them\n"), "{text}");
}

#[test]
fn numbers_of_processes_are_refused_where_they_mean_others() {
    insist_on_root();
    let mut inside = Command::new("unshare");
    inside.args(["--pid", "--fork", "--mount-proc", testbed::binary(), "life", "--pid", "1", "--duration", "1s"]);
    let output = inside.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    let refusal = "this is a PID namespace, but the kernel uses the host's process ids: filter by `--comm`, `--cgroup` or `--netns`";
    assert!(words(&output).contains(refusal), "{}", words(&output));
}
