//! A service that shows what its callers send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;

use super::stand::{PORT, free_address, header, read_head};

pub struct Callee {
    pub address: IpAddr,
    received: Receiver<Received>,
}

/// A request, and the number of the connection on which it came.
#[derive(Debug)]
pub struct Received {
    pub connection: usize,
    pub head: String,
    pub body_bytes: usize,
}

impl Callee {
    /// Answers `status` to everything, as soon as as many requests are there as the barrier is for.
    pub fn up(status: u16, barrier: Barrier) -> Self {
        Self::listen(move |stream, connection, sender| answer(stream, connection, status, sender, &barrier))
    }

    /// Answers `body` to everything.
    pub fn up_with_body(body: String) -> Self {
        Self::listen(move |stream, connection, sender| answer_body(stream, connection, &body, sender))
    }

    /// Answers a line to every line.
    pub fn up_with_lines() -> Self {
        Self::listen(answer_lines)
    }

    fn listen(serve: impl Fn(TcpStream, usize, &Sender<Received>) + Send + Sync + 'static) -> Self {
        let address = free_address();
        let listener = TcpListener::bind((address, PORT)).unwrap();
        let (sender, received) = channel();
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (sender, serve) = (sender.clone(), Arc::clone(&serve));
                thread::spawn(move || serve(stream, connection, &sender));
            }
        });
        Self { address, received }
    }

    /// The next request, once it is there.
    pub fn next(&self) -> Received {
        self.received.recv().unwrap()
    }

    /// The requests that came since the last one that was asked for.
    pub fn all(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn answer(stream: TcpStream, connection: usize, status: u16, sender: &Sender<Received>, barrier: &Barrier) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream) {
        let mut body = vec![0; header(&head, "content-length").map_or(0, |bytes| bytes.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        if sender.send(Received { connection, head, body_bytes: body.len() }).is_err() {
            return;
        }
        barrier.wait();
        write!(stream.get_mut(), "HTTP/1.1 {status} said\r\ncontent-length: 2\r\n\r\nhi").unwrap();
    }
}

fn answer_body(stream: TcpStream, connection: usize, body: &str, sender: &Sender<Received>) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream) {
        if sender.send(Received { connection, head, body_bytes: 0 }).is_err() {
            return;
        }
        // Whoever has read enough may be gone.
        write!(stream.get_mut(), "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok();
    }
}

fn answer_lines(stream: TcpStream, connection: usize, sender: &Sender<Received>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        let head = std::mem::take(&mut line);
        if sender.send(Received { connection, head, body_bytes: 0 }).is_err() {
            return;
        }
        writeln!(stream.get_mut(), "hi").unwrap();
    }
}
