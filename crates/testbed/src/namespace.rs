//! Network namespaces with traffic in them.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns};

/// A Python program with a server and its client. The server sends `down` bytes once it has received `up`.
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

/// A network namespace with only `lo`. It is removed on drop.
pub struct Namespace(String);

impl Namespace {
    /// Makes a namespace.
    pub fn new(name: &str) -> Self {
        // `meshtax clean` removes everything called `meshtax-…` that belongs to no run, so use another prefix.
        let namespace = Self(format!("witness-{name}-{}", std::process::id()));
        run(Command::new("ip").args(["netns", "add", &namespace.0]));
        namespace.inside(&["ip", "link", "set", "lo", "up"]);
        namespace
    }

    /// Makes a namespace that loses packets to and from `port` on arrival: 3 % of all, and every thirtieth large one,
    /// so that some data is lost for sure. SYNs are not lost, because a listener retransmits its SYN-ACK on behalf of
    /// no socket.
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

    /// Makes two namespaces with a wire between them: `10.77.0.1` and `fd77::1` here, `10.77.0.2` and `fd77::2` there.
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

    /// Runs `act` inside the namespace. Sockets that it makes stay there.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let file = File::open(self.file()).unwrap();
        let enter = move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        };
        thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }

    /// Returns the name of the namespace.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Returns the inode of the namespace.
    pub fn inode(&self) -> u64 {
        fs::metadata(self.file()).unwrap().ino()
    }

    /// Returns the file that names the namespace.
    pub fn file(&self) -> String {
        format!("/run/netns/{}", self.0)
    }

    /// Moves bytes over one connection within the namespace.
    pub fn exchange(&self, port: u16, up: u64, down: u64) {
        self.inside(&["python3", "-c", EXCHANGE, &port.to_string(), &up.to_string(), &down.to_string()]);
    }

    /// Returns the kernel's count of retransmitted segments in the namespace.
    pub fn retransmits(&self) -> u64 {
        self.counter("Tcp", "RetransSegs")
    }

    /// Returns one of the kernel's counters, such as `RetransSegs` of `Tcp`.
    pub fn counter(&self, group: &str, name: &str) -> u64 {
        let text = self.inside(&["cat", "/proc/net/snmp", "/proc/net/netstat"]);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let mut counters = names.split(' ').zip(values.split(' '));
        counters.find(|(counter, _)| *counter == name).unwrap().1.parse().unwrap()
    }

    /// Returns a command that runs inside the namespace.
    pub fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).args(program);
        command
    }

    /// Runs a program inside the namespace, and returns its output.
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
