//! Network namespaces with a load in them.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns};

/// A server that sends `down` bytes once it has received `up`, and its client, in one process.
pub const EXCHANGE: &str = "
import socket, sys, threading
port, up, down = map(int, sys.argv[1:])
listener = socket.create_server(('127.0.0.1', port))
def drain(sock, left):
    while left: left -= len(sock.recv(min(left, 1 << 16)))
def serve():
    sock, _ = listener.accept()
    drain(sock, up)
    sock.sendall(bytes(down))
    sock.recv(1)
    sock.close()
thread = threading.Thread(target=serve)
thread.start()
sock = socket.create_connection(('127.0.0.1', port))
sock.sendall(bytes(up))
drain(sock, down)
sock.close()
thread.join()
";

/// A network namespace with nothing but `lo`; removed when dropped.
pub struct Namespace(String);

impl Namespace {
    /// One of its own.
    pub fn new(name: &str) -> Self {
        // Whatever begins with `meshtax-` and is held by no run is garbage to `meshtax clean`.
        let namespace = Self(format!("witness-{name}-{}", std::process::id()));
        run(Command::new("ip").args(["netns", "add", &namespace.0]));
        namespace.inside(&["ip", "link", "set", "lo", "up"]);
        namespace
    }

    /// One in which packets to and from `port` are lost as they arrive: three of a hundred, and each thirtieth of those that
    /// carry much, so that some data is lost for sure. None of those that open a connection is: a listener that answers
    /// again does so on behalf of no socket.
    pub fn lossy(name: &str, port: u16) -> Self {
        let namespace = Self::new(name);
        for end in ["dport", "sport"] {
            let rules = format!(
                "table ip loss_{end} {{ chain c {{ type filter hook prerouting priority 0; \
                 tcp {end} {port} meta length > 1000 numgen inc mod 30 == 15 drop; \
                 tcp {end} {port} tcp flags & syn == 0 numgen random mod 100 < 3 drop; }}; }}"
            );
            namespace.inside(&["nft", &rules]);
        }
        namespace
    }

    /// Two of them with a wire between: `10.77.0.1` and `fd77::1` here, `10.77.0.2` and `fd77::2` there.
    pub fn pair(name: &str) -> [Self; 2] {
        let [here, there] = ["here", "there"].map(|end| Self::new(&format!("{name}-{end}")));
        let to_there = ["peer", "name", "wire", "netns", &there.0];
        here.inside(&[&["ip", "link", "add", "wire", "type", "veth"], &to_there[..]].concat());
        for (end, last) in [(&here, 1), (&there, 2)] {
            end.inside(&["ip", "address", "add", &format!("10.77.0.{last}/24"), "dev", "wire"]);
            end.inside(&["ip", "address", "add", &format!("fd77::{last}/64"), "dev", "wire", "nodad"]);
            end.inside(&["ip", "link", "set", "wire", "up"]);
        }
        [here, there]
    }

    /// What `act` makes inside: sockets stay where they were made.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let file = File::open(self.file()).unwrap();
        let enter = move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        };
        thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Its number.
    pub fn inode(&self) -> u64 {
        fs::metadata(self.file()).unwrap().ino()
    }

    /// The file that stands for it.
    pub fn file(&self) -> String {
        format!("/run/netns/{}", self.0)
    }

    /// Moves bytes over one connection within it.
    pub fn exchange(&self, port: u16, up: u64, down: u64) {
        self.inside(&["python3", "-c", EXCHANGE, &port.to_string(), &up.to_string(), &down.to_string()]);
    }

    /// Segments that were sent again in it, as the kernel counts them.
    pub fn retransmits(&self) -> u64 {
        self.counter("Tcp", "RetransSegs")
    }

    /// A counter of the kernel's, such as `RetransSegs` of `Tcp`.
    pub fn counter(&self, group: &str, name: &str) -> u64 {
        let text = self.inside(&["cat", "/proc/net/snmp", "/proc/net/netstat"]);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let mut counters = names.split(' ').zip(values.split(' '));
        counters.find(|(counter, _)| *counter == name).unwrap().1.parse().unwrap()
    }

    /// A program inside, not yet started.
    pub fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).args(program);
        command
    }

    /// What a program says inside.
    pub fn inside(&self, program: &[&str]) -> String {
        run(&mut self.command(program))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "delete", &self.0]).status().unwrap();
        assert!(fs::metadata(self.file()).is_err() || thread::panicking(), "the namespace stayed");
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", crate::tool::words(&output));
    String::from_utf8(output.stdout).unwrap()
}
