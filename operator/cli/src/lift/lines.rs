//! Lines of a bounded length.

use std::io::{self, BufRead};

use super::QuestionError;

/// The longest question that is taken, in bytes; a question with a hundred looks has a tenth of it.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// Reads lines one by one into the same memory.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    drained: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            drained: true,
        }
    }

    /// Whether the next line has to be waited for, as far as is known without waiting.
    pub(super) fn would_wait(&self) -> bool {
        self.drained
    }

    /// The next line without its end, or what is wrong with it; `None` after the last.
    ///
    /// What exceeds the longest line is read and forgotten, so that the next line is found.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<&str, QuestionError>>> {
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

    fn checked(&self) -> Result<&str, QuestionError> {
        if self.line.len() > LONGEST_LINE {
            return Err(QuestionError::LineTooLong);
        }
        let text = std::str::from_utf8(&self.line).map_err(|error| QuestionError::DecodeLine {
            column: error.valid_up_to() + 1,
        })?;
        if text.trim().is_empty() {
            return Err(QuestionError::EmptyLine);
        }
        Ok(text)
    }
}
