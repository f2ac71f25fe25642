use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

/// How long the program may take to show something or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sequence that hides the cursor.
const HIDE: &[u8] = b"\x1b[?25l";

/// A terminal that runs `meshtax`, which is ended on drop.
pub struct Terminal {
    keyboard: Option<File>,
    line: File,
    before: Termios,
    child: Child,
    parser: vt100::Parser,
    /// How often the cursor was hidden. That ends every drawing, even without a change.
    drawings: usize,
}

impl Terminal {
    /// Starts `meshtax ARGUMENTS` on a new terminal of this size.
    pub fn begin(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::among(columns, rows, arguments, &[])
    }

    /// Starts `meshtax ARGUMENTS` on a new terminal of this size, with these environment variables.
    pub fn among(columns: u16, rows: u16, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (keyboard, line) = pair();
        set_size(&line, columns, rows);
        let before = tcgetattr(&line).unwrap();
        let [stdin, stdout, stderr] = std::array::from_fn(|_| line.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", testbed::binary()]).args(arguments);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(variables.iter().copied());
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let child = command.spawn().unwrap();
        let parser = vt100::Parser::new(rows, columns, 0);
        Self { keyboard: Some(keyboard), line, before, child, parser, drawings: 0 }
    }

    /// Returns the text on the terminal.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until the text on the terminal is as wanted, and returns it.
    pub fn until(&mut self, is_wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        while !is_wanted(&self.text()) {
            assert!(start.elapsed() < PATIENCE, "this is all that came:\n{}", self.text());
            assert!(self.read() || self.child.try_wait().unwrap().is_none(), "it ended:\n{}", self.text());
        }
        self.text()
    }

    /// Waits until the screen was drawn `count` times more.
    pub fn await_drawings(&mut self, count: usize) {
        let enough = self.drawings + count;
        let start = Instant::now();
        while self.drawings < enough {
            assert!(start.elapsed() < PATIENCE, "it is not drawn any more:\n{}", self.text());
            self.read();
        }
    }

    /// Returns whether anything on the terminal has a colour.
    pub fn is_coloured(&self) -> bool {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        let mut places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        places.any(|(row, column)| screen.cell(row, column).unwrap().fgcolor() != vt100::Color::Default)
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        set_size(&self.line, columns, rows);
        self.parser.screen_mut().set_size(rows, columns);
    }

    /// Returns whether the program uses the whole terminal: the alternate screen, without line editing.
    pub fn is_taken_over(&self) -> bool {
        self.parser.screen().alternate_screen() && tcgetattr(&self.line).unwrap() != self.before
    }

    /// Waits until the program ends without a signal and has restored the terminal. Returns the exit status.
    pub fn end(&mut self) -> Option<i32> {
        let status = self.wait();
        while self.read() {}
        assert_eq!(tcgetattr(&self.line).unwrap(), self.before, "the terminal's modes stayed changed");
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen stayed:\n{}", self.text());
        assert!(!screen.hide_cursor(), "the cursor stayed hidden");
        assert_eq!(status.signal(), None);
        status.code()
    }

    /// Hangs up, as a closed window does. Returns how the program ended.
    pub fn hang_up(&mut self) -> ExitStatus {
        self.keyboard = None;
        self.wait()
    }

    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end:\n{}", self.text());
            if self.keyboard.is_some() {
                self.read();
            }
        }
    }

    /// Reads what has arrived or arrives soon. Returns whether there was anything.
    fn read(&mut self) -> bool {
        const SOON_MS: u8 = 50;
        let keyboard = self.keyboard.as_mut().unwrap();
        let mut ready = [PollFd::new(keyboard.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, SOON_MS).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 65_536];
        let length = keyboard.read(&mut bytes).unwrap();
        self.parser.process(&bytes[..length]);
        self.drawings += bytes[..length].windows(HIDE.len()).filter(|window| *window == HIDE).count();
        length > 0
    }
}

/// Opens both sides of a new terminal. Other children must not inherit them, or it could not be hung up.
fn pair() -> (File, File) {
    let keyboard = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits());
    let line = options.open(ptsname_r(&keyboard).unwrap()).unwrap();
    (File::from(std::os::fd::OwnedFd::from(keyboard)), line)
}

fn set_size(line: &File, columns: u16, rows: u16) {
    let [columns, rows] = [columns, rows].map(|number| number.to_string());
    let mut command = Command::new("stty");
    let status = command.args(["cols", &columns, "rows", &rows]).stdin(line.try_clone().unwrap()).status();
    assert!(status.unwrap().success());
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}
