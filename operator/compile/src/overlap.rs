//! How audiences lie to each other, by analysis of their expressions: equal, one inside of the other, apart, overlapping, or
//! not to be told.
//!
//! Every expression becomes a **normal form**: a bounded list of boxes, any of which holds, each of which tests every subject at
//! most once ([`form`]). Sets of values are exact ([`domain`]), so that a claim is a proof: an audience is said to lie inside of
//! another only where no context can contradict it. Where a form would grow beyond its bounds, or a test cannot be taken apart,
//! the answer is [`Relation::CannotTell`].
//!
//! # Not quadratic
//!
//! Comparing each of 1,000 audiences with each other would be half a million proofs. Instead every test (a subject with its set
//! of values) is **hash-consed** to a number, and a box to the sorted list of its numbers:
//!
//! - *equal* audiences have equal forms: one look-up by hash each;
//! - *near* ones differ in one test. For each test of a box, the box without it is a key. A box that **is** that key is wider; boxes
//!   that **share** it differ in one test alone, are sorted by it, and only neighbours are compared.
//!
//! That is as many look-ups as there are tests. Proofs over several boxes are made only inside of one candidate list, where the
//! order decides who is ever reached ([`reach`]).

use std::collections::{BTreeMap, HashMap};

use attune_core::expr::Expression;
use attune_core::expr::logic::Subject;

use crate::attributes::Attributes;

pub mod domain;
pub mod form;
pub mod near;
pub mod reach;
#[cfg(test)]
mod tests;

pub use form::{Form, Proof};

/// How one audience lies to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They have the same members.
    Equal,
    /// Each member of the first is one of the second, and not the other way round, as far as can be told.
    Inside,
    /// Each member of the second is one of the first.
    Around,
    /// Nobody is in both.
    Apart,
    /// Somebody is in both, and neither lies inside of the other as far as can be told.
    Overlapping,
    /// The expressions do not allow to tell.
    CannotTell,
}

/// Subjects by number: two expressions that test the same thing test the same number.
#[derive(Debug, Default)]
pub struct Subjects {
    numbers: HashMap<Subject, usize>,
    subjects: Vec<Subject>,
}

impl Subjects {
    fn number(&mut self, subject: &Subject) -> usize {
        if let Some(number) = self.numbers.get(subject) {
            return *number;
        }
        let number = self.subjects.len();
        self.subjects.push(subject.clone());
        self.numbers.insert(subject.clone(), number);
        number
    }

    /// The subject of a number.
    pub fn get(&self, number: usize) -> Option<&Subject> {
        self.subjects.get(number)
    }
}

/// The normal forms of a namespace's audiences.
#[derive(Debug, Default)]
pub struct Forms {
    /// Subjects of all forms.
    pub subjects: Subjects,
    /// By audience.
    pub by_name: BTreeMap<String, Form>,
}

impl Forms {
    /// The forms of all audiences whose expressions are sound.
    pub fn of<'e>(
        audiences: impl Iterator<Item = (&'e str, &'e Expression)>,
        attributes: &Attributes,
    ) -> Self {
        let mut forms = Self::default();
        for (name, expression) in audiences {
            let form = forms.form(expression, attributes);
            forms.by_name.insert(name.to_owned(), form);
        }
        forms
    }

    /// The form of one more expression.
    pub fn form(&mut self, expression: &Expression, attributes: &Attributes) -> Form {
        let type_of = |name: &str| attributes.by_name.get(name).map(|known| known.attribute.ty);
        Form::of(&expression.logic(type_of), &mut self.subjects)
    }

    /// How two audiences lie to each other.
    pub fn relation(&self, one: &str, other: &str) -> Relation {
        match (self.by_name.get(one), self.by_name.get(other)) {
            (Some(one), Some(other)) => relation(one, other, &self.subjects),
            _ => Relation::CannotTell,
        }
    }
}

/// How the members of two forms lie to each other.
pub fn relation(one: &Form, other: &Form, subjects: &Subjects) -> Relation {
    let inside = one.lies_inside(other) == Proof::Proven;
    let around = other.lies_inside(one) == Proof::Proven;
    match (inside, around) {
        (true, true) => Relation::Equal,
        (true, false) => Relation::Inside,
        (false, true) => Relation::Around,
        (false, false) => match one.meet(other) {
            Some(common) if common.is_empty() => Relation::Apart,
            Some(common) if common.iter().any(|common| common.example(subjects).is_some()) => {
                Relation::Overlapping
            }
            _ => Relation::CannotTell,
        },
    }
}
