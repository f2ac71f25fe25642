use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::error::{LabError, step};
use crate::namespace::{Room, spawn};
use crate::stop::Stop;

/// How often a wait looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(100);
const TAIL_LINES: usize = 12;
const TAIL_BYTES: u64 = 4096;
/// A log that is longer, in bytes, is cut: programs that say the same for ever fill no disk.
const LOG_MAX: u64 = 64 << 20;
/// What stays of it.
const LOG_KEPT: u64 = 1 << 20;
/// Where programs of the lab are looked for.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
        let (output, orders) = (child.stdout.take(), child.stdin.take());
        let (sender, answers) = channel();
        let read = forward(output, sender).map_err(step(doing()));
        // A process without a reader is ended as it is dropped.
        let process = Process { name, orders, child, answers, log };
        read.map(|()| process)
    }

    /// Pod and container, such as `sidecar/reviews-v2/proxy`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process id, as the host sees it.
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
            if let Some(line) = self.glance(deadline, patience)? {
                return Ok(line);
            }
            stop.check()?;
        }
    }

    /// The next line that the program answers, if it comes within a moment; an error once the deadline, which `patience` has
    /// set, is over.
    pub(crate) fn glance(&mut self, deadline: Instant, patience: Duration) -> Result<Option<String>, LabError> {
        match self.answers.recv_timeout(GLANCE) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Err(self.failed("ended")),
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                Err(self.failed(&format!("did not answer within {} s", patience.as_secs())))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
        }
    }

    /// Sends an order and waits for its answer.
    pub fn ask(&mut self, order: &str, patience: Duration, stop: &Stop) -> Result<String, LabError> {
        self.order(order)?;
        self.answer(patience, stop)
    }

    /// An error if the program has ended.
    pub fn check_alive(&mut self) -> Result<(), LabError> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(self.failed(&format!("ended ({status})"))),
        }
    }

    /// How the program ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, LabError> {
        self.child.try_wait().map_err(step(format!("look after `{}`", self.name)))
    }

    /// Cuts its log where it has grown beyond [`LOG_MAX`]: what was said last stays.
    pub(crate) fn trim_log(&self) -> Result<(), LabError> {
        trim(&self.log).map_err(step(format!("cut the log {}", self.log.display())))
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

/// Hands on lines as they come, until the end of the output.
fn forward(output: Option<ChildStdout>, lines: Sender<String>) -> io::Result<()> {
    let Some(output) = output else { return Ok(()) };
    let read = move || {
        whole_lines(BufReader::new(output)).try_for_each(|line| lines.send(line)).ok();
    };
    Builder::new().name("answers".to_owned()).spawn(read).map(drop)
}

/// The lines of an output. What has no end is no line: whoever wrote it ended meanwhile, and that is what is to be told.
fn whole_lines(mut output: impl BufRead) -> impl Iterator<Item = String> {
    std::iter::from_fn(move || {
        let mut line = String::new();
        output.read_line(&mut line).ok()?;
        line.strip_suffix('\n').map(str::to_owned)
    })
}

fn log_file(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Programs write at the end of a log, wherever that is.
fn trim(log: &Path) -> io::Result<()> {
    let length = fs::metadata(log)?.len();
    if length <= LOG_MAX {
        return Ok(());
    }
    let end = end_of(log, LOG_KEPT)?;
    let mut file = OpenOptions::new().append(true).open(log)?;
    file.set_len(0)?;
    writeln!(file, "[{} bytes of this log were cut off here]", length - end.len() as u64)?;
    file.write_all(&end)
}

/// The last lines of a log, and no more than a screen of them.
fn tail(log: &Path) -> String {
    let end = end_of(log, TAIL_BYTES).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = end.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn end_of(log: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut end = Vec::new();
    file.take(bytes).read_to_end(&mut end)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_had_begun_to_answer_as_it_ended_is_no_answer() {
        let check =
            |output: &str, lines: &[&str]| assert_eq!(whole_lines(output.as_bytes()).collect::<Vec<_>>(), lines);
        check("{\"ready\":true}\n{\"laten", &["{\"ready\":true}"]);
        check("a\n\nb\n", &["a", "", "b"]);
        check("", &[]);
    }

    #[test]
    fn logs_are_cut_where_they_grow_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("app.log");
        // As a program holds it.
        let mut file = log_file(&log).unwrap();
        writeln!(file, "the first line").unwrap();
        trim(&log).unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "the first line\n");
        file.set_len(LOG_MAX + 1).unwrap();
        writeln!(file, "\nthe last line").unwrap();
        trim(&log).unwrap();
        writeln!(file, "one more").unwrap();
        let text = fs::read(&log).unwrap();
        assert!((LOG_KEPT..LOG_KEPT + 100).contains(&(text.len() as u64)), "{} bytes", text.len());
        assert!(
            text.starts_with(b"[66060304 bytes of this log were cut off here]\n"),
            "{}",
            String::from_utf8_lossy(&text[..80])
        );
        assert!(text.ends_with(b"\nthe last line\none more\n"));
        assert_eq!(tail(&log).lines().rev().take(2).collect::<Vec<_>>(), ["one more", "the last line"]);
        assert!(tail(&log).len() <= TAIL_BYTES as usize);
    }
}
