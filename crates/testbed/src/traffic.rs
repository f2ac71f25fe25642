//! TCP connections of which a test holds both ends.

use std::io::{Read, Write, copy, sink};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Any port of IPv4 loopback.
pub const V4: &str = "127.0.0.1:0";
/// Any port of IPv6 loopback.
pub const V6: &str = "[::1]:0";

/// What a connection has moved: bytes from client to server and back, and the ports of both.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Bytes from client to server.
    pub up: u64,
    /// Bytes from server to client.
    pub down: u64,
    /// The client's port.
    pub client: u16,
    /// The server's port.
    pub server: u16,
}

/// A server in this process.
pub struct Peer(TcpListener);

/// A connection of which this process holds both ends.
pub struct Open {
    client: TcpStream,
    server: TcpStream,
    moved: Moved,
}

impl Peer {
    /// Listens at `address`, such as [`V4`].
    pub fn listen(address: &str) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    /// The port at which it listens.
    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Opens a connection from this process to itself.
    pub fn open(&self) -> Open {
        let client = TcpStream::connect(self.0.local_addr().unwrap()).unwrap();
        let (server, from) = self.0.accept().unwrap();
        let moved = Moved { up: 0, down: 0, client: from.port(), server: self.port() };
        Open { client, server, moved }
    }

    /// Takes the next connection and reads it to its end.
    pub fn attend(&self) {
        let (mut stream, _) = self.0.accept().unwrap();
        copy(&mut stream, &mut sink()).ok();
    }

    /// A connection that moves so many bytes each way and ends: `end` has the client's side first.
    pub fn exchange(&self, up: u64, down: u64, end: fn(&TcpStream)) -> Moved {
        let mut open = self.open();
        open.move_bytes(up, down);
        open.close(end)
    }
}

impl Open {
    /// The client's port.
    pub fn client_port(&self) -> u16 {
        self.moved.client
    }

    /// The client sends so many bytes, few enough to find room on the way.
    pub fn send(&mut self, up: u64) {
        self.client.write_all(&vec![7; up as usize]).unwrap();
        self.moved.up += up;
    }

    /// The server reads so many of them.
    pub fn receive(&mut self, up: u64) {
        assert_eq!(copy(&mut (&mut self.server).take(up), &mut sink()).unwrap(), up);
    }

    /// Moves bytes and sees them arrive.
    pub fn move_bytes(&mut self, up: u64, down: u64) {
        stream(&mut self.client, &mut self.server, up);
        stream(&mut self.server, &mut self.client, down);
        self.moved.up += up;
        self.moved.down += down;
    }

    /// Ends it: the client first.
    pub fn close(self, end: fn(&TcpStream)) -> Moved {
        let Self { client, mut server, moved } = self;
        end(&client);
        drop(client);
        // To the end, or to the reset.
        copy(&mut server, &mut sink()).ok();
        moved
    }
}

fn stream(from: &mut TcpStream, to: &mut TcpStream, bytes: u64) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut left = bytes;
            let chunk = [7; 65_536];
            while left > 0 {
                let now = left.min(chunk.len() as u64) as usize;
                from.write_all(&chunk[..now]).unwrap();
                left -= now as u64;
            }
        });
        assert_eq!(copy(&mut to.take(bytes), &mut sink()).unwrap(), bytes);
    });
}
