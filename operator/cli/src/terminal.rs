//! Standard output and standard error, which may be closed or full: neither ends the process.

use std::fmt;
use std::io::{self, Write};

/// Writes an answer to standard output. A reader that has gone away has seen what it wanted.
///
/// # Errors
/// When the answer cannot be written, as to a disk that is full.
pub(crate) fn print(answer: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(answer.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("the answer cannot be written to standard output"))
        }
        _ => Ok(()),
    }
}

/// Says something on standard error, to whoever may be there to read it.
pub(crate) fn say(line: impl fmt::Display) {
    // Nobody is left to be told that this failed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
