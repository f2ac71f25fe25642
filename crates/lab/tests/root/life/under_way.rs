//! A run under way, to be listened to and ended.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ExitStatus, Stdio};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use testbed::{insist_on_root, meshtax};

/// A run whose folder is `runs/<id>` in a home of its own.
pub struct UnderWay {
    child: Ending,
    stderr: BufReader<ChildStderr>,
    said: String,
    home: TempDir,
}

/// Ends a run that a failed test leaves alone.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() && self.0.try_wait().is_ok_and(|status| status.is_none()) {
            kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM).ok();
            self.0.wait().ok();
        }
    }
}

/// How a run ended.
pub struct Ended {
    /// Exit status.
    pub status: ExitStatus,
    /// What it printed on standard output.
    pub printed: String,
    /// What it said on standard error.
    pub said: String,
    /// Its id.
    pub id: String,
    /// Its run folder.
    pub folder: PathBuf,
    _home: TempDir,
}

impl UnderWay {
    /// Starts `meshtax run EXPERIMENT --json OPTIONS`; the experiment is given as its text.
    pub fn start(experiment: &str, options: &[&str]) -> UnderWay {
        insist_on_root();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("experiment.yaml"), experiment).unwrap();
        let mut command = meshtax();
        command.args(["run", "experiment.yaml", "--json"]).args(options).current_dir(home.path());
        command.stdout(File::create(home.path().join("printed")).unwrap()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
        UnderWay { child: Ending(child), stderr, said: String::new(), home }
    }

    /// Waits until it says a line with these words.
    pub fn hear(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            self.stderr.read_line(&mut line).unwrap();
            self.said.push_str(&line);
            assert!(!line.is_empty(), "the run ended without saying `{words}`, but:\n{}", self.said);
        }
    }

    /// Its id, once it has said anything.
    pub fn id(&self) -> String {
        let runs = fs::read_dir(self.home.path().join("runs"));
        let runs = runs.unwrap_or_else(|error| panic!("the run made no folder ({error}): {}", self.said));
        let names: Vec<String> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.len(), 1, "one run, one folder: {names:?}");
        names[0].clone()
    }

    /// Its run folder, once it has said anything.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("runs").join(self.id())
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_none()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.0.id().cast_signed()), signal).unwrap();
    }

    /// Kills it without a chance to clean up, and returns its id.
    pub fn murder(self) -> String {
        let id = self.id();
        self.signal(Signal::SIGKILL);
        let ended = self.end();
        // Until it calls `exec`, a child that was just born shares the lock of its parent. A run of another test may
        // have removed the lock by now.
        if let Ok(lock) = File::open(format!("/run/meshtax/{id}.lock")) {
            Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error).unwrap();
        }
        assert!(ended.status.code().is_none(), "SIGKILL came too late: {}", ended.said);
        id
    }

    /// Listens to the end.
    pub fn end(mut self) -> Ended {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let status = self.child.0.wait().unwrap();
        let printed = fs::read_to_string(self.home.path().join("printed")).unwrap();
        let id = self.id();
        Ended {
            status,
            printed,
            said: self.said,
            folder: self.home.path().join("runs").join(&id),
            id,
            _home: self.home,
        }
    }
}
