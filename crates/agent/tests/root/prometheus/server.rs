use std::io::{BufRead, BufReader, Read, Write, copy, sink};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// Folder in which `make setup` installs Prometheus.
const INSTALLED: &str = "/usr/local/libexec/meshtax";

/// Returns a command that runs Prometheus' own tool.
pub fn promtool() -> Command {
    Command::new(format!("{INSTALLED}/promtool"))
}

/// A real Prometheus, which is ended on drop.
pub struct Prometheus {
    child: Child,
    place: String,
    _home: TempDir,
}

impl Prometheus {
    /// Starts a Prometheus that scrapes `place` every second.
    pub fn scraping(place: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("prometheus.yaml");
        let text = format!(
            "{{global: {{scrape_interval: 1s, scrape_timeout: 1s}}, \
             scrape_configs: [{{job_name: meshtax, static_configs: [{{targets: ['{place}']}}]}}]}}"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(format!("{INSTALLED}/prometheus"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", home.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--log.format=json"])
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("`make setup` installs Prometheus");
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (mut place, mut is_ready) = (String::new(), false);
        // Prometheus logs both lines, in either order.
        while place.is_empty() || !is_ready {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "Prometheus ended");
            let line: Value = serde_json::from_str(&line).unwrap();
            match line["msg"].as_str() {
                Some("Listening on") => place = line["address"].as_str().unwrap().to_owned(),
                Some("Server is ready to receive web requests.") => is_ready = true,
                _ => {}
            }
        }
        thread::spawn(move || copy(&mut said, &mut sink()));
        Self { child, place, _home: home }
    }

    /// Waits for a scrape that begins after this call.
    pub fn scrapes_anew(&self) {
        // A scrape's time is its start. The scrape in progress may have started before this call.
        let now = self.ask("time()");
        while self.all("timestamp(up) and (up == 1)").first().is_none_or(|(_, at)| *at <= now) {}
    }

    /// Returns the one number that answers a query.
    pub fn ask(&self, query: &str) -> f64 {
        let answers = self.all(query);
        let [(_, value)] = &answers[..] else { panic!("`{query}` is answered {answers:?}") };
        *value
    }

    /// Returns all labels and numbers that answer a query.
    pub fn all(&self, query: &str) -> Vec<(Value, f64)> {
        let answer = self.get(query);
        let result = &answer["data"]["result"];
        let number = |sample: &Value| sample[1].as_str().unwrap().parse::<f64>().unwrap();
        match answer["data"]["resultType"].as_str() {
            Some("scalar") => vec![(Value::Null, number(result))],
            Some("vector") => {
                let series = result.as_array().unwrap().iter();
                series.map(|series| (series["metric"].clone(), number(&series["value"]))).collect()
            }
            _ => panic!("`{query}` is answered {answer}"),
        }
    }

    fn get(&self, query: &str) -> Value {
        let mut stream = TcpStream::connect(&self.place).unwrap();
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        // An HTTP/1.0 answer is not chunked.
        write!(stream, "GET /api/v1/query?query={escaped} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
    }
}
