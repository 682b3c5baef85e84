//! A sample of contexts: one JSON object a line, read one by one.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;

/// The longest line that is read; a decider takes no larger request.
const MAX_LINE: u64 = 1 << 20;

/// Why a sample cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextsError {
    /// The file cannot be opened.
    #[error("cannot open `{path}`: {source}")]
    Open {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line cannot be read.
    #[error("line {line} of `{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
    /// A line is too long.
    #[error("line {line} of `{path}` is longer than {MAX_LINE} bytes: write one context a line")]
    TooLong {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// A line is no context.
    #[error("line {line} of `{path}` is no context: {why}")]
    NoContext {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
}

/// Calls `each` with every line that is not blank; gives how many there were. `-` is standard input.
///
/// # Errors
/// When the file or a line of it cannot be read, or `each` says why a line is no context.
pub(crate) fn read(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<usize, ContextsError> {
    let name = path.display().to_string();
    let input: Box<dyn Read> = if name == "-" {
        Box::new(stdin())
    } else {
        Box::new(File::open(path).map_err(|source| ContextsError::Open {
            path: name.clone(),
            source,
        })?)
    };
    let mut input = BufReader::new(input);
    let (mut line, mut count) = (0, 0);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        line += 1;
        let path = || name.clone();
        let read = input.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|source| ContextsError::Read {
            path: path(),
            line,
            source,
        })?;
        if read == 0 {
            return Ok(count);
        }
        if bytes.len() as u64 > MAX_LINE {
            return Err(ContextsError::TooLong { path: path(), line });
        }
        let text = bytes.trim_ascii();
        if !text.is_empty() {
            each(text).map_err(|why| ContextsError::NoContext {
                path: path(),
                line,
                why,
            })?;
            count += 1;
        }
    }
}
