//! One context a line.

use std::io::{BufRead, BufReader, Read};

use anyhow::Context as _;

use super::{BUFFER, LONGEST};
use crate::batch::record::{Record, Units};

/// JSON objects, one a line. Empty lines say nothing.
pub(crate) struct JsonLines<R> {
    input: BufReader<R>,
    line: u64,
}

impl<R: Read> JsonLines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
            line: 0,
        }
    }

    /// Reads up to the end of the line, and keeps no more than the longest unit of it; whether there was a line.
    fn read(&mut self, text: &mut Vec<u8>) -> std::io::Result<bool> {
        let mut found = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(found);
            }
            found = true;
            let end = memchr::memchr(b'\n', buffer);
            let piece = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let room = (LONGEST + 1).saturating_sub(text.len());
            text.extend_from_slice(piece.get(..room).unwrap_or(piece));
            let used = piece.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl<R: Read> Units for JsonLines<R> {
    fn next(&mut self, record: &mut Record) -> anyhow::Result<bool> {
        loop {
            record.clear();
            self.line += 1;
            record.line = self.line;
            let found = self.read(&mut record.text);
            if !found.with_context(|| format!("line {} cannot be read", self.line))? {
                return Ok(false);
            }
            if record.text.last() == Some(&b'\r') {
                record.text.pop();
            }
            if record.text.len() > LONGEST {
                record.problem = Some(format!("the line is longer than {LONGEST} bytes"));
            }
            if !record.text.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }
}
