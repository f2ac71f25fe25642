//! A live tool, watched.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::tool::meshtax;

/// How long a tool may be silent where a test waits for a line: some wait for two minutes of their own.
const PATIENCE_MS: u32 = 240_000;

/// A live tool under way; ended when dropped.
pub struct Watching {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// What it said until it was ready.
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

    /// Where an agent serves.
    pub fn place(&self) -> String {
        let url = self.said.split("metrics at http").nth(1).expect("an agent says where it serves");
        url.split('/').nth(2).unwrap().to_owned()
    }

    /// The next line that it says.
    pub fn word(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(read_line(&mut self.stderr, &mut line), 0, "it ended");
        line
    }

    /// Has it read its secrets again.
    pub fn renew(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGHUP).unwrap();
    }

    /// The next so many lines.
    pub fn lines(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.line().expect("there is another line")).collect()
    }

    /// The next line, whatever it is.
    pub fn plain_line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(read_line(&mut self.stdout, &mut line), 0, "it ended");
        line
    }

    /// Lines until there are enough.
    pub fn until(&mut self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut lines = Vec::new();
        while !enough(&lines) {
            lines.push(self.line().expect("there is another line"));
        }
        lines
    }

    /// Ends it as Ctrl-C does, which is no failure; the lines that were still to come. Nothing was lost.
    pub fn end(&mut self) -> Vec<Value> {
        let (rest, said) = self.end_saying();
        assert!(!said.contains("lost"), "{said}");
        rest
    }

    /// Ends it so; the lines that were still to come, and what it says then.
    pub fn end_saying(&mut self) -> (Vec<Value>, String) {
        self.interrupt();
        let rest = std::iter::from_fn(|| self.line()).collect();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        (rest, said)
    }

    /// Lets it do nothing until it is resumed.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// What it prints until it ends, which is no failure.
    pub fn text(&mut self) -> String {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{text}");
        text
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
        let length = read_line(&mut self.stdout, &mut line);
        (length > 0).then(|| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, signal).unwrap();
    }
}

/// The next line, or none at the end; a tool that is silent for too long fails the test, which else would never end.
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
        // One that nobody reads cannot end of itself.
        if self.child.try_wait().unwrap().is_none() {
            self.kill();
        }
    }
}
