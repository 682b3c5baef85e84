//! Reads JSON with positions. kubectl reads what starts with a brace as a stream of JSON objects first.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::budget::{Budget, check_depth};
use super::chunk::Chunk;
use super::merge::{self, Key, Pair};
use super::node::{Node, Resolved, Scalar, Style, Value};
use super::problem::Problem;
use super::source::{Position, Span};
use crate::quote::quote;

/// Why a text is not a stream of JSON objects.
#[derive(Debug)]
pub(super) enum NotJson {
    /// It does not start like one.
    OtherText,
    /// It does, and then breaks off.
    Broken(Problem),
}

/// Checks that a chunk is a stream of JSON objects; the error says where it is not.
pub(super) fn check(chunk: Chunk<'_>) -> Result<(), NotJson> {
    if !chunk.text.trim_start().starts_with('{') {
        return Err(NotJson::OtherText);
    }
    for value in serde_json::Deserializer::from_str(chunk.text).into_iter::<IgnoredAny>() {
        if let Err(error) = value {
            let place = Position {
                line: chunk.first_line + error.line().saturating_sub(1),
                column: error.column().max(1),
            };
            let text = error.to_string();
            let message = text
                .rsplit_once(" at line ")
                .map_or(text.as_str(), |(message, _)| message);
            return Err(NotJson::Broken(Problem::syntax(Span::at(place), message)));
        }
    }
    Ok(())
}

/// Reads the objects of a chunk that [`check`] has found to be JSON.
pub(super) fn parse(
    chunk: Chunk<'_>,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Arc<Node>>, Problem> {
    let mut reader = Reader {
        text: chunk.text,
        at: 0,
        place: Position {
            line: chunk.first_line,
            column: 1,
        },
        budget,
        problems,
    };
    let mut roots = Vec::new();
    reader.skip_space();
    while reader.peek().is_some() {
        roots.push(Arc::new(reader.value(0)?));
        reader.skip_space();
    }
    Ok(roots)
}

struct Reader<'a, 's> {
    text: &'s str,
    at: usize,
    place: Position,
    budget: &'a mut Budget,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_, '_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        if character == '\n' {
            self.place = Position {
                line: self.place.line + 1,
                column: 1,
            };
        } else {
            self.place.column += 1;
        }
        Some(character)
    }

    fn skip_space(&mut self) {
        while self
            .peek()
            .is_some_and(|character| matches!(character, ' ' | '\t' | '\n' | '\r'))
        {
            self.bump();
        }
    }

    fn skip(&mut self, expected: char) -> bool {
        self.skip_space();
        let found = self.peek() == Some(expected);
        if found {
            self.bump();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        self.skip_space();
        let start = self.place;
        self.budget.spend(1, Span::at(start))?;
        match self.peek() {
            Some('{') => self.object(depth + 1, start),
            Some('[') => self.array(depth + 1, start),
            Some('"') => {
                let text = self.string()?;
                let span = Span {
                    start,
                    end: self.place,
                };
                Ok(leaf(
                    Scalar {
                        text,
                        style: Style::Quoted,
                        resolved: Resolved::Text,
                    },
                    span,
                ))
            }
            _ => self.literal(start),
        }
    }

    fn object(&mut self, depth: usize, start: Position) -> Result<Node, Problem> {
        check_depth(depth, Span::at(start))?;
        self.bump();
        let mut pairs = Vec::new();
        while !self.skip('}') {
            self.skip_space();
            let key_start = self.place;
            let key = self.string()?;
            let key = Key::Name {
                key,
                span: Span {
                    start: key_start,
                    end: self.place,
                },
            };
            if !self.skip(':') {
                return Err(self.unexpected());
            }
            pairs.push(Pair {
                key,
                node: Arc::new(self.value(depth)?),
            });
            self.skip(',');
        }
        let mapping = merge::mapping(pairs, true, self.budget, self.problems)?;
        Ok(self.collection(Value::Mapping(mapping), start))
    }

    fn array(&mut self, depth: usize, start: Position) -> Result<Node, Problem> {
        check_depth(depth, Span::at(start))?;
        self.bump();
        let mut items = Vec::new();
        while !self.skip(']') {
            items.push(Arc::new(self.value(depth)?));
            self.skip(',');
        }
        Ok(self.collection(Value::Sequence(items), start))
    }

    fn collection(&self, value: Value, start: Position) -> Node {
        // JSON has no aliases: weight and depth are checked while reading.
        Node {
            value,
            span: Span {
                start,
                end: self.place,
            },
            weight: 1,
            depth: 1,
        }
    }

    fn string(&mut self) -> Result<String, Problem> {
        let start = self.at;
        if self.peek() != Some('"') {
            return Err(self.unexpected());
        }
        self.bump();
        loop {
            match self.bump() {
                Some('\\') => {
                    self.bump();
                }
                Some('"') => break,
                Some(_) => {}
                None => return Err(self.unexpected()),
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(raw).map_err(|error| Problem::syntax(Span::at(self.place), error.to_string()))
    }

    fn literal(&mut self, start: Position) -> Result<Node, Problem> {
        let from = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        {
            self.bump();
        }
        let text = self.text.get(from..self.at).unwrap_or_default().to_owned();
        let span = Span {
            start,
            end: self.place,
        };
        let resolved = match text.as_str() {
            "null" => Resolved::Null,
            "true" => Resolved::Bool(true),
            "false" => Resolved::Bool(false),
            _ => number(&text)
                .ok_or_else(|| Problem::syntax(span, format!("`{}` is no JSON value", quote(&text))))?,
        };
        if let Resolved::Float(value) = resolved
            && !value.is_finite()
        {
            self.problems.push(Problem::value(
                span,
                format!("`{}` is beyond the range of a double", quote(&text)),
            ));
        }
        Ok(leaf(
            Scalar {
                text,
                style: Style::Plain,
                resolved,
            },
            span,
        ))
    }

    fn unexpected(&self) -> Problem {
        Problem::syntax(Span::at(self.place), "this is not JSON")
    }
}

fn number(text: &str) -> Option<Resolved> {
    (text.parse().ok().map(Resolved::Int))
        .or_else(|| text.parse().ok().map(Resolved::Unsigned))
        .or_else(|| text.parse().ok().map(Resolved::Float))
}

fn leaf(scalar: Scalar, span: Span) -> Node {
    Node {
        value: Value::Scalar(scalar),
        span,
        weight: 1,
        depth: 0,
    }
}
