//! A live tool that a test watches.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::tool::meshtax;

/// How long a tool may be silent while a test waits for a line. Some tools wait two minutes themselves.
const PATIENCE_MS: u32 = 240_000;

/// A running live tool. It is ended on drop.
pub struct Watching {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// What the tool printed on standard error until it was ready.
    pub said: String,
}

impl Watching {
    /// Starts `meshtax TOOL ARGUMENTS` and waits until it misses nothing any more.
    pub fn begin(tool: &str, arguments: &[&str]) -> Self {
        let mut command = meshtax();
        command.arg(tool).args(arguments);
        Self::of(command)
    }

    /// Starts a command that becomes a live tool, and waits until it misses nothing any more.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.lines().any(|line| line.ends_with("Ctrl-C ends it")) {
            assert_ne!(read_line(&mut stderr, &mut said), 0, "{command:?} ended: {said}");
        }
        Self { child, stdout, stderr, said }
    }

    /// Returns the address at which an agent serves.
    pub fn place(&self) -> String {
        let url = self.said.split("metrics at http").nth(1).expect("an agent says where it serves");
        url.split('/').nth(2).unwrap().to_owned()
    }

    /// Returns the next line on standard error.
    pub fn word(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(read_line(&mut self.stderr, &mut line), 0, "it ended");
        line
    }

    /// Makes an agent read its secrets again.
    pub fn renew(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGHUP).unwrap();
    }

    /// Reads the next `count` lines of JSON.
    pub fn lines(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.line().expect("there is another line")).collect()
    }

    /// Reads the next line as text.
    pub fn plain_line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(read_line(&mut self.stdout, &mut line), 0, "it ended");
        line
    }

    /// Reads lines until there are enough.
    pub fn until(&mut self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut lines = Vec::new();
        while !enough(&lines) {
            lines.push(self.line().expect("there is another line"));
        }
        lines
    }

    /// Ends the tool as Ctrl-C does, which must succeed without lost events. Returns the remaining lines.
    pub fn end(&mut self) -> Vec<Value> {
        let (rest, said) = self.end_saying();
        assert!(!said.contains("lost"), "{said}");
        rest
    }

    /// Ends the tool as Ctrl-C does. Returns the remaining lines, and what it then prints on standard error.
    pub fn end_saying(&mut self) -> (Vec<Value>, String) {
        self.interrupt();
        let rest = std::iter::from_fn(|| self.line()).collect();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        (rest, said)
    }

    /// Stops the tool's process until it is resumed.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Resumes the tool's process.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Returns what the tool prints until it ends, which must be successful.
    pub fn text(&mut self) -> String {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{text}");
        text
    }

    /// Returns the tool's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the tool with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        let length = read_line(&mut self.stdout, &mut line);
        (length > 0).then(|| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Asks the tool to end, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, signal).unwrap();
    }
}

/// Reads the next line; returns 0 at the end. A tool that is silent for too long fails the test instead of blocking it.
fn read_line(reader: &mut BufReader<impl Read + AsFd>, line: &mut String) -> usize {
    if reader.buffer().is_empty() {
        let mut wanted = [PollFd::new(reader.get_ref().as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut wanted, PollTimeout::try_from(PATIENCE_MS).unwrap()).unwrap();
        assert_ne!(ready, 0, "no line for {PATIENCE_MS} ms; before: {line}");
    }
    reader.read_line(line).unwrap()
}

impl Drop for Watching {
    fn drop(&mut self) {
        // A tool whose output is not read cannot end by itself.
        if self.child.try_wait().unwrap().is_none() {
            self.kill();
        }
    }
}
