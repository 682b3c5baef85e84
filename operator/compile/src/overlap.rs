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

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_core::expr::Expression;

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

/// The normal forms of a namespace's audiences.
#[derive(Debug, Default)]
pub struct Forms {
    /// By audience.
    pub by_name: BTreeMap<String, Arc<Form>>,
}

impl Forms {
    /// The forms of all audiences whose expressions are sound.
    pub fn of<'e>(
        audiences: impl Iterator<Item = (&'e str, &'e Expression)>,
        attributes: &Attributes,
    ) -> Self {
        let form = |expression| Arc::new(Form::of_expression(expression, attributes));
        let forms = audiences.map(|(name, expression)| (name.to_owned(), form(expression)));
        Self {
            by_name: forms.collect(),
        }
    }

    /// How two audiences lie to each other.
    pub fn relation(&self, one: &str, other: &str) -> Relation {
        match (self.by_name.get(one), self.by_name.get(other)) {
            (Some(one), Some(other)) => relation(one, other),
            _ => Relation::CannotTell,
        }
    }
}

/// How the members of two forms lie to each other.
pub fn relation(one: &Form, other: &Form) -> Relation {
    let inside = one.lies_inside(other) == Proof::Proven;
    let around = other.lies_inside(one) == Proof::Proven;
    match (inside, around) {
        (true, true) => Relation::Equal,
        (true, false) => Relation::Inside,
        (false, true) => Relation::Around,
        (false, false) => match one.meet(other) {
            Some(common) if common.is_empty() => Relation::Apart,
            Some(common) if common.iter().any(|common| common.example().is_some()) => Relation::Overlapping,
            _ => Relation::CannotTell,
        },
    }
}
