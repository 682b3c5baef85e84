//! How many rules there are, and how many of them are real: counted from compiled bundles, not from YAML.
//!
//! A rule is a candidate of a binding. It is **declared** where a binding lists it, and **live** where it is in a bundle, can win
//! somebody ([`open_rules`]), is not hidden behind what comes before it ([`crate::overlap::reach`]), and is not the same as
//! another rule at its touchpoint.

use std::collections::{BTreeMap, BTreeSet};

use attune_core::bundle::{Binding, Bundle, Candidate};
use attune_core::decide::open_rules;
use jiff::Timestamp;

use crate::coverage::Engines;
use crate::snapshot::Snapshot;

#[cfg(test)]
mod tests;

/// Rules of one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The binding.
    pub binding: String,
    /// Its program.
    pub program: String,
    /// Its Channel.
    pub channel: String,
    /// Rules that it lists.
    pub declared: usize,
    /// Positions of those that are live, with what deciders call them.
    pub live: BTreeMap<usize, String>,
}

/// A number of rules, declared and live.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Rules that are listed.
    pub declared: usize,
    /// Rules that can win somebody.
    pub live: usize,
}

/// The rules of a namespace.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LiveRules {
    /// By binding.
    pub rows: Vec<Row>,
}

impl LiveRules {
    /// Counts the rules. `hidden` holds the binding and position of those that nobody reaches.
    pub fn of(
        snapshot: &Snapshot,
        engines: &Engines,
        hidden: &BTreeSet<(String, usize)>,
        at: Timestamp,
    ) -> Self {
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        for (name, binding) in &snapshot.bindings {
            let row = Row {
                binding: name.clone(),
                program: binding.spec.program_ref.name.as_str().to_owned(),
                channel: binding.spec.channel_ref.name.as_str().to_owned(),
                declared: binding.spec.candidates.len(),
                live: BTreeMap::new(),
            };
            rows.insert(name, row);
        }
        for (channel, engine) in engines {
            let bundle = engine.bundle();
            let mut seen: Vec<(&str, &Candidate)> = Vec::new();
            for rule in open_rules(engine, at) {
                let Some((binding, candidate)) = candidate(bundle, rule.binding, rule.index) else {
                    continue;
                };
                let is_hidden = hidden.contains(&(rule.binding.to_owned(), rule.index));
                // Rules come by touchpoint.
                seen.retain(|(touchpoint, _)| *touchpoint == rule.touchpoint);
                if is_hidden || seen.iter().any(|(_, other)| *other == candidate) {
                    continue;
                }
                seen.push((rule.touchpoint, candidate));
                let row = rows
                    .entry(rule.binding)
                    .or_insert_with(|| carried(rule.binding, channel, binding));
                row.live.insert(rule.index, bundle.rule_key(candidate));
            }
        }
        Self {
            rows: rows.into_values().collect(),
        }
    }

    /// The rules of a program, over all Channels.
    pub fn of_program(&self, name: &str) -> Rules {
        self.sum(|row| row.program == name)
    }

    /// The rules of a Channel, over all programs.
    pub fn of_channel(&self, name: &str) -> Rules {
        self.sum(|row| row.channel == name)
    }

    /// The rules of a binding.
    pub fn of_binding(&self, name: &str) -> Rules {
        self.sum(|row| row.binding == name)
    }

    /// All rules of the namespace.
    pub fn all(&self) -> Rules {
        self.sum(|_| true)
    }

    fn sum(&self, counts: impl Fn(&Row) -> bool) -> Rules {
        let rows = self.rows.iter().filter(|row| counts(row));
        rows.fold(Rules::default(), |sum, row| Rules {
            declared: sum.declared + row.declared,
            live: sum.live + row.live.len(),
        })
    }
}

fn candidate<'b>(bundle: &'b Bundle, binding: &str, index: usize) -> Option<(&'b Binding, &'b Candidate)> {
    let binding = bundle.bindings.get(binding)?;
    Some((binding, binding.candidates.get(index)?))
}

/// The row of a binding that is served in its last form alone.
fn carried(name: &str, channel: &str, binding: &Binding) -> Row {
    Row {
        binding: name.to_owned(),
        program: binding.program.clone(),
        channel: channel.to_owned(),
        declared: binding.candidates.len(),
        live: BTreeMap::new(),
    }
}
