use std::io::{self, Write};

use attribution::visible;

/// The reader of standard output has gone. An endless tool then ends, which is not a failure.
#[derive(Debug, thiserror::Error)]
#[error("the reader of standard output has gone")]
pub struct Unread;

/// Writes all data of a command to standard output. If the reader has gone, the command goes on, for its exit status.
pub fn print(text: &str) -> io::Result<()> {
    match write(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a part of the data of an endless tool.
pub fn stream(text: &str) -> anyhow::Result<()> {
    write(text).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Unread.into(),
        _ => error.into(),
    })
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(visible(text).as_bytes())?;
    stdout.flush()
}

/// Writes a message to standard error.
pub fn say(text: &str) {
    // A message that cannot be written is lost; there is nobody else to tell.
    writeln!(io::stderr(), "{}", visible(text)).ok();
}
