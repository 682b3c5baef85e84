//! The text between the parser's events: blanks, indicators and comments.
//!
//! YAML 1.2 lets tabs stand where kubectl's parser refuses them: wherever a block's indentation could start. An editor
//! that leaves a tab on a blank line is enough, so the gaps are read a second time.

use std::iter::Peekable;
use std::str::Chars;

use saphyr_parser::{Marker, Span as Stretch};

use super::problem::Problem;
use super::source::{Position, Span};

/// Walks once over a document's text, from event to event.
pub(super) struct Gaps<'s> {
    characters: Peekable<Chars<'s>>,
    /// Characters before the cursor.
    index: usize,
    place: Position,
    /// Whether indentation could start at the cursor.
    indenting: bool,
    /// Whether a plain scalar may go on at the cursor: its parser steps over blank lines, tabs and all.
    after_plain: bool,
}

impl<'s> Gaps<'s> {
    pub(super) fn new(text: &'s str, first_line: usize) -> Self {
        Self {
            characters: text.chars().peekable(),
            index: 0,
            place: Position {
                line: first_line,
                column: 1,
            },
            indenting: true,
            after_plain: false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let character = self.characters.next()?;
        self.index += 1;
        self.place = if character == '\n' {
            Position {
                line: self.place.line + 1,
                column: 1,
            }
        } else {
            Position {
                column: self.place.column + 1,
                ..self.place
            }
        };
        Some(character)
    }

    /// Reads the gap before an event. In a block, whose 1-based column is given, a tab that indents is a problem; after
    /// a plain scalar only one that stands no deeper than the block.
    pub(super) fn read_to(&mut self, start: Marker, block: Option<usize>) -> Result<(), Problem> {
        while self.index < start.index() {
            let place = self.place;
            match self.next() {
                None => return Ok(()),
                Some('#') => self.skip_comment(start),
                Some('\n') => self.indenting = true,
                Some('\t')
                    if self.indenting
                        && block.is_some_and(|block| !self.after_plain || place.column <= block) =>
                {
                    return Err(Problem::syntax(
                        Span::at(place),
                        "a tab cannot indent; use spaces",
                    ));
                }
                Some(' ' | '\t' | '\r') => {}
                Some(indicator) => {
                    self.indenting = matches!(indicator, '-' | '?');
                    self.after_plain = false;
                }
            }
        }
        Ok(())
    }

    fn skip_comment(&mut self, start: Marker) {
        self.after_plain = false;
        while self.index < start.index() && self.characters.peek().is_some_and(|character| *character != '\n')
        {
            self.next();
        }
    }

    /// Steps over an event's own text and gives its last character.
    pub(super) fn skip(&mut self, stretch: Stretch, plain: bool) -> Option<char> {
        let mut last = None;
        while self.index < stretch.end.index() {
            last = Some(self.next()?);
        }
        if let Some(character) = last {
            self.indenting = character == '\n';
            self.after_plain = plain;
        }
        last
    }
}
