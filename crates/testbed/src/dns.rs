//! A DNS server that behaves as the first label of a name says, and a client for it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use crate::namespace::Namespace;

/// Type of a query for an IPv4 address.
pub const A: u16 = 1;
/// Type of a query for an IPv6 address.
pub const AAAA: u16 = 28;
/// Type of a query for how to reach a web server.
pub const HTTPS: u16 = 65;

/// How long the name `slow` delays an answer.
pub const DELAY: Duration = Duration::from_millis(30);

const PATIENCE: Duration = Duration::from_secs(10);

/// A DNS server that runs until the test's process ends.
pub struct Server {
    /// The address that clients ask: port 53.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server in a namespace, at port 53 of `ip`.
    pub fn start(namespace: &Namespace, ip: &str) -> Self {
        Self::behind(namespace, ip, 53)
    }

    /// Starts a server at `port` of `ip`, whose clients ask port 53.
    pub fn behind(namespace: &Namespace, ip: &str, port: u16) -> Self {
        let ip = ip.parse::<IpAddr>().unwrap();
        let address = SocketAddr::new(ip, port);
        let (datagrams, connections) =
            namespace.within(|| (UdpSocket::bind(address).unwrap(), TcpListener::bind(address).unwrap()));
        thread::spawn(move || serve_datagrams(&datagrams));
        thread::spawn(move || {
            for stream in connections.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || serve_stream(stream));
            }
        });
        Self { address: SocketAddr::new(ip, 53) }
    }

    /// Opens a UDP socket in `namespace`, connected to the server.
    pub fn datagrams(&self, namespace: &Namespace) -> UdpSocket {
        let any = if self.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = namespace.within(|| UdpSocket::bind(any).unwrap());
        socket.connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Opens a TCP connection from `namespace` to the server.
    pub fn connection(&self, namespace: &Namespace) -> TcpStream {
        let stream = namespace.within(|| TcpStream::connect(self.address).unwrap());
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

/// Returns a query in wire format.
pub fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len().try_into().unwrap());
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// Sends a query and waits for its answer.
pub fn ask(socket: &UdpSocket, message: &[u8]) {
    socket.send(message).unwrap();
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).unwrap();
    assert_eq!(&answer[..2], &message[..2], "{length} bytes answer another query");
}

/// Puts a message's length before it, as DNS over TCP does.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// Reads one answer from a connection.
pub fn take(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

fn serve_datagrams(socket: &UdpSocket) {
    let mut message = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut message).unwrap();
        if let Some(answer) = answer(&message[..length], true) {
            socket.send_to(&answer, from).unwrap();
        }
    }
}

fn serve_stream(mut stream: TcpStream) {
    while let Some(message) = take(&mut stream) {
        if let Some(answer) = answer(&message, false) {
            stream.write_all(&framed(&answer)).unwrap();
        }
    }
}

/// Returns the answer: the query with another header, because no test needs records.
fn answer(message: &[u8], may_be_cut: bool) -> Option<Vec<u8>> {
    let label = &message[13..13 + usize::from(message[12])];
    let (truncated, rcode) = match label {
        b"silent" => return None,
        b"cut" if may_be_cut => (2, 0),
        b"none" => (0, 3),
        b"broken" => (0, 2),
        b"slow" => {
            thread::sleep(DELAY);
            (0, 0)
        }
        _ => (0, 0),
    };
    let mut answer = message.to_vec();
    answer[2] |= 0x80 | truncated;
    answer[3] |= rcode;
    Some(answer)
}
