//! Which rule reads which attribute.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::Kind;
use attune_core::bundle::Rule;

use crate::Model;
use crate::finding::ObjectId;
use crate::rules::Rules;
use crate::snapshot::Snapshot;

#[cfg(test)]
mod tests;

/// What reads attributes, and for which programs.
#[derive(Debug, Default)]
pub struct Uses {
    readers: BTreeMap<String, Vec<Reader>>,
    /// Programs that address an audience, or have a candidate for it.
    programs: BTreeMap<String, BTreeSet<String>>,
}

/// An expression that reads an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// The `match` of an Audience.
    Audience(String),
    /// An expression of a candidate.
    Candidate {
        /// The binding.
        binding: String,
        /// Position of the candidate.
        index: usize,
        /// `when` or `score`.
        part: &'static str,
    },
}

impl Uses {
    /// Reads every expression of a namespace once.
    pub fn of(snapshot: &Snapshot, rules: &Rules) -> Self {
        let mut uses = Self::default();
        for (reader, rule) in Reader::all(rules) {
            uses.note(rule, &reader);
        }
        for (name, program) in &snapshot.programs {
            for audience in &program.spec.audiences {
                uses.note_program(audience.as_str(), name);
            }
        }
        for binding in snapshot.bindings.values() {
            let audiences = binding.spec.candidates.iter().flat_map(|one| &one.audiences);
            for audience in audiences {
                uses.note_program(audience.as_str(), binding.spec.program_ref.name.as_str());
            }
        }
        uses
    }

    /// Attributes that some rule reads, with their readers in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Reader])> {
        self.readers
            .iter()
            .map(|(name, readers)| (name.as_str(), readers.as_slice()))
    }

    /// What reads an attribute.
    pub fn readers(&self, attribute: &str) -> &[Reader] {
        self.readers.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// Programs that an audience is used for.
    pub fn programs_of(&self, audience: &str) -> impl Iterator<Item = &str> {
        self.programs
            .get(audience)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    fn note(&mut self, rule: &Rule, reader: &Reader) {
        for attribute in rule.expression.attributes() {
            match self.readers.get_mut(attribute) {
                Some(readers) if readers.last() == Some(reader) => {}
                Some(readers) => readers.push(reader.clone()),
                None => drop(self.readers.insert(attribute.to_owned(), vec![reader.clone()])),
            }
        }
    }

    fn note_program(&mut self, audience: &str, program: &str) {
        match self.programs.get_mut(audience) {
            Some(programs) if programs.contains(program) => {}
            Some(programs) => drop(programs.insert(program.to_owned())),
            None => drop(
                self.programs
                    .insert(audience.to_owned(), BTreeSet::from([program.to_owned()])),
            ),
        }
    }
}

impl Reader {
    /// Every expression of Audiences and candidates, and where it stands.
    pub fn all(rules: &Rules) -> impl Iterator<Item = (Self, &Rule)> {
        let audiences = rules.audiences.iter();
        let audiences = audiences.map(|(name, rule)| (Self::Audience(name.clone()), rule));
        let candidates = rules.candidates.iter().flat_map(|((binding, index), rules)| {
            rules.each().map(move |(part, rule)| {
                let reader = Self::Candidate {
                    binding: binding.clone(),
                    index: *index,
                    part,
                };
                (reader, rule)
            })
        });
        audiences.chain(candidates)
    }

    /// Programs that the expression is evaluated for.
    pub fn programs<'m>(&self, model: &'m Model<'_>) -> impl Iterator<Item = &'m str> {
        let (audience, binding) = match self {
            Self::Audience(name) => (Some(name), None),
            Self::Candidate { binding, .. } => (None, model.snapshot.bindings.get(binding)),
        };
        let own = binding.map(|binding| binding.spec.program_ref.name.as_str());
        let addressing = audience.into_iter().flat_map(|name| model.uses.programs_of(name));
        addressing.chain(own)
    }

    /// The expression.
    pub fn rule<'m>(&self, model: &'m Model<'_>) -> Option<&'m Rule> {
        match self {
            Self::Audience(name) => model.rules.audiences.get(name),
            Self::Candidate { binding, index, part } => {
                let rules = model.rules.candidates.get(&(binding.clone(), *index))?;
                match *part {
                    "when" => rules.when.as_ref(),
                    _ => rules.score.as_ref(),
                }
            }
        }
    }

    /// The object that the expression stands on.
    pub fn object(&self, snapshot: &Snapshot) -> ObjectId {
        match self {
            Self::Audience(name) => snapshot.id(Kind::Audience, name),
            Self::Candidate { binding, .. } => snapshot.id(Kind::ChannelBinding, binding),
        }
    }

    /// The field that it stands in.
    pub fn field(&self) -> String {
        match self {
            Self::Audience(_) => "spec.match".to_owned(),
            Self::Candidate { index, part, .. } => format!("spec.candidates[{index}].{part}"),
        }
    }
}
