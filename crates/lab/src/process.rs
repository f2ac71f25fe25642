use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::error::{LabError, step};
use crate::namespace::{Room, spawn};
use crate::stand::Stop;

/// How often a wait looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(100);
const TAIL_LINES: usize = 12;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is to be started in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables beside `PATH` and `HOME`.
    pub environment: Vec<(String, String)>,
    /// Whether it takes orders on standard input and answers them on standard output, a line each, and says
    /// `{"ready":true}` first.
    pub takes_orders: bool,
}

/// A program that runs in a container; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in `room`; what it prints goes to `log`.
    pub(crate) fn start(name: String, program: &Program, room: &Room<'_>, log: PathBuf) -> Result<Process, LabError> {
        let doing = || format!("start `{name}` ({})", program.command.join(" "));
        let file = log_file(&log).map_err(step(doing()))?;
        // A program opens /dev/stdout as the user that it is.
        fchown(&file, room.user, None).map_err(step(doing()))?;
        let mut command = Command::new(&program.command[0]);
        command.args(&program.command[1..]).env_clear().env("PATH", PATH).env("HOME", "/");
        command.envs(program.environment.iter().cloned());
        let output = file.try_clone().map_err(step(doing()))?;
        command.stderr(file);
        if program.takes_orders {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            command.stdin(Stdio::null()).stdout(output);
        }
        let mut child = spawn(&mut command, room).map_err(step(doing()))?;
        let answers = lines_of(child.stdout.take());
        Ok(Process { name, orders: child.stdin.take(), child, answers, log })
    }

    /// Pod and container, such as `sidecar/reviews-v2/proxy`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, as the host sees it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it takes orders; the user's own programs do not.
    pub fn takes_orders(&self) -> bool {
        self.orders.is_some()
    }

    /// Sends an order, a line, to a program that takes them.
    pub fn order(&mut self, order: &str) -> Result<(), LabError> {
        let sent = match &mut self.orders {
            Some(orders) => writeln!(orders, "{order}").and_then(|()| orders.flush()),
            None => Ok(()),
        };
        sent.map_err(|_| self.failed("no longer takes orders"))
    }

    /// Waits for the next line that the program answers.
    pub fn answer(&mut self, patience: Duration, stop: &Stop) -> Result<String, LabError> {
        let deadline = Instant::now() + patience;
        loop {
            match self.answers.recv_timeout(GLANCE) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Disconnected) => return Err(self.failed("ended")),
                Err(RecvTimeoutError::Timeout) => {}
            }
            stop.check()?;
            if Instant::now() > deadline {
                return Err(self.failed(&format!("did not answer within {} s", patience.as_secs())));
            }
        }
    }

    /// Sends an order and waits for its answer.
    pub fn ask(&mut self, order: &str, patience: Duration, stop: &Stop) -> Result<String, LabError> {
        self.order(order)?;
        self.answer(patience, stop)
    }

    /// An error if the program has ended.
    pub fn check_alive(&mut self) -> Result<(), LabError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.failed(&format!("ended ({status})"))),
            Err(source) => Err(LabError::Step { step: format!("look after `{}`", self.name), source }),
        }
    }

    /// The error that says what happened to this program, with the end of its log.
    pub(crate) fn failed(&mut self, what: &str) -> LabError {
        let what = match self.child.try_wait() {
            Ok(Some(status)) if what == "ended" => format!("ended ({status})"),
            _ => what.to_owned(),
        };
        LabError::Program { name: self.name.clone(), what, tail: tail(&self.log), log: self.log.clone() }
    }

    /// Lets it run on after this program has ended.
    pub(crate) fn let_go(mut self) -> Result<(), LabError> {
        self.order("keep")?;
        // Its destructor would kill it. The pipe's end must close, though.
        self.orders = None;
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Lines as they come, until the end of the output.
fn lines_of(output: Option<impl std::io::Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(output) = output {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

fn log_file(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
