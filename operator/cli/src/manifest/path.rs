//! Field paths, spelled as findings spell them, and where they lead.

use std::fmt;
use std::sync::Arc;

use super::node::{Node, Value};
use super::source::{Position, Span};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// A field's path: `spec.variants[2].content["a.b"]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldPath(Vec<Step>);

impl FieldPath {
    /// The path of the whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The path of a list's item below this one.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// Reads a path. Text that is no path leads as far as it can be read: a position near the field is better
    /// than none.
    pub fn parse(text: &str) -> Self {
        let (mut steps, mut rest) = (Vec::new(), text.trim_start_matches('.'));
        while !rest.is_empty() {
            let Some((step, after)) = read_step(rest) else {
                break;
            };
            steps.push(step);
            rest = after.strip_prefix('.').unwrap_or(after);
        }
        Self(steps)
    }
}

/// The first step of a path and what follows it.
fn read_step(text: &str) -> Option<(Step, &str)> {
    let Some(bracketed) = text.strip_prefix('[') else {
        let (key, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
        return Some((Step::Key(key.to_owned()), rest));
    };
    if bracketed.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(bracketed).into_iter::<String>();
        let key = stream.next()?.ok()?;
        let rest = bracketed.get(stream.byte_offset()..)?.strip_prefix(']')?;
        return Some((Step::Key(key), rest));
    }
    let (inside, rest) = bracketed.split_once(']')?;
    let step = inside
        .parse()
        .map_or_else(|_| Step::Key(inside.to_owned()), Step::Index);
    Some((step, rest))
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_name(key) && at == 0 => f.write_str(key)?,
                Step::Key(key) if is_name(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
            }
        }
        Ok(())
    }
}

/// Whether a key needs no quotes in a path.
fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '$'))
}

/// Which part of a field a position is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The key: the field should not be there.
    Key,
    /// The value: a scalar or what stands in braces or brackets; the key, where the value spreads over the lines
    /// below it or nothing is written.
    Value,
}

/// Where a path leads in a document.
#[derive(Debug, Clone)]
pub struct Place {
    /// The stretch to point at.
    pub span: Span,
    /// The node, if the path leads all the way; none when `span` is that of the nearest field above.
    pub node: Option<Arc<Node>>,
}

/// Finds a field, or the nearest field above it that is written.
pub fn locate(root: &Arc<Node>, path: &FieldPath, part: Part) -> Place {
    let (mut node, mut key) = (root, None);
    for step in &path.0 {
        let next = match (&node.value, step) {
            (Value::Mapping(mapping), Step::Key(name)) => {
                mapping.get(name).map(|entry| (&entry.node, Some(entry.key_span)))
            }
            (Value::Sequence(items), Step::Index(index)) => items.get(*index).map(|item| (item, None)),
            _ => None,
        };
        let Some((found, found_key)) = next else {
            return Place {
                span: pointed_at(node, key, Part::Value),
                node: None,
            };
        };
        (node, key) = (found, found_key);
    }
    Place {
        span: pointed_at(node, key, part),
        node: Some(Arc::clone(node)),
    }
}

fn pointed_at(node: &Node, key: Option<Span>, part: Part) -> Span {
    let Some(key) = key else { return node.span };
    let spreads = key.start.line != node.span.start.line;
    let empty = node.span.start == node.span.end;
    if part == Part::Key || empty || (spreads && node.scalar().is_none()) {
        key
    } else {
        node.span
    }
}

/// The path of what is written at a position: the inverse of [`locate`].
pub fn path_at(root: &Arc<Node>, position: Position) -> FieldPath {
    let (mut node, mut path) = (root, FieldPath::root());
    loop {
        let next = match &node.value {
            Value::Scalar(_) => None,
            Value::Mapping(mapping) => mapping.entries.iter().find_map(|entry| {
                let here = entry.key_span.contains(position) || entry.node.span.contains(position);
                here.then(|| (&entry.node, Step::Key(entry.key.clone())))
            }),
            Value::Sequence(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| item.span.contains(position).then_some((item, Step::Index(index)))),
        };
        let Some((found, step)) = next else { return path };
        path.0.push(step);
        node = found;
    }
}
