//! `meshtax load`, against servers of the tests' own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use testbed::{meshtax, refuses, words};

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A server on loopback that gives one answer to every request.
struct Server {
    url: String,
    requests: Arc<AtomicU64>,
    /// Nobody is answered while this is held for writing.
    gate: Arc<RwLock<()>>,
}

impl Server {
    fn new(answer: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/page", listener.local_addr().unwrap());
        let server = Server { url, requests: Arc::default(), gate: Arc::default() };
        let (requests, gate) = (Arc::clone(&server.requests), Arc::clone(&server.gate));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (requests, gate) = (Arc::clone(&requests), Arc::clone(&gate));
                thread::spawn(move || attend(stream.unwrap(), answer, &requests, &gate));
            }
        });
        server
    }

    fn count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Serves one connection. An answer that does not begin with HTTP's name ends it.
fn attend(mut stream: TcpStream, answer: &str, requests: &AtomicU64, gate: &RwLock<()>) {
    stream.set_nodelay(true).unwrap();
    let mut request = Vec::new();
    let mut room = [0; 4096];
    loop {
        while !request.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut room) {
                Ok(count) if count > 0 => request.extend_from_slice(&room[..count]),
                _ => return,
            }
        }
        request.clear();
        requests.fetch_add(1, Ordering::SeqCst);
        drop(gate.read().unwrap());
        if stream.write_all(answer.as_bytes()).is_err() || !answer.ends_with("hello") {
            return;
        }
    }
}

fn load(arguments: &[&str]) -> Output {
    meshtax().arg("load").args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", words(output)))
}

fn metric(result: &Value, name: &str) -> f64 {
    result["metrics"][name]["value"].as_f64().unwrap_or_else(|| panic!("no {name} in {}", result["metrics"]))
}

#[test]
fn every_request_is_counted_in_every_form() {
    let server = Server::new(HELLO);
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let whole = load(&["-n", "230", "-c", "5", "--json", "-o", &file("a.json"), &server.url]);
    assert!(whole.status.success() && whole.stdout.is_empty(), "{}", words(&whole));
    assert_eq!(server.count(), 230);
    let result = read(&file("a.json"));
    assert_eq!((metric(&result, "requests"), metric(&result, "errors")), (230.0, 0.0));
    assert_eq!((metric(&result, "connections"), &result["statuses"]["200"]), (5.0, &230.into()));
    let seconds = result["seconds"].as_array().unwrap();
    assert_eq!(seconds.iter().map(|second| second["requests"].as_u64().unwrap()).sum::<u64>(), 230);
    assert_eq!(result["received"]["body"], 230 * 5);
    assert!(
        result["metrics"]["latency_ms_p50"]["value"].is_f64() && result["metrics"]["latency_ms_p99"]["value"].is_null()
    );

    // Two results are one: counts add up.
    let again = load(&["-n", "23", "-c", "1", "--json", "-o", &file("b.json"), &server.url]);
    assert!(again.status.success(), "{}", words(&again));
    let merged = json(&load(&["--json", "--merge", &file("a.json"), &file("b.json")]));
    assert_eq!((metric(&merged, "requests"), &merged["statuses"]["200"]), (253.0, &253.into()));
    assert_eq!(merged["metrics"]["latency_ms_max"]["count"], 253);
    let other = load(&["-n", "23", "-c", "1", "-m", "POST", "--json", "-o", &file("post.json"), &server.url]);
    assert!(other.status.success(), "{}", words(&other));
    let mixed = load(&["--merge", &file("a.json"), &file("post.json")]);
    assert!(mixed.status.code() == Some(2) && words(&mixed).contains("are not parts of one load"), "{}", words(&mixed));

    let text = words(&load(&["-n", "23", "-c", "1", &server.url]));
    assert!(text.contains("23 requests in ") && text.contains("status 200: 23"), "{text}");
    let csv = words(&load(&["-n", "23", "-c", "1", "--format", "csv", &server.url]));
    assert!(csv.starts_with("second,requests,errors,latency_ms_mean,latency_ms_p50,latency_ms_p99\n0,23,0,"), "{csv}");
    let hgrm = words(&load(&["-n", "23", "-c", "1", "--format", "hgrm", &server.url]));
    assert!(hgrm.contains("1/(1-Percentile)") && hgrm.contains("Total count    =           23]"), "{hgrm}");
}

/// Threads beyond users or connections would take a share of the requests and have nobody to send it.
#[test]
fn one_user_sends_every_request_whatever_the_threads() {
    let server = Server::new(HELLO);
    for arguments in [["--users", "1"], ["--connections", "1"]] {
        let before = server.count();
        let output = load(&[&arguments[..], &["-n", "200", "--threads", "8", "--json", &server.url]].concat());
        assert_eq!((metric(&json(&output), "requests"), server.count() - before), (200.0, 200), "{arguments:?}");
        assert_eq!(json(&output)["load"]["threads"], 1);
    }
}

/// A result that could not be kept is known before the first request.
#[test]
fn a_file_that_cannot_be_written_is_refused_with_nothing_asked() {
    let server = Server::new(HELLO);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let output = load(&["-n", "23", "-o", folder, &server.url]);
    assert_eq!((output.status.code(), server.count()), (Some(2), 0), "{}", words(&output));
    assert!(words(&output).contains(&format!("cannot write `{folder}`")), "{}", words(&output));
    // A longer file of earlier is replaced whole, and kept where nothing is asked.
    let file = home.path().join("result.json");
    std::fs::write(&file, "x".repeat(1 << 16)).unwrap();
    let output = load(&["-n", "23", "-o", file.to_str().unwrap(), "-D", "nosuch", &server.url]);
    assert_eq!((output.status.code(), std::fs::metadata(&file).unwrap().len()), (Some(2), 1 << 16));
    assert!(load(&["-n", "23", "--json", "-o", file.to_str().unwrap(), &server.url]).status.success());
    assert_eq!(metric(&read(file.to_str().unwrap()), "requests"), 23.0);
}

fn read(file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn limits_decide_about_the_exit_status() {
    let server = Server::new(HELLO);
    let status = |limit: &str| {
        let output = load(&["-n", "200", "-c", "2", "--fail-if", limit, &server.url]);
        (output.status.code(), words(&output))
    };
    assert_eq!(status("errors>0").0, Some(0));
    let (code, told) = status("requests<201");
    assert!(code == Some(1) && told.contains("failed: `requests<201`: it is 200"), "{told}");
    let (code, told) = status("latency_ms_p999>1000");
    assert!(code == Some(1) && told.contains("too few requests"), "{told}");
}

/// What servers do wrong is counted by kind, and never taken for a latency.
#[test]
fn bad_servers_are_errors_of_a_kind() {
    let check = |answer: &'static str, kind: &str| {
        let server = Server::new(answer);
        let output = load(&["-n", "23", "-c", "3", "-t", "300ms", "--json", &server.url]);
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        let result = json(&output);
        assert_eq!(result["errors"], serde_json::json!({kind: 23}), "{answer:?}");
        assert_eq!(result["metrics"]["latency_ms_max"]["count"], 0, "{answer:?}");
    };
    check("", "closed");
    check("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort", "closed");
    check("rubbish\r\n\r\n", "bad_answer");
    check("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "bad_answer");
    check("HTTP/1.1 503 Busy\r\ncontent-length: 5\r\n\r\nhello", "status_503");
    // A header that never ends, and a body that never comes: the connection stays open.
    check("HTTP/1.1 200 OK\r\nx: hello", "timeout");
    check("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", "timeout");
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = load(&["-n", "23", "--json", &format!("http://{unused}/")]);
    assert_eq!((output.status.code(), &json(&output)["errors"]["connect"]), (Some(1), &23.into()));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], what: &str| {
        let output = meshtax().arg("load").args(arguments).current_dir(home.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains(what), "{arguments:?}: {}", words(&output));
    };
    let url = "http://127.0.0.1:1/";
    refused(&[], "<URL>");
    refused(&["https://127.0.0.1/"], "`https://127.0.0.1/` does not start with `http://`");
    refused(&["http://"], "has no plain host name");
    refused(&["-q", "0", url], "above 0");
    refused(&["-n", "0", url], "1..");
    refused(&["--think", "9s-1s", url], "shorter time first");
    refused(&["--stages", "1-2", url], "write `RATE:TIME`");
    refused(&["-H", "no colon", url], "write `NAME: VALUE`");
    refused(&["--host", "a\r\nx: y", url], "no control characters");
    refused(&["-T", "a\nx: y", url], "no control characters");
    refused(&["--fail-if", "latency_ms_p98>1", url], "did you mean `latency_ms_p99`?");
    let check = |arguments: &[&str], error: &str, hint: &str| {
        refuses(meshtax().arg("load").args(arguments), home.path(), error, hint);
    };
    check(&["--poisson", url], "`--poisson` spaces requests of a rate", "give a rate with `--rate` or `--stages`");
    check(
        &["--max-in-flight", "5", url],
        "`--max-in-flight` limits requests of a rate; users wait for their answers",
        "give a rate with `--rate` or `--stages`",
    );
    check(&["--cpus", "9999", url], "this machine has no processor 9999", "`lscpu` lists them");
    check(
        &["-D", "nosuch", url],
        "cannot read `nosuch`: No such file or directory (os error 2)",
        "name a file that this user may read with `--body-file`",
    );
    std::fs::write(home.path().join("other.json"), "{}").unwrap();
    refused(&["--merge", "other.json"], "`other.json` is not a result of `meshtax load`");
}

/// Ctrl-C ends a load with what was seen until then.
#[test]
fn a_load_that_is_stopped_keeps_its_result() {
    let server = Server::new(HELLO);
    let mut command: Command = meshtax();
    command.args(["load", "-z", "1h", "-c", "2", "--json", &server.url]).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    while server.count() < 100 {
        thread::yield_now();
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let result = json(&output);
    assert_eq!((output.status.code(), &result["load"]["complete"]), (Some(130), &false.into()));
    assert_eq!(metric(&result, "requests") as u64, server.count());
}

/// Requests that are due while a server stands still wait, and their wait counts. With a tenth of the time stalled, the truth
/// follows from the schedule: waits of that tenth are uniform, so p95 is half of the stall and p99 nine tenths of it.
#[test]
fn a_stall_is_not_hidden() {
    const STALL: Duration = Duration::from_millis(500);
    let server = Server::new(HELLO);
    let (gate, requests, over) = (Arc::clone(&server.gate), Arc::clone(&server.requests), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        let over = &over;
        scope.spawn(move || {
            while requests.load(Ordering::SeqCst) < 1_000 && !over.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            let held = gate.write().unwrap();
            thread::sleep(STALL);
            drop(held);
        });
        let output = load(&["-q", "1000", "-z", "5s", "-c", "20", "--json", &server.url]);
        over.store(true, Ordering::SeqCst);
        json(&output)
    });
    let stall_ms = STALL.as_secs_f64() * 1e3;
    for (quantile, truth_ms) in [("p95", 0.5 * stall_ms), ("p99", 0.9 * stall_ms)] {
        let ratio = metric(&result, &format!("latency_ms_{quantile}")) / truth_ms;
        assert!((0.8..1.25).contains(&ratio), "{quantile}: {ratio} of {truth_ms} ms");
    }
    // A client that waits for each answer would have had twenty slow requests of five thousand.
    let service_ms = metric(&result, "service_ms_p95");
    assert!(service_ms < 0.1 * stall_ms, "{service_ms}");
}

/// The schema is published: what is printed obeys it.
#[test]
fn results_obey_their_schema() {
    let server = Server::new(HELLO);
    let result = json(&load(&["-n", "23", "-c", "2", "--json", &server.url]));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/load.json");
    let kept = std::fs::read_to_string(kept).unwrap();
    let printed = meshtax().args(["schema", "load"]).output().unwrap();
    assert_eq!(words(&printed), kept, "see the change: meshtax schema load > schemas/load.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(&kept).unwrap()).unwrap();
    let faults: Vec<String> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}
