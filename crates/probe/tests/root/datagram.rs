use std::net::UdpSocket;

/// Numbers of datagrams and payload bytes, to the server and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    pub asked: u64,
    pub asked_bytes: u64,
    pub answered: u64,
    pub answered_bytes: u64,
}

/// A Python program that answers datagrams until it has answered `count`: `address port count`.
pub const SERVE: &str = "
import socket, sys
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sock = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((address, port))
print('ready', flush=True)
for _ in range(count):
    asked, peer = sock.recvfrom(65535)
    sock.sendto(bytes(2 * len(asked)), peer)
";

/// A Python program that sends datagrams of these sizes to the server, one after the other: `address port size ...`.
pub const ASK: &str = "
import socket, sys
address, port, sizes = sys.argv[1], int(sys.argv[2]), [int(size) for size in sys.argv[3:]]
sock = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
for size in sizes:
    sock.sendto(bytes(size), (address, port))
    assert len(sock.recv(65535)) == 2 * size
";

/// How a client names the server's address.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Once, with `connect`.
    Connected,
    /// With each datagram, as `sendto` does.
    Unconnected,
}

/// Sends datagrams of these sizes, each of which the server answers with twice as many bytes.
pub fn exchange(server: &UdpSocket, manner: Manner, sizes: &[usize]) -> Exchanged {
    let place = server.local_addr().unwrap();
    let client = UdpSocket::bind((place.ip(), 0)).unwrap();
    if matches!(manner, Manner::Connected) {
        client.connect(place).unwrap();
    }
    let mut room = [0; 65_536];
    let mut exchanged = Exchanged::default();
    for size in sizes {
        let asked = vec![7; *size];
        match manner {
            Manner::Connected => client.send(&asked).unwrap(),
            Manner::Unconnected => client.send_to(&asked, place).unwrap(),
        };
        let (came, from) = server.recv_from(&mut room).unwrap();
        assert_eq!(came, *size);
        let answer = vec![7; 2 * size];
        server.send_to(&answer, from).unwrap();
        assert_eq!(client.recv(&mut room).unwrap(), answer.len());
        exchanged.asked += 1;
        exchanged.asked_bytes += *size as u64;
        exchanged.answered += 1;
        exchanged.answered_bytes += answer.len() as u64;
    }
    exchanged
}

/// Sizes of `count` datagrams, from 0 bytes up to `most`.
pub fn sizes(count: usize, most: usize) -> Vec<usize> {
    (0..count).map(|n| n * most / (count - 1)).collect()
}
