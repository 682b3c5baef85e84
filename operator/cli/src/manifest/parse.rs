//! Builds the tree of a document from the events of the YAML parser.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as Stretch, Tag as RawTag};

use super::budget::{self, Budget, MAX_NODES, check_depth};
use super::chunk::Chunk;
use super::gap::Gaps;
use super::merge::{self, Key, Pair};
use super::node::{Node, Resolved, Scalar, Style, Value};
use super::problem::Problem;
use super::scalar::{self, Tag};
use super::source::{Position, Span};
use crate::quote::quote;

/// Reads one document.
///
/// None when it is empty. What is wrong with single keys and values lands in `problems`; what makes the rest
/// unreadable is the error.
pub(super) fn parse(
    chunk: Chunk<'_>,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Result<Option<Arc<Node>>, Problem> {
    let mut builder = Builder {
        chunk,
        gaps: Gaps::new(chunk.text, chunk.first_line),
        budget,
        problems,
        frames: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
        events: 0,
    };
    for event in ParserEvents(Parser::new_from_str(chunk.text)) {
        match event {
            Ok((event, stretch)) => builder.take(event, stretch)?,
            Err(error) => return Err(syntax(chunk, error.info(), *error.marker())),
        }
    }
    Ok(builder.root)
}

/// The parser's events as an iterator that ends after the first error.
struct ParserEvents<'s>(Parser<'s, saphyr_parser::StrInput<'s>>);

impl<'s> Iterator for ParserEvents<'s> {
    type Item = Result<(Event<'s>, Stretch), saphyr_parser::ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_event()
    }
}

fn syntax(chunk: Chunk<'_>, info: &str, marker: Marker) -> Problem {
    let place = position(chunk, marker);
    if let Some(tab) = indenting_tab(chunk, marker).filter(|_| info.contains("tab")) {
        return Problem::syntax(Span::at(tab), "a tab cannot indent; use spaces");
    }
    // The parser looks ahead for keys and has a limit of its own for that.
    if info.contains("recursion limit") {
        return budget::too_deep(Span::at(place));
    }
    Problem::syntax(Span::at(place), info.to_owned())
}

/// The first tab in the indentation of the marked line or the one after it.
fn indenting_tab(chunk: Chunk<'_>, marker: Marker) -> Option<Position> {
    chunk
        .text
        .lines()
        .enumerate()
        .skip(marker.line().saturating_sub(1))
        .take(2)
        .find_map(|(index, line)| {
            let column = line
                .chars()
                .take_while(|character| matches!(character, ' ' | '\t'))
                .position(|c| c == '\t')?;
            Some(Position {
                line: chunk.first_line + index,
                column: column + 1,
            })
        })
}

fn position(chunk: Chunk<'_>, marker: Marker) -> Position {
    Position {
        line: chunk.first_line + marker.line().saturating_sub(1),
        column: marker.col() + 1,
    }
}

/// A collection that has been opened.
struct Frame {
    start: Position,
    /// The parser's number of the anchor; 0 is none.
    anchor: usize,
    flow: bool,
    /// The 1-based column of a block's entries; 1 where a tag or an anchor hides it.
    column: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Arc<Node>>),
    Mapping { pairs: Vec<Pair>, key: Option<Key> },
}

struct Builder<'a, 's> {
    chunk: Chunk<'s>,
    gaps: Gaps<'s>,
    budget: &'a mut Budget,
    problems: &'a mut Vec<Problem>,
    frames: Vec<Frame>,
    /// By the parser's number; none while the anchored value is still open.
    anchors: HashMap<usize, Option<Arc<Node>>>,
    root: Option<Arc<Node>>,
    documents: usize,
    events: usize,
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, stretch: Stretch) -> Result<(), Problem> {
        let span = Span {
            start: position(self.chunk, stretch.start),
            end: position(self.chunk, stretch.end),
        };
        self.events += 1;
        if self.events > 2 * MAX_NODES {
            // Ends early what the weight of the root would refuse anyway.
            return Err(Budget::exhausted(span));
        }
        self.gaps.read_to(stretch.start, self.block())?;
        let plain = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if !text.is_empty());
        let last = self.gaps.skip(stretch, plain);
        match event {
            Event::DocumentStart(_) => self.start_document(span),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let node = Arc::new(self.scalar(text.into_owned(), style, tag, span));
                self.anchor(anchor, Some(&node));
                self.add(node, plain)
            }
            Event::Alias(anchor) => {
                let node = self.alias(anchor, span)?;
                self.add(node, false)
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, span, last, Content::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(
                anchor,
                span,
                last,
                Content::Mapping {
                    pairs: Vec::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// kubectl reads the first document of a chunk and is silent about the others.
    fn start_document(&mut self, span: Span) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        Err(Problem::syntax(
            span,
            "kubectl ignores a document that starts after `...`; separate documents with `---`",
        ))
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, tag: Option<Cow<'_, RawTag>>, span: Span) -> Node {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        if style == Style::Plain && text.contains('?') && self.in_flow() {
            self.problems.push(Problem::syntax(
                span,
                format!(
                    "kubectl does not read `?` without quotes inside braces or brackets; quote it: \"{}\"",
                    quote(&text)
                ),
            ));
        }
        let resolved = match tag.map(|tag| core_tag(&tag)) {
            None if style == Style::Plain => scalar::resolve(&text, None),
            None => Ok(Resolved::Text),
            Some(tag) => tag.and_then(|tag| scalar::resolve(&text, Some(tag))),
        };
        let resolved = resolved.unwrap_or_else(|message| {
            self.problems.push(Problem::value(span, message));
            Resolved::Text
        });
        let weight = Budget::scalar(&text);
        Node {
            value: Value::Scalar(Scalar {
                text,
                style,
                resolved,
            }),
            span,
            weight,
            depth: 0,
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Arc<Node>, Problem> {
        match self.anchors.get(&anchor) {
            Some(Some(node)) => Ok(Arc::clone(node)),
            Some(None) => Err(Problem::syntax(
                span,
                "the alias stands inside the value it names",
            )),
            None => Err(Problem::syntax(
                span,
                "the alias names no anchor of this document",
            )),
        }
    }

    fn anchor(&mut self, anchor: usize, node: Option<&Arc<Node>>) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.cloned());
        }
    }

    fn in_flow(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.flow)
    }

    /// The column of the block that is open; none inside braces and brackets.
    fn block(&self) -> Option<usize> {
        self.frames
            .last()
            .map_or(Some(0), |frame| (!frame.flow).then_some(frame.column))
    }

    /// Opens a collection whose own text ends with `last`; a block has no text but its tag and anchor.
    fn open(
        &mut self,
        anchor: usize,
        span: Span,
        last: Option<char>,
        content: Content,
    ) -> Result<(), Problem> {
        check_depth(self.frames.len() + 1, span)?;
        self.anchor(anchor, None);
        let flow = matches!(last, Some('[' | '{')) || self.in_flow();
        let column = if last.is_none() { span.start.column } else { 1 };
        self.frames.push(Frame {
            start: span.start,
            anchor,
            flow,
            column,
            content,
        });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Problem> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let (value, weight, depth) = match frame.content {
            Content::Sequence(items) => {
                let weight = items
                    .iter()
                    .fold(1, |sum: usize, item| sum.saturating_add(item.weight));
                let depth = items.iter().map(|item| item.depth).max().unwrap_or(0);
                (Value::Sequence(items), weight, depth)
            }
            Content::Mapping { pairs, .. } => {
                let mapping = merge::mapping(pairs, frame.flow, self.budget, self.problems)?;
                let weight = mapping.entries.iter().fold(1, |sum: usize, entry| {
                    sum.saturating_add(Budget::scalar(&entry.key))
                        .saturating_add(entry.node.weight)
                });
                let depth = mapping
                    .entries
                    .iter()
                    .map(|entry| entry.node.depth)
                    .max()
                    .unwrap_or(0);
                (Value::Mapping(mapping), weight, depth)
            }
        };
        let end = if frame.flow {
            span.end
        } else {
            last_end(&value).unwrap_or(frame.start)
        };
        let node = Arc::new(Node {
            value,
            span: Span {
                start: frame.start,
                end,
            },
            weight,
            depth: depth + 1,
        });
        // An anchored value counts where it stands and again at each of its aliases.
        check_depth(self.frames.len() + node.depth, node.span)?;
        self.anchor(frame.anchor, Some(&node));
        self.add(node, false)
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Arc<Node>, plain: bool) -> Result<(), Problem> {
        let Some(frame) = self.frames.last_mut() else {
            self.budget.spend(node.weight, node.span)?;
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { pairs, key } => match key.take() {
                None => *key = Some(Key::of(&node, plain, self.problems)),
                Some(key) => pairs.push(Pair { key, node }),
            },
        }
        Ok(())
    }
}

/// The type a tag asks for. As in go-yaml, unknown tags make text.
fn core_tag(tag: &RawTag) -> Result<Tag, String> {
    let name = match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("tag:yaml.org,2002:", name) => name,
        ("", name) => name.strip_prefix("tag:yaml.org,2002:").unwrap_or_default(),
        _ => "",
    };
    match name {
        "bool" => Ok(Tag::Bool),
        "int" => Ok(Tag::Int),
        "float" => Ok(Tag::Float),
        "null" => Ok(Tag::Null),
        "binary" => Err("no field takes `!!binary`; write the text itself".to_owned()),
        _ => Ok(Tag::Text),
    }
}

fn last_end(value: &Value) -> Option<Position> {
    match value {
        Value::Scalar(_) => None,
        Value::Sequence(items) => items.iter().map(|item| item.span.end).max(),
        Value::Mapping(mapping) => mapping.entries.iter().map(|entry| entry.node.span.end).max(),
    }
}
