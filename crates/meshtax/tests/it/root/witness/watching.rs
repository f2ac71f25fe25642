use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::tool::meshtax;

/// A live tool under way; ended when dropped.
pub struct Watching {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    ready: String,
}

impl Watching {
    /// Starts `meshtax TOOL ARGUMENTS` and waits until it misses nothing any more.
    pub fn begin(tool: &str, arguments: &[&str]) -> Self {
        let mut command = meshtax();
        command.arg(tool).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.lines().any(|line| line.ends_with("Ctrl-C ends it")) {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "`{tool}` ended: {said}");
        }
        let ready = said.lines().last().unwrap().to_owned();
        Self { child, stdout, stderr, ready }
    }

    /// Where an agent serves.
    pub fn place(&self) -> String {
        let url = self.ready.split("http://").nth(1).expect("an agent says where it serves");
        url.split('/').next().unwrap().to_owned()
    }

    /// The next so many lines.
    pub fn lines(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.line().expect("there is another line")).collect()
    }

    /// Lines until there are enough.
    pub fn until(&mut self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut lines = Vec::new();
        while !enough(&lines) {
            lines.push(self.line().expect("there is another line"));
        }
        lines
    }

    /// Ends it as Ctrl-C does, which is no failure; the lines that were still to come.
    pub fn end(&mut self) -> Vec<Value> {
        let (rest, said) = self.last_words();
        assert!(!said.contains("lost"), "{said}");
        rest
    }

    /// Ends it likewise; the lines that were still to come, and what it said at last.
    pub fn last_words(&mut self) -> (Vec<Value>, String) {
        self.interrupt();
        let rest = std::iter::from_fn(|| self.line()).collect();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        (rest, said)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as SIGKILL does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        let length = self.stdout.read_line(&mut line).unwrap();
        (length > 0).then(|| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    fn interrupt(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGINT).unwrap();
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.interrupt();
            self.child.wait().unwrap();
        }
    }
}
