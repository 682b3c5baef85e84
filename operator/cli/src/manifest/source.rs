//! The text of one input and places in it.

use std::fmt;

/// A place in a text: line and column, both 1-based, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, counted in characters.
    pub column: usize,
}

impl Position {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A stretch of text; `end` is the first place after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first character.
    pub start: Position,
    /// The place after the last character.
    pub end: Position,
}

impl Span {
    /// The empty stretch at `place`.
    pub const fn at(place: Position) -> Self {
        Self {
            start: place,
            end: place,
        }
    }

    /// Whether a place lies in it.
    pub fn contains(self, place: Position) -> bool {
        self.start <= place && place < self.end
    }
}

/// One input: a file or standard input.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name to print, as the caller wrote it.
    name: String,
    text: String,
    /// Byte offsets at which the lines start.
    line_starts: Vec<usize>,
}

impl Source {
    /// Takes a text. A byte order mark at its start is no part of it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            name: name.into(),
            text,
            line_starts,
        }
    }

    /// The name to print.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A 1-based line without its line break; none past the end.
    pub fn line(&self, number: usize) -> Option<&str> {
        let start = *self.line_starts.get(number.checked_sub(1)?)?;
        let end = self.line_starts.get(number).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end)?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// The byte offset of a place; the end of the text for places behind it.
    pub fn offset(&self, place: Position) -> usize {
        let Some(start) = place
            .line
            .checked_sub(1)
            .and_then(|line| self.line_starts.get(line))
        else {
            return self.text.len();
        };
        let rest = self.text.get(*start..).unwrap_or_default();
        let within = rest
            .char_indices()
            .nth(place.column.saturating_sub(1))
            .map_or(rest.len(), |(at, _)| at);
        start + within
    }

    /// The place of a byte offset.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
            .copied()
            .unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .map_or(0, |before| before.chars().count())
            + 1;
        Position {
            line: line.max(1),
            column,
        }
    }

    /// The text of a stretch.
    pub fn slice(&self, span: Span) -> &str {
        self.text
            .get(self.offset(span.start)..self.offset(span.end))
            .unwrap_or_default()
    }
}
