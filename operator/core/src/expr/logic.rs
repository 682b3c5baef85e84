//! What an expression says, as logic: tests of attributes joined by *all of* and *any of*.
//!
//! An expression is true, false, or has no value, and only one that is true matches. [`Expression::logic`] gives the formula of
//! the contexts in which it is **true**: negations are pushed down to the tests, where *false* and *no value* are told apart.
//! What cannot be taken apart (a macro, a pattern, arithmetic of doubles) stays whole, as a test of its own truth.

mod subject;
pub(super) mod tree;

use jiff::{SignedDuration, Timestamp};

use super::node::{Comparison, Expression, Op};
use crate::value::AttributeType;

use tree::Tree;

/// The contexts in which an expression is true.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// One test.
    Test(Test),
    /// All of them; of none, always.
    All(Vec<Formula>),
    /// Any of them; of none, never.
    Any(Vec<Formula>),
}

/// One test of one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What is tested.
    pub subject: Subject,
    /// What must hold of it.
    pub condition: Condition,
    /// Attributes without which the subject has no value.
    pub requires: Vec<Subject>,
}

/// What a test is about. Two tests of equal subjects see the same value in the same context.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// An attribute's name, or the text of a computation.
    pub text: String,
    /// Whether it is an attribute as it stands.
    pub is_attribute: bool,
    /// What values it has.
    pub kind: Kind,
}

/// What values a subject has; those of one subject are all of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// True or false.
    Bool,
    /// Whole numbers.
    Integer,
    /// Numbers; none of them is "not a number", which JSON cannot spell.
    Number,
    /// Strings.
    Text,
    /// Instants.
    Instant,
    /// Lengths of time.
    Span,
    /// Lists; only their presence is tested.
    List,
}

/// A value that subjects are compared with.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A number below 2^53 in size, so that every comparison with it is exact.
    Number(f64),
    /// A string.
    Text(String),
    /// An instant.
    Instant(Timestamp),
    /// A length of time.
    Span(SignedDuration),
}

/// What must hold of a subject.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// It has a value.
    Present,
    /// It has none.
    Absent,
    /// It has one of these.
    OneOf(Vec<Scalar>),
    /// It has a value, and none of these.
    NoneOf(Vec<Scalar>),
    /// It is less.
    Below {
        /// Than this.
        bound: Scalar,
        /// Or equal.
        inclusive: bool,
    },
    /// It is greater.
    Above {
        /// Than this.
        bound: Scalar,
        /// Or equal.
        inclusive: bool,
    },
}

impl Formula {
    /// True in every context.
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// True in no context.
    pub const fn never() -> Self {
        Self::Any(Vec::new())
    }

    fn constant(holds: bool) -> Self {
        if holds { Self::always() } else { Self::never() }
    }
}

impl Expression {
    /// The formula of the contexts in which it is true, given the types of its attributes.
    ///
    /// ```
    /// use attune_core::expr::{Attribute, Expect, Schema, compile, logic::{Condition, Formula}};
    /// use attune_core::value::AttributeType;
    ///
    /// let mut schema = Schema::new();
    /// schema.declare(Attribute { name: "user.age".into(), ty: AttributeType::Int, values: vec![] });
    /// let adult = compile("!(user.age < 18)", &schema, Expect::Bool).unwrap();
    /// let Formula::Test(test) = adult.logic(|_| Some(AttributeType::Int)) else { panic!() };
    /// assert_eq!(test.subject.text, "user.age");
    /// assert!(matches!(test.condition, Condition::Above { inclusive: true, .. }));
    /// ```
    pub fn logic(&self, type_of: impl Fn(&str) -> Option<AttributeType>) -> Formula {
        let Some(tree) = Tree::of(self.ops()) else {
            // INVARIANT: a compiled expression is one whole tree.
            return Formula::never();
        };
        Reader { type_of: &type_of }.truth(&tree, true)
    }
}

/// Reads formulas off trees.
struct Reader<'t> {
    type_of: &'t dyn Fn(&str) -> Option<AttributeType>,
}

impl Reader<'_> {
    /// The contexts in which a condition has the value `wanted`.
    fn truth(&self, tree: &Tree<'_>, wanted: bool) -> Formula {
        let parts = |wanted| tree.parts.iter().map(|part| self.truth(part, wanted)).collect();
        match (tree.op, tree.parts.as_slice()) {
            (Op::Bool(value), _) => Formula::constant(*value == wanted),
            (Op::And(_), _) if wanted => Formula::All(parts(true)),
            (Op::And(_), _) => Formula::Any(parts(false)),
            (Op::Or(_), _) if wanted => Formula::Any(parts(true)),
            (Op::Or(_), _) => Formula::All(parts(false)),
            (Op::Not, [part]) => self.truth(part, !wanted),
            (Op::If, [condition, then, otherwise]) => Formula::Any(vec![
                Formula::All(vec![self.truth(condition, true), self.truth(then, wanted)]),
                Formula::All(vec![self.truth(condition, false), self.truth(otherwise, wanted)]),
            ]),
            (Op::Has(name), _) => self.has(name, wanted),
            (Op::Compare(comparison), [left, right]) => self
                .compare(*comparison, left, right, wanted)
                .unwrap_or_else(|| self.whole(tree, wanted)),
            (Op::In, [needle, list]) => self
                .contains(needle, list, wanted)
                .unwrap_or_else(|| self.whole(tree, wanted)),
            _ => self.whole(tree, wanted),
        }
    }

    fn has(&self, name: &str, wanted: bool) -> Formula {
        Formula::Test(Test {
            subject: self.attribute(name),
            condition: if wanted {
                Condition::Present
            } else {
                Condition::Absent
            },
            requires: Vec::new(),
        })
    }

    /// A condition that is not taken apart.
    fn whole(&self, tree: &Tree<'_>, wanted: bool) -> Formula {
        let condition = Condition::OneOf(vec![Scalar::Bool(wanted)]);
        Formula::Test(self.test(self.subject(tree, Kind::Bool), tree, condition))
    }

    fn test(&self, subject: Subject, tree: &Tree<'_>, condition: Condition) -> Test {
        let mut names = Vec::new();
        tree.require(&mut names);
        Test {
            subject,
            condition,
            requires: names.iter().map(|name| self.attribute(name)).collect(),
        }
    }

    fn compare(
        &self,
        comparison: Comparison,
        left: &Tree<'_>,
        right: &Tree<'_>,
        wanted: bool,
    ) -> Option<Formula> {
        match (constant(left), constant(right)) {
            (Some(left), Some(right)) => {
                let order = left.partial_cmp(&right)?;
                Some(Formula::constant(comparison.holds(order) == wanted))
            }
            (Some(bound), None) => self.bounded(comparison.mirrored(), right, bound, wanted),
            (None, Some(bound)) => self.bounded(comparison, left, bound, wanted),
            (None, None) => self.against_now(comparison, left, right, wanted),
        }
    }

    /// A comparison of something with a constant.
    fn bounded(
        &self,
        comparison: Comparison,
        tree: &Tree<'_>,
        bound: Scalar,
        wanted: bool,
    ) -> Option<Formula> {
        let kind = self.kind(tree)?;
        if !bound.is_of(kind) {
            return None;
        }
        let condition = condition(comparison, bound, wanted);
        Some(Formula::Test(self.test(
            self.subject(tree, kind),
            tree,
            condition,
        )))
    }

    /// A comparison of an instant with the decision's, or so long before or after it.
    fn against_now(
        &self,
        comparison: Comparison,
        left: &Tree<'_>,
        right: &Tree<'_>,
        wanted: bool,
    ) -> Option<Formula> {
        let (comparison, tree, offset) = match (from_now(left), from_now(right)) {
            (None, Some(offset)) => (comparison, left, offset),
            (Some(offset), None) => (comparison.mirrored(), right, offset),
            _ => return None,
        };
        if self.kind(tree)? != Kind::Instant {
            return None;
        }
        let subject = Subject {
            text: format!("{} from now", self.subject(tree, Kind::Instant).text),
            is_attribute: false,
            kind: Kind::Span,
        };
        let condition = condition(comparison, Scalar::Span(offset), wanted);
        Some(Formula::Test(self.test(subject, tree, condition)))
    }

    /// Whether something is among constants.
    fn contains(&self, needle: &Tree<'_>, list: &Tree<'_>, wanted: bool) -> Option<Formula> {
        let entries: Vec<Scalar> = match list.op {
            Op::Strings(strings) => strings.iter().cloned().map(Scalar::Text).collect(),
            Op::List(_) => list.parts.iter().map(constant).collect::<Option<_>>()?,
            _ => return None,
        };
        if constant(needle).is_some() {
            return None;
        }
        let kind = self.kind(needle)?;
        if !entries.iter().all(|entry| entry.is_of(kind)) {
            return None;
        }
        let condition = if wanted {
            Condition::OneOf(entries)
        } else {
            Condition::NoneOf(entries)
        };
        Some(Formula::Test(self.test(
            self.subject(needle, kind),
            needle,
            condition,
        )))
    }
}

/// What has to hold for a comparison with a bound to give `wanted`.
fn condition(comparison: Comparison, bound: Scalar, wanted: bool) -> Condition {
    let below = |bound, inclusive| Condition::Below { bound, inclusive };
    let above = |bound, inclusive| Condition::Above { bound, inclusive };
    match (comparison, wanted) {
        (Comparison::Equal, true) | (Comparison::NotEqual, false) => Condition::OneOf(vec![bound]),
        (Comparison::Equal, false) | (Comparison::NotEqual, true) => Condition::NoneOf(vec![bound]),
        (Comparison::Less, true) | (Comparison::GreaterOrEqual, false) => below(bound, false),
        (Comparison::LessOrEqual, true) | (Comparison::Greater, false) => below(bound, true),
        (Comparison::Greater, true) | (Comparison::LessOrEqual, false) => above(bound, false),
        (Comparison::GreaterOrEqual, true) | (Comparison::Less, false) => above(bound, true),
    }
}

impl Comparison {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// The value of a literal, where every comparison with it is exact.
fn constant(tree: &Tree<'_>) -> Option<Scalar> {
    /// Whole numbers below are doubles too.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = |value: f64| (value.abs() < EXACT).then_some(Scalar::Number(value + 0.0));
    match (tree.op, tree.parts.as_slice()) {
        (Op::Bool(value), _) => Some(Scalar::Bool(*value)),
        (Op::Int(value), _) => number(*value as f64),
        (Op::Double(value), _) => number(*value),
        (Op::String(value), _) => Some(Scalar::Text(value.clone())),
        (Op::Timestamp(value), _) => Some(Scalar::Instant(*value)),
        (Op::Duration(value), _) => Some(Scalar::Span(*value)),
        (Op::Negate, [part]) => match constant(part)? {
            Scalar::Number(value) => number(-value),
            _ => None,
        },
        _ => None,
    }
}

/// How long after the decision's instant it is, for `now`, and `now` with a length of time added or taken away.
fn from_now(tree: &Tree<'_>) -> Option<SignedDuration> {
    let span = |part: &Tree<'_>| match part.op {
        Op::Duration(span) => Some(*span),
        _ => None,
    };
    match (tree.op, tree.parts.as_slice()) {
        (Op::Now, _) => Some(SignedDuration::ZERO),
        (Op::Arith(super::node::Arith::Add), [left, right]) => match (left.op, right.op) {
            (Op::Now, _) => span(right),
            (_, Op::Now) => span(left),
            _ => None,
        },
        (Op::Arith(super::node::Arith::Subtract), [left, right]) if matches!(left.op, Op::Now) => {
            span(right)?.checked_neg()
        }
        _ => None,
    }
}
