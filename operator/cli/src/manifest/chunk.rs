//! Splits a text into documents as kubectl does, so that a broken document hides none of its neighbours.

use super::problem::Problem;
use super::source::{Position, Source, Span};

/// A document's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'s> {
    /// The lines between two separators.
    pub text: &'s str,
    /// The 1-based line on which they start.
    pub first_line: usize,
}

/// Splits at the lines that start with `---`.
pub(super) fn split(source: &Source) -> (Vec<Chunk<'_>>, Vec<Problem>) {
    let text = source.text();
    let (mut chunks, mut problems) = (Vec::new(), Vec::new());
    let (mut start, mut first_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if let Some(rest) = line.strip_prefix("---") {
            if let Some(problem) = check_separator(rest, index + 1) {
                problems.push(problem);
            }
            chunks.push(Chunk {
                text: text.get(start..offset).unwrap_or_default(),
                first_line,
            });
            start = offset + line.len();
            first_line = index + 2;
        }
        offset += line.len();
    }
    chunks.push(Chunk {
        text: text.get(start..).unwrap_or_default(),
        first_line,
    });
    (chunks, problems)
}

/// kubectl reads nothing on the line of a separator but a comment.
fn check_separator(rest: &str, line: usize) -> Option<Problem> {
    let content = rest.trim();
    if content.is_empty() || content.starts_with('#') {
        return None;
    }
    let column = 4 + rest
        .chars()
        .take_while(|character| character.is_whitespace())
        .count();
    let end = Position {
        line,
        column: column + content.chars().count(),
    };
    Some(Problem::syntax(
        Span {
            start: Position { line, column },
            end,
        },
        "only a comment may follow `---`; start the document on the next line",
    ))
}

/// The first character that YAML does not allow, outside of which nothing is worth parsing.
pub(super) fn forbidden_character(chunk: Chunk<'_>) -> Option<Problem> {
    let (index, line) = chunk
        .text
        .split('\n')
        .enumerate()
        .find(|(_, line)| !line.chars().all(is_printable))?;
    let (column, character) = line
        .chars()
        .enumerate()
        .find(|(_, character)| !is_printable(*character))?;
    let start = Position {
        line: chunk.first_line + index,
        column: column + 1,
    };
    Some(Problem::syntax(
        Span {
            start,
            end: Position {
                column: column + 2,
                ..start
            },
        },
        format!(
            "control character U+{:04X} is not allowed; write it as an escape in double quotes",
            u32::from(character)
        ),
    ))
}

/// The printable characters of YAML 1.1, and the carriage return of a line break.
fn is_printable(character: char) -> bool {
    matches!(character,
        '\t' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
