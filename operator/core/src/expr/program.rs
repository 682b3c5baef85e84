//! A linked expression: a tree whose siblings lie side by side, with the usual leaves fused into one node each, so
//! that an audience of a few conditions is one allocation read from front to back.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::cell::Cell;
use super::error::EvalError;
use super::eval::{Run, all_but, test, value};
use super::node::{Arith, Comparison, Loop, Part, Target, Text};
use crate::history::{History, NoHistory, ShownKind};
use crate::value::{SlotId, Slots, Value};

/// A linked expression, ready to be evaluated; cheap to share, never changed by an evaluation.
#[derive(Debug, Clone)]
pub struct Program {
    root: Node,
}

impl Program {
    pub(super) fn new(root: Node) -> Self {
        Self { root }
    }

    /// The value of the expression.
    ///
    /// # Errors
    /// The first error that nothing absorbed.
    pub fn eval<'a>(&'a self, slots: &'a Slots<'a>, now: Timestamp) -> Result<Value<'a>, EvalError> {
        self.eval_after(slots, now, &NoHistory)
    }

    /// As [`Program::eval`], for a unit with a past.
    ///
    /// # Errors
    /// As [`Program::eval`].
    pub fn eval_after<'a>(
        &'a self,
        slots: &'a Slots<'a>,
        now: Timestamp,
        history: &'a dyn History,
    ) -> Result<Value<'a>, EvalError> {
        let run = Run { slots, now, history };
        value(&self.root, &run, None).map(Cell::into_value)
    }

    /// Whether a boolean expression is true.
    ///
    /// # Errors
    /// The first error that nothing absorbed; [`EvalError::TypeMismatch`] where the value is no boolean.
    pub fn matches(&self, slots: &Slots<'_>, now: Timestamp) -> Result<bool, EvalError> {
        self.matches_after(slots, now, &NoHistory)
    }

    /// As [`Program::matches`], for a unit with a past.
    ///
    /// # Errors
    /// As [`Program::matches`].
    pub fn matches_after(
        &self,
        slots: &Slots<'_>,
        now: Timestamp,
        history: &dyn History,
    ) -> Result<bool, EvalError> {
        test(&self.root, &Run { slots, now, history }, None)
    }
}

impl Program {
    /// As [`Program::matches_after`], where the attribute of [`Program::guard`] is known to be one of the strings.
    pub(crate) fn matches_guarded(
        &self,
        slots: &Slots<'_>,
        now: Timestamp,
        history: &dyn History,
    ) -> Result<bool, EvalError> {
        let run = Run { slots, now, history };
        match &self.root {
            Node::And(terms) => match terms.iter().position(|term| term.guard().is_some()) {
                Some(guard) => all_but(terms, guard, &run),
                None => test(&self.root, &run, None),
            },
            node if node.guard().is_some() => Ok(true),
            node => test(node, &run, None),
        }
    }

    /// Strings one of which an attribute must be for the expression to be true, where it says so at its top: alone, or
    /// as a term of an `&&`. Where that term is false or an error, the whole is no `true` either.
    pub(crate) fn guard(&self) -> Option<(SlotId, Strings<'_>)> {
        match &self.root {
            Node::And(terms) => terms.iter().find_map(Node::guard),
            node => node.guard(),
        }
    }
}

/// The strings of a guard.
pub(crate) enum Strings<'p> {
    One(Option<&'p str>),
    Set(std::slice::Iter<'p, Box<str>>),
}

impl<'p> Iterator for Strings<'p> {
    type Item = &'p str;

    fn next(&mut self) -> Option<&'p str> {
        match self {
            Self::One(string) => string.take(),
            Self::Set(strings) => strings.next().map(|string| &**string),
        }
    }
}

impl Node {
    fn guard(&self) -> Option<(SlotId, Strings<'_>)> {
        match self {
            Self::SlotInStrings(slot, strings) => Some((*slot, Strings::Set(strings.0.iter()))),
            Self::SlotCompare(slot, Comparison::Equal, Literal::String(string)) => {
                Some((*slot, Strings::One(Some(string))))
            }
            _ => None,
        }
    }
}

/// One node of a program.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(Literal),
    Strings(Box<[Value<'static>]>),
    List(Box<[Node]>),
    Slot(SlotId),
    Has(SlotId),
    Now,
    /// The variable of the macro so many macros out.
    Var(u8),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Not(Box<Node>),
    If(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    /// `user.spend90d > 200.0`
    SlotCompare(SlotId, Comparison, Literal),
    In(Box<[Node; 2]>),
    InStrings(Box<Node>, StringSet),
    /// `user.tier in ["gold", "platinum"]`
    SlotInStrings(SlotId, StringSet),
    Arith(Arith, Box<[Node; 2]>),
    Negate(Box<Node>),
    Index(Box<[Node; 2]>),
    Size(Box<Node>),
    Text(Text, Box<[Node; 2]>),
    Matches(Box<Node>, Regex),
    Convert(Target, Box<Node>),
    HistoryCount(Box<str>, SignedDuration),
    HistoryLast(Box<str>),
    HistoryShown(ShownKind, Box<str>, SignedDuration),
    HistoryLastShown(ShownKind, Box<str>),
    Part(Part, TimeZone, Box<Node>),
    /// The range and the one or two bodies of a macro.
    Loop(Loop, Box<[Node]>),
}

/// A scalar in the source.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    Bool(bool),
    Int(i64),
    Double(f64),
    String(Box<str>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
}

/// The string literals right of an `in`.
#[derive(Debug, Clone)]
pub(super) struct StringSet(Box<[Box<str>]>);

impl StringSet {
    /// Up to here, comparing one by one beats a binary search: most differ in their length.
    const FEW: usize = 8;

    pub(super) fn new<'s>(strings: impl Iterator<Item = &'s str>) -> Self {
        let mut sorted: Vec<Box<str>> = strings.map(Box::from).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self(sorted.into())
    }

    pub(super) fn contains(&self, string: &str) -> bool {
        if self.0.len() <= Self::FEW {
            self.0.iter().any(|own| **own == *string)
        } else {
            self.0.binary_search_by(|own| (**own).cmp(string)).is_ok()
        }
    }
}
