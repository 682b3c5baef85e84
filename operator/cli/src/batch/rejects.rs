//! Units that are none: told, counted, and kept for whoever mends them.

use serde::Serialize;

use super::part::Part;
use super::record::Record;
use crate::terminal::say;

/// Lines that are told one by one; a file of something else has a million.
const TOLD: u64 = 20;

/// Where broken units go.
pub(crate) struct Rejects {
    /// What the input is called.
    name: String,
    file: Option<Part>,
    told: u64,
}

#[derive(Serialize)]
struct Reject<'r> {
    line: u64,
    error: &'r str,
    record: std::borrow::Cow<'r, str>,
}

impl Rejects {
    pub(crate) fn new(name: &str, file: Option<Part>) -> Self {
        Self {
            name: name.to_owned(),
            file,
            told: 0,
        }
    }

    /// Takes a unit that is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn take(&mut self, record: &Record, error: &str) -> anyhow::Result<()> {
        self.told += 1;
        if self.told <= TOLD {
            say(format_args!("{}:{}: {error}", self.name, record.line));
        } else if self.told == TOLD + 1 {
            let where_to = if self.file.is_some() {
                "the rest is in the file of rejects"
            } else {
                "--rejects FILE keeps all"
            };
            say(format_args!("{}: more lines are rejected: {where_to}", self.name));
        }
        if let Some(file) = &mut self.file {
            let reject = Reject {
                line: record.line,
                error,
                record: String::from_utf8_lossy(&record.text),
            };
            serde_json::to_writer(&mut *file.buffer(), &reject)?;
            file.buffer().push(b'\n');
            file.drain()?;
        }
        Ok(())
    }

    /// Makes what was taken durable; how many bytes of the file that are.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub(crate) fn commit(&mut self) -> anyhow::Result<u64> {
        self.file.as_mut().map_or(Ok(0), Part::commit)
    }

    /// Puts the file where it belongs.
    ///
    /// # Errors
    /// When it cannot be put there.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.file.map_or(Ok(()), Part::finish)
    }
}
