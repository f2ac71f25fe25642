//! short N UP DOWN: so many connections over loopback, each moves UP bytes to the server and DOWN bytes back and ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, io, thread};

fn main() -> io::Result<()> {
    let [count, up, down] = [1, 2, 3].map(|at| env::args().nth(at).expect("three numbers").parse::<usize>().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let place = listener.local_addr()?;
    let server = thread::spawn(move || -> io::Result<()> {
        for _ in 0..count {
            let (mut stream, _) = listener.accept()?;
            stream.read_exact(&mut vec![0; up])?;
            stream.write_all(&vec![0; down])?;
        }
        Ok(())
    });
    for _ in 0..count {
        let mut stream = TcpStream::connect(place)?;
        stream.write_all(&vec![0; up])?;
        stream.read_exact(&mut vec![0; down])?;
    }
    server.join().expect("the server does not panic")
}
