//! Lines of a bounded length.

use std::io::{self, BufRead};

/// The longest line that is taken, in bytes; a question with a hundred looks has a tenth of it.
pub(crate) const LONGEST_LINE: usize = 1 << 20;

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    /// Too many bytes.
    #[error("the line is longer than {LONGEST_LINE} bytes")]
    Bound,
    /// Not UTF-8.
    #[error("the line is not UTF-8 from byte {column} on")]
    Decode {
        /// Where, 1-based.
        column: usize,
    },
}

/// Reads lines one by one into the same memory.
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    drained: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            drained: true,
        }
    }

    /// Whether the next line has to be waited for, as far as is known without waiting.
    pub(crate) fn would_wait(&self) -> bool {
        self.drained
    }

    /// The next line without its end, or what is wrong with it; `None` after the last.
    ///
    /// What exceeds the longest line is read and forgotten, so that the next line is found.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<&str, LineError>>> {
        self.line.clear();
        let mut length = 0_usize;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                self.drained = true;
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let room = LONGEST_LINE.saturating_add(1).saturating_sub(self.line.len());
            self.line.extend(piece.iter().take(room));
            let used = piece.len() + usize::from(end.is_some());
            length = length.saturating_add(used);
            self.drained = used == buffer.len();
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(Some(self.checked()))
    }

    fn checked(&self) -> Result<&str, LineError> {
        if self.line.len() > LONGEST_LINE {
            return Err(LineError::Bound);
        }
        std::str::from_utf8(&self.line).map_err(|error| LineError::Decode {
            column: error.valid_up_to() + 1,
        })
    }
}
