use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use nix::fcntl::{SpliceFFlags, splice};
use nix::sys::sendfile::sendfile;
use testbed::{Moved, Namespace};

/// Number of bytes that are sent at once.
const CHUNK: usize = 64 * 1024;

/// How an application sends.
#[derive(Clone, Copy, Debug)]
pub enum Sender {
    Write,
    SendFile,
    /// With `splice` from a pipe.
    Splice,
}

/// A connection that this process holds both ends of, used in both directions at once.
pub struct Duplex {
    pub client: TcpStream,
    pub server: TcpStream,
}

impl Duplex {
    /// Opens a connection within this network namespace.
    pub fn open(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        Self::to(&listener, |address| TcpStream::connect(address).unwrap())
    }

    /// Opens a connection from one namespace to an address in another.
    pub fn across(here: &Namespace, there: &Namespace, address: &str) -> Self {
        let listener = there.within(|| TcpListener::bind(address).unwrap());
        Self::to(&listener, |address| here.within(|| TcpStream::connect(address).unwrap()))
    }

    /// Opens a connection to `listener`.
    pub fn to(listener: &TcpListener, connect: impl FnOnce(SocketAddr) -> TcpStream) -> Self {
        let client = connect(listener.local_addr().unwrap());
        let (server, _) = listener.accept().unwrap();
        Self { client, server }
    }

    /// Moves bytes up and down at once. Returns what the applications have moved.
    pub fn exchange(&self, up: u64, down: u64, by: Sender) -> Moved {
        let [from_client, from_server, to_server, to_client] = thread::scope(|scope| {
            let sent = [(&self.client, up), (&self.server, down)]
                .map(|(stream, bytes)| scope.spawn(move || send(stream, bytes, by)));
            let received = [(&self.server, up), (&self.client, down)]
                .map(|(stream, bytes)| scope.spawn(move || receive(stream, bytes)));
            let [up, down] = sent;
            let [at_server, at_client] = received;
            [up, down, at_server, at_client].map(|end| end.join().unwrap())
        });
        assert_eq!((from_client, from_server), (to_server, to_client), "what is sent arrives");
        let [client, server] = self.ports();
        Moved { up: to_server, down: to_client, client, server }
    }

    /// Ends the connection in order, the client first.
    pub fn close(self) {
        self.client.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&self.server).read(&mut [0]).unwrap(), 0);
        drop(self.server);
        assert_eq!((&self.client).read(&mut [0]).unwrap(), 0);
    }

    /// Returns the ports of the client and the server.
    pub fn ports(&self) -> [u16; 2] {
        [&self.client, &self.server].map(|stream| stream.local_addr().unwrap().port())
    }
}

fn send(mut stream: &TcpStream, bytes: u64, by: Sender) -> u64 {
    let now = |left: u64| left.min(CHUNK as u64) as usize;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; CHUNK]).unwrap();
    let (from_pipe, mut into_pipe) = std::io::pipe().unwrap();
    let mut sent = 0;
    while sent < bytes {
        let now = now(bytes - sent);
        sent += match by {
            Sender::Write => stream.write(&[7; CHUNK][..now]).unwrap(),
            Sender::SendFile => send_file(&mut file, stream, now),
            Sender::Splice => {
                into_pipe.write_all(&[7; CHUNK][..now]).unwrap();
                splice_all(&from_pipe, stream, now)
            }
        } as u64;
    }
    sent
}

fn send_file(file: &mut File, stream: &TcpStream, bytes: usize) -> usize {
    file.seek(SeekFrom::Start(0)).unwrap();
    sendfile(stream, file, None, bytes).unwrap()
}

fn splice_all(pipe: &std::io::PipeReader, stream: &TcpStream, bytes: usize) -> usize {
    let mut sent = 0;
    while sent < bytes {
        sent += splice(pipe, None, stream, None, bytes - sent, SpliceFFlags::empty()).unwrap();
    }
    sent
}

fn receive(mut stream: &TcpStream, bytes: u64) -> u64 {
    let mut received = 0;
    let mut chunk = [0; CHUNK];
    while received < bytes {
        let now = stream.read(&mut chunk).unwrap();
        assert_ne!(now, 0, "the other end has closed");
        received += now as u64;
    }
    received
}
