//! Listeners that are handed over to another program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testbed::{Namespace, Watching, insist_on_root};

/// A Python program that listens and hands over the socket: to a program that it executes itself, or to a child, as
/// systemd does when it activates a service.
const HANDING: &str = "
import os, socket, sys
how, name, serving = sys.argv[1:]
listener = socket.create_server(('127.0.0.1', 0))
os.set_inheritable(listener.fileno(), True)
child = os.fork() if how == 'child' else 0
if child: print(listener.getsockname()[1], child, flush=True)
if how == 'self': print(listener.getsockname()[1], flush=True)
os.wait() if child else os.execv(name, [name, '-c', serving, str(listener.fileno())])
";

/// A Python program that answers one connection after the other, and closes each first.
const SERVING: &str = "
import socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
while True:
    connection, _ = listener.accept()
    connection.recv(1)
    connection.close()
";

/// Makes a link to Python with another name, which a process then has.
pub fn heir(home: &Path) -> String {
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let name = home.join("the-heir");
    std::os::unix::fs::symlink(String::from_utf8(python.stdout).unwrap().trim_end(), &name).unwrap();
    name.to_str().unwrap().to_owned()
}

/// A server in a namespace. It is ended on drop.
struct Server {
    namespace: Namespace,
    process: Child,
    port: u16,
    /// The process that serves.
    serving: u32,
}

impl Server {
    /// Starts a Python program that prints the port at which it listens and, if there is one, the child that serves.
    fn start(namespace: Namespace, program: &[&str]) -> Self {
        let mut command = namespace.command(&[&["python3", "-c"], program].concat());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let numbers: Vec<u32> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let serving = numbers.get(1).copied().unwrap_or(process.id());
        Self { namespace, process, port: numbers[0].try_into().unwrap(), serving }
    }

    /// Opens a connection, which the server closes.
    fn ask(&self) {
        let mut client = self.namespace.within(|| TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        client.write_all(b"?").unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    /// Returns the owners that are reported for three connections.
    fn owners(&self, life: &mut Watching) -> Vec<(String, u64)> {
        (0..3).for_each(|_| self.ask());
        let lines = life.lines(6);
        let servers = lines.iter().filter(|line| line["role"] == "server");
        servers.map(|line| (line["comm"].as_str().unwrap().to_owned(), line["pid"].as_u64().unwrap())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(Pid::from_raw(self.serving.try_into().unwrap()), Signal::SIGKILL).unwrap();
        self.process.kill().ok();
        self.process.wait().unwrap();
    }
}

/// The first connection shows who has it only when it ends.
#[test]
fn a_listener_is_whose_it_was_handed_to_from_the_second_connection_on() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let name = heir(home.path());
    for how in ["self", "child"] {
        let namespace = Namespace::new(&format!("heir-{how}"));
        let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
        let server = Server::start(namespace, &[HANDING, how, &name, SERVING]);
        let told = server.owners(&mut life);
        let heirs = ("the-heir".to_owned(), u64::from(server.serving));
        assert_eq!(told[0].0, "python3", "{how}: {told:?}");
        assert_eq!(told[1..], [heirs.clone(), heirs], "{how}");
    }
}

/// A Python program that accepts, and hands each connection to a child with another name and without the listener.
const FORKING: &str = "
import os, socket, sys
name, = sys.argv[1:]
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    os.set_inheritable(connection.fileno(), True)
    serving = 'import socket, sys; c = socket.socket(fileno=int(sys.argv[1])); c.recv(1); c.close()'
    child = os.fork() or os.execv(name, [name, '-c', serving, str(connection.fileno())])
    connection.close()
    os.waitpid(child, 0)
";

#[test]
fn who_serves_connections_that_another_accepts_is_not_taken_for_the_listeners_owner() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let namespace = Namespace::new("forking");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let server = Server::start(namespace, &[FORKING, &heir(home.path())]);
    let told = server.owners(&mut life);
    assert_eq!(told, vec![("python3".to_owned(), u64::from(server.process.id())); 3]);
}
