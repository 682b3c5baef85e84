//! Where a character of a scalar's value stands in the text of the file.
//!
//! The way back from a value to its text undoes escapes, indentation and folding. Each style has a reader here that
//! gives every character of the value with its place; a reading that does not yield the value exactly is not used.

use super::node::{Node, Scalar, Style};
use super::source::{Position, Source};

/// The place of the character at `offset` (0-based; the value's length is the place behind it); none when the text
/// does not show it, as with a tag's or an alias's detours.
pub fn position_in_scalar(source: &Source, node: &Node, offset: usize) -> Option<Position> {
    let scalar = node.scalar()?;
    let read = match scalar.style {
        Style::Plain => flowing(source, node, scalar, None),
        Style::Quoted => {
            let start = source.slice(node.span);
            let quote = start.chars().find(|character| matches!(character, '"' | '\''))?;
            flowing(source, node, scalar, Some(quote))
        }
        Style::Literal | Style::Folded => block(source, node, scalar),
    }?;
    match read.get(offset) {
        Some((_, place)) => Some(*place),
        None if offset == read.len() => read.last().map(|(_, place)| Position {
            column: place.column + 1,
            ..*place
        }),
        None => None,
    }
}

type Read = Vec<(char, Position)>;

/// Characters of a stretch of the text with their places.
struct Cursor<'s> {
    characters: std::iter::Peekable<std::str::Chars<'s>>,
    place: Position,
}

impl<'s> Cursor<'s> {
    fn new(text: &'s str, place: Position) -> Self {
        Self {
            characters: text.chars().peekable(),
            place,
        }
    }

    fn next(&mut self) -> Option<(char, Position)> {
        let character = self.characters.next()?;
        let place = self.place;
        self.place = if character == '\n' {
            Position {
                line: place.line + 1,
                column: 1,
            }
        } else {
            Position {
                column: place.column + 1,
                ..place
            }
        };
        Some((character, place))
    }

    fn peek(&mut self) -> Option<char> {
        self.characters.peek().copied()
    }
}

/// Plain and quoted scalars: line breaks fold, quotes have escapes.
fn flowing(source: &Source, node: &Node, scalar: &Scalar, quote: Option<char>) -> Option<Read> {
    let raw = source.slice(node.span);
    let skipped = match quote {
        Some(quote) => raw.find(quote)? + quote.len_utf8(),
        // Tags and anchors stand before the text.
        None => raw.find(scalar.text.split(['\n', ' ']).next()?)?,
    };
    let mut cursor = Cursor::new(raw, node.span.start);
    for _ in raw.get(..skipped)?.chars() {
        cursor.next();
    }
    let mut read: Read = Vec::new();
    while let Some((character, place)) = cursor.next() {
        match (quote, character) {
            (Some('\''), '\'') => {
                if cursor.peek() != Some('\'') {
                    break;
                }
                cursor.next();
                read.push(('\'', place));
            }
            (Some('"'), '"') => break,
            (Some('"'), '\\') => escape(&mut cursor, place, &mut read)?,
            (_, '\n' | '\r') => fold(&mut cursor, place, &mut read),
            _ => read.push((character, place)),
        }
    }
    same(read, &scalar.text)
}

/// A line break between words: trailing and leading blanks vanish, one break is a space, more are one fewer.
fn fold(cursor: &mut Cursor<'_>, place: Position, read: &mut Read) {
    while read
        .last()
        .is_some_and(|(character, _)| matches!(character, ' ' | '\t'))
    {
        read.pop();
    }
    let mut breaks = vec![place];
    while let Some(character) = cursor.peek() {
        match character {
            ' ' | '\t' | '\r' => {
                cursor.next();
            }
            '\n' => {
                if let Some((_, place)) = cursor.next() {
                    breaks.push(place);
                }
            }
            _ => break,
        }
    }
    if let [only] = breaks.as_slice() {
        read.push((' ', *only));
    } else {
        read.extend(breaks.into_iter().skip(1).map(|place| ('\n', place)));
    }
}

/// An escape in double quotes; the backslash is behind the cursor.
fn escape(cursor: &mut Cursor<'_>, place: Position, read: &mut Read) -> Option<()> {
    let (kind, _) = cursor.next()?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        '\n' => {
            while cursor
                .peek()
                .is_some_and(|character| matches!(character, ' ' | '\t'))
            {
                cursor.next();
            }
            return Some(());
        }
        _ => 0,
    };
    if digits == 0 {
        read.push((single_escape(kind)?, place));
        return Some(());
    }
    let mut code = hexadecimal(cursor, digits)?;
    // JSON writes characters above U+FFFF as two escapes.
    if digits == 4 && (0xd800..0xdc00).contains(&code) {
        cursor.next().filter(|(character, _)| *character == '\\')?;
        cursor.next().filter(|(character, _)| *character == 'u')?;
        code = 0x10000 + ((code - 0xd800) << 10) + hexadecimal(cursor, 4)?.checked_sub(0xdc00)?;
    }
    read.push((char::from_u32(code)?, place));
    Some(())
}

fn hexadecimal(cursor: &mut Cursor<'_>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0u32, |code, _| Some((code << 4) | cursor.next()?.0.to_digit(16)?))
}

fn single_escape(kind: char) -> Option<char> {
    Some(match kind {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => kind,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}

/// Literal and folded blocks: the value's characters in order, its line breaks and folds at the ends of lines.
fn block(source: &Source, node: &Node, scalar: &Scalar) -> Option<Read> {
    // The node starts at its first content: its column is the indentation.
    let indent = node.span.start.column - 1;
    let mut read: Read = Vec::new();
    let mut value = scalar.text.chars().peekable();
    let mut number = node.span.start.line;
    while value.peek().is_some() {
        let line = source.line(number)?;
        for (at, character) in line.chars().enumerate().skip(indent) {
            let place = Position {
                line: number,
                column: at + 1,
            };
            match value.peek() {
                Some(expected) if *expected == character => read.push((value.next()?, place)),
                _ => return None,
            }
        }
        let end = Position {
            line: number,
            column: line.chars().count() + 1,
        };
        match value.peek() {
            Some('\n') => read.push((value.next()?, end)),
            Some(' ') if scalar.style == Style::Folded => read.push((value.next()?, end)),
            None => {}
            // A fold that leaves nothing behind: the break after a blank line was written above.
            Some(_) if scalar.style == Style::Folded && line.trim().is_empty() => {}
            Some(_) => return None,
        }
        number += 1;
    }
    same(read, &scalar.text)
}

fn same(read: Read, text: &str) -> Option<Read> {
    read.iter()
        .map(|(character, _)| *character)
        .eq(text.chars())
        .then_some(read)
}
