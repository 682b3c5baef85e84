//! Maps: their keys, and `<<` written out in go-yaml's order.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::Budget;
use super::node::{Entry, Mapping, Node, Value};
use super::problem::{Problem, ProblemKind};
use super::scalar;
use super::source::Span;
use crate::quote::quote;

/// A key as it stands in the text.
#[derive(Debug)]
pub(super) enum Key {
    /// A name.
    Name { key: String, span: Span },
    /// `<<`: the entries of other maps.
    Merge,
    /// No key that JSON can have; reported already.
    Unusable,
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Pair {
    pub key: Key,
    pub node: Arc<Node>,
}

impl Key {
    /// Reads a node as a key; `plain` when it stands there itself, without quotes.
    pub(super) fn of(node: &Arc<Node>, plain: bool, problems: &mut Vec<Problem>) -> Self {
        let Value::Scalar(scalar) = &node.value else {
            problems.push(Problem::syntax(node.span, "a list or a map cannot be a key"));
            return Self::Unusable;
        };
        if plain && scalar.text == "<<" {
            return Self::Merge;
        }
        if plain && node.span.start.line != node.span.end.line {
            problems.push(Problem::syntax(
                node.span,
                "a key must stand on one line; is a comma or a colon missing?",
            ));
        }
        match scalar::key(&scalar.text, scalar.resolved) {
            Some(key) => Self::Name { key, span: node.span },
            None if scalar.text.is_empty() => {
                problems.push(Problem::syntax(node.span, "the key is missing"));
                Self::Unusable
            }
            None => {
                let message = format!("`{0}` cannot be a key; quote it: \"{0}\"", quote(&scalar.text));
                problems.push(Problem::syntax(node.span, message));
                Self::Unusable
            }
        }
    }
}

/// Makes a map of its pairs.
///
/// As in go-yaml v2 an entry replaces an earlier one of the same key, also when the later one comes from a merge.
/// Only keys that are written twice in the same map are mistakes.
pub(super) fn mapping(
    pairs: Vec<Pair>,
    flow: bool,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Result<Mapping, Problem> {
    let mut entries = Entries::default();
    let mut written: HashMap<String, Span> = HashMap::new();
    for Pair { key, node } in pairs {
        match key {
            Key::Unusable => {}
            Key::Merge => merge(&node, &mut entries, budget, problems)?,
            Key::Name { key, span } => {
                if let Some(first) = written.insert(key.clone(), span) {
                    problems.push(Problem {
                        kind: ProblemKind::DuplicateKey,
                        span,
                        message: format!(
                            "`{}` stands twice in this map, first at {}; keep one",
                            quote(&key),
                            first.start
                        ),
                    });
                }
                entries.insert(Entry {
                    key,
                    key_span: span,
                    node,
                });
            }
        }
    }
    Ok(Mapping {
        entries: entries.list,
        flow,
    })
}

/// Entries in order, with the index of each key.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    index: HashMap<String, usize>,
}

impl Entries {
    fn insert(&mut self, entry: Entry) {
        if let Some(slot) = self.index.get(&entry.key).and_then(|at| self.list.get_mut(*at)) {
            *slot = entry;
        } else {
            self.index.insert(entry.key.clone(), self.list.len());
            self.list.push(entry);
        }
    }
}

fn merge(
    node: &Arc<Node>,
    entries: &mut Entries,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Result<(), Problem> {
    // Earlier maps of a list take precedence, so the last one goes first.
    let maps: Vec<&Arc<Node>> = match &node.value {
        Value::Sequence(items) => items.iter().rev().collect(),
        Value::Scalar(_) | Value::Mapping(_) => vec![node],
    };
    for map in maps {
        let Value::Mapping(mapping) = &map.value else {
            problems.push(Problem::syntax(map.span, "`<<` takes a map or a list of maps"));
            continue;
        };
        // Copying entries is work of its own, whatever remains of them.
        budget.spend(mapping.entries.len(), map.span)?;
        mapping
            .entries
            .iter()
            .cloned()
            .for_each(|entry| entries.insert(entry));
    }
    Ok(())
}
