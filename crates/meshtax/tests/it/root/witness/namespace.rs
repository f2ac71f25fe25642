use std::fs;
use std::process::Command;

/// A server that sends `down` bytes once it has received `up`, and its client, in one process.
const EXCHANGE: &str = "
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
    /// One in which nothing is lost.
    pub fn quiet(name: &str) -> Self {
        // Not the name of a lab's: whoever cleans up would take it for what a killed run left behind.
        let namespace = Self(format!("watched-{name}-{}", std::process::id()));
        run(Command::new("ip").args(["netns", "add", &namespace.0]));
        namespace.inside(&["ip", "link", "set", "lo", "up"]);
        namespace
    }

    /// One in which three of a hundred packets to and from `port` are lost as they arrive.
    pub fn lossy(name: &str, port: u16) -> Self {
        let namespace = Self::quiet(name);
        for end in ["dport", "sport"] {
            let rules = format!(
                "table ip loss_{end} {{ chain c {{ type filter hook prerouting priority 0; \
                 tcp {end} {port} numgen random mod 100 < 3 drop; }}; }}"
            );
            namespace.inside(&["nft", &rules]);
        }
        namespace
    }

    /// Joins it to another one by a cable.
    pub fn connect_to(&self, other: &Self, address: &str, other_address: &str) {
        run(Command::new("ip")
            .args(["-n", &self.0, "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", &other.0]));
        for (end, address) in [(self, address), (other, other_address)] {
            end.inside(&["ip", "address", "add", address, "dev", "eth0"]);
            end.inside(&["ip", "link", "set", "eth0", "up"]);
        }
    }

    /// What tools call it.
    pub fn pod(&self) -> &str {
        &self.0
    }

    /// Does something with a thread in it; sockets that are made there stay there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = fs::File::open(self.file()).unwrap();
        let enter = || {
            nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter).join().unwrap())
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
        let text = self.inside(&["cat", "/proc/net/snmp"]);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let mut counters = names.split(' ').zip(values.split(' '));
        counters.find(|(name, _)| *name == "RetransSegs").unwrap().1.parse().unwrap()
    }

    /// What a program says that runs in it to a good end.
    pub fn inside(&self, program: &[&str]) -> String {
        run(Command::new("ip").args(["netns", "exec", &self.0]).args(program))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "delete", &self.0]).status().unwrap();
        assert!(fs::metadata(self.file()).is_err() || std::thread::panicking(), "the namespace stayed");
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", crate::tool::words(&output));
    String::from_utf8(output.stdout).unwrap()
}
