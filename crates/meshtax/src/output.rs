use std::io::{self, Write};

use attribution::visible;

/// Nobody reads standard output any more: what goes on and on ends, and that is no failure.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output any more")]
pub struct Unread;

/// Writes all data of a command to standard output. Where nobody reads them the command goes on: its exit status says what it
/// says to a reader.
pub fn print(text: &str) -> io::Result<()> {
    match write(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes some of the data of a command that goes on and on.
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

/// Writes words to standard error.
pub fn say(text: &str) {
    // Words help a reader; without one there is nothing to do about it.
    writeln!(io::stderr(), "{}", visible(text)).ok();
}
