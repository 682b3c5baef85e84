//! Expressions as `JsonLogic`.
//!
//! A condition has no value where something that it reads is missing or of another type, and then neither it nor its opposite
//! holds. `JsonLogic` knows no such thing, so that each condition becomes two tests: where it is true and where it is false.

use std::collections::BTreeSet;

use attune_core::bundle::{Attribute, Bundle, Rule};
use attune_core::expr::clause::Clause;
use attune_core::expr::condition::{Condition, Literal, Piece, Side};
use attune_core::value::AttributeType;
use serde_json::{Value as Json, json};

use super::context::{self, from, grants, is_readable};
use super::logic::{Test, compare, entries, equals, is_bool, is_filled_string_list, one_of, var};

/// Where an expression is true. Where something in it has no translation, the test holds wherever it may be true, and `open`
/// names what that is.
#[derive(Debug)]
pub(super) struct Translated {
    pub holds: Test,
    pub open: BTreeSet<String>,
}

/// Where a condition is true, and where it is false.
#[derive(Debug, Clone)]
struct Pair {
    yes: Test,
    no: Test,
}

impl Pair {
    fn constant(value: bool) -> Self {
        let (yes, no) = (Test::Always, Test::Never);
        if value {
            Self { yes, no }
        } else {
            Self { yes: no, no: yes }
        }
    }

    fn not(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
        }
    }

    fn all(pairs: Vec<Self>) -> Self {
        let (yes, no): (Vec<_>, Vec<_>) = pairs.into_iter().map(|pair| (pair.yes, pair.no)).unzip();
        Self {
            yes: Test::all(yes),
            no: Test::any(no),
        }
    }

    fn any(pairs: Vec<Self>) -> Self {
        Self::all(pairs.into_iter().map(Self::not).collect()).not()
    }
}

/// Translates a rule of a bundle. `granted` is the purpose that is known to be granted where the rule is asked.
pub(super) fn translate(bundle: &Bundle, rule: &Rule, granted: &str) -> Translated {
    let mut translator = Translator {
        bundle,
        granted,
        open: BTreeSet::new(),
    };
    let pair = translator.clause(&rule.expression.clause());
    Translated {
        holds: pair.yes,
        open: translator.open,
    }
}

struct Translator<'b> {
    bundle: &'b Bundle,
    granted: &'b str,
    open: BTreeSet<String>,
}

impl Translator<'_> {
    /// Something without a translation: it may be true and may be false.
    fn open(&mut self, what: impl Into<String>) -> Pair {
        self.open.insert(what.into());
        Pair {
            yes: Test::Always,
            no: Test::Always,
        }
    }

    fn clause(&mut self, clause: &Clause<'_>) -> Pair {
        match clause {
            Clause::All(parts) => Pair::all(parts.iter().map(|part| self.clause(part)).collect()),
            Clause::Any(parts) => Pair::any(parts.iter().map(|part| self.clause(part)).collect()),
            Clause::Not(part) => self.clause(part).not(),
            Clause::If(parts) => {
                let [condition, then, otherwise] = parts.each_ref().map(|part| self.clause(part));
                let either = |then: Test, otherwise: Test| {
                    Test::any([
                        Test::all([condition.yes.clone(), then]),
                        Test::all([condition.no.clone(), otherwise]),
                    ])
                };
                Pair {
                    yes: either(then.yes, otherwise.yes),
                    no: either(then.no, otherwise.no),
                }
            }
            Clause::Now(Side::From | Side::Above, at) => Pair {
                yes: from(*at),
                no: from(*at).not(),
            },
            Clause::Now(Side::Below | Side::UpTo, at) => Pair {
                yes: from(*at).not(),
                no: from(*at),
            },
            Clause::Term(condition) => self.condition(condition),
            Clause::Opaque(what) => self.open(*what),
        }
    }

    fn condition(&mut self, condition: &Condition<'_>) -> Pair {
        match condition {
            Condition::Always(value) => Pair::constant(*value),
            Condition::Not(part) => self.condition(part).not(),
            Condition::And(parts) => Pair::all(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Or(parts) => Pair::any(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Has(name) => self.has(name),
            Condition::Is(name) => self.attribute(name, |attribute, _| {
                let is_bool = attribute.ty == AttributeType::Bool;
                is_bool.then(|| (self::is_bool(name, true), self::is_bool(name, false)))
            }),
            Condition::Equals(name, literal) => self.one_of(name, std::slice::from_ref(literal)),
            Condition::OneOf(name, literals) => self.one_of(name, literals),
            Condition::Order(name, side, literal) => self.order(name, *side, literal),
            Condition::Lists(name, text) => self.attribute(name, |attribute, typed| {
                let lists = one_of(&json!(text), entries(name));
                let is_list = attribute.ty == AttributeType::StringList;
                is_list.then(|| {
                    let (_, no) = both(&lists, &typed);
                    (Test::all([lists, is_filled_string_list(name)]), no)
                })
            }),
            // Nothing is in every text; some evaluators do not find it in an empty one.
            Condition::Text(name, _, "") => self.attribute(name, |attribute, typed| {
                (attribute.ty == AttributeType::String).then_some((typed, Test::Never))
            }),
            Condition::Text(name, piece, part) => self.attribute(name, |attribute, typed| {
                let value = var(name);
                let has = match piece {
                    Piece::Start => compare("starts_with", &value, *part),
                    Piece::End => compare("ends_with", &value, *part),
                    Piece::Any => one_of(&json!(part), value),
                };
                let is_text = attribute.ty == AttributeType::String;
                // Searching what is no text fails.
                is_text.then(|| {
                    let (yes, no) = both(&has, &typed);
                    (if *piece == Piece::Any { yes } else { has }, no)
                })
            }),
        }
    }

    fn one_of(&mut self, name: &str, literals: &[Literal<'_>]) -> Pair {
        let literals: Option<Vec<Json>> = literals.iter().map(exact).collect();
        self.attribute(name, |attribute, typed| {
            let literals = literals?;
            let value = var(name);
            let fits: fn(&Json) -> bool = match attribute.ty {
                AttributeType::Bool => Json::is_boolean,
                AttributeType::Int | AttributeType::Double => Json::is_number,
                AttributeType::String => Json::is_string,
                AttributeType::Timestamp | AttributeType::StringList => return None,
            };
            if !literals.iter().all(fits) {
                return None;
            }
            let equal = match (attribute.ty, literals.as_slice()) {
                (AttributeType::Bool, _) => {
                    let wanted = literals.iter().filter_map(Json::as_bool);
                    Test::any(wanted.map(|wanted| is_bool(name, wanted)))
                }
                (_, [one]) => equals(&value, one.clone()),
                _ => one_of(&value, literals.clone()),
            };
            let (yes, no) = both(&equal, &typed);
            // What equals a string is one. A boolean equals a number for some, and a fraction is no Int.
            let is_typed = matches!(attribute.ty, AttributeType::Bool | AttributeType::String);
            Some((if is_typed { equal } else { yes }, no))
        })
    }

    fn order(&mut self, name: &str, side: Side, literal: &Literal<'_>) -> Pair {
        let operator = match side {
            Side::Below => "<",
            Side::UpTo => "<=",
            Side::Above => ">",
            Side::From => ">=",
        };
        let literal = match literal {
            Literal::Number(_) => exact(literal),
            // Evaluators order texts each in a way of its own.
            Literal::Text(_) | Literal::Bool(_) => None,
        };
        self.attribute(name, |attribute, typed| {
            let is_number = matches!(attribute.ty, AttributeType::Int | AttributeType::Double);
            let literal = literal.filter(|_| is_number)?;
            Some(both(&compare(operator, &var(name), literal), &typed))
        })
    }

    /// Tests of an attribute, given what it is and the test that it is there and well typed.
    fn attribute(
        &mut self,
        name: &str,
        tests: impl FnOnce(&Attribute, Test) -> Option<(Test, Test)>,
    ) -> Pair {
        let Some(attribute) = self.bundle.attributes.get(name) else {
            return self.open(format!("`{name}`, which is not declared,"));
        };
        let Some((granted, typed)) = self.readable(name, attribute) else {
            return self.open(describe(name, attribute));
        };
        match tests(attribute, typed) {
            Some((yes, no)) => Pair {
                yes: Test::all([granted.clone(), yes]),
                no: Test::all([granted, no]),
            },
            None => self.open(format!("this comparison of `{name}`")),
        }
    }

    /// Whether an attribute is there, well typed and granted: a question that always has an answer.
    fn has(&mut self, name: &str) -> Pair {
        let Some(attribute) = self.bundle.attributes.get(name) else {
            return self.open(format!("`{name}`, which is not declared,"));
        };
        let Some((granted, typed)) = self.readable(name, attribute) else {
            return self.open(describe(name, attribute));
        };
        let yes = Test::all([granted, typed]);
        let no = yes.clone().not();
        Pair { yes, no }
    }

    /// Whether an attribute is granted, and whether it is well typed; `None` where no evaluator can tell.
    fn readable(&self, name: &str, attribute: &Attribute) -> Option<(Test, Test)> {
        if !self.bundle.settings.supplies(name) {
            // It is never there.
            return Some((Test::Never, Test::Never));
        }
        let typed = context::is_typed(name, attribute).filter(|_| is_readable(name))?;
        Some((self.is_granted(attribute)?, typed))
    }

    /// Whether the purpose of an attribute is granted.
    fn is_granted(&self, attribute: &Attribute) -> Option<Test> {
        if attribute.purpose == self.granted && !attribute.sensitive {
            return Some(Test::Always);
        }
        grants(self.bundle, &attribute.purpose, attribute.sensitive)
    }
}

fn describe(name: &str, attribute: &Attribute) -> String {
    match attribute.ty {
        AttributeType::Timestamp => format!("the instant `{name}`"),
        _ => format!("`{name}`, whose path or purpose some evaluators read otherwise,"),
    }
}

/// Where a value is of its type and a test of it holds, and where it does not hold.
fn both(test: &Test, typed: &Test) -> (Test, Test) {
    let with = |test: Test| Test::all([typed.clone(), test]);
    (with(test.clone()), with(test.clone().not()))
}

/// A literal that every evaluator reads alike.
fn exact(literal: &Literal<'_>) -> Option<Json> {
    /// Whole numbers below are doubles too.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match literal {
        Literal::Bool(value) => Some(json!(value)),
        Literal::Text(text) => Some(json!(text)),
        Literal::Number(number) if number.abs() < EXACT => Some(number_of(*number)),
        Literal::Number(_) => None,
    }
}

/// A number without a fraction is written without one.
fn number_of(number: f64) -> Json {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "without a fraction and below 2^53, as just checked"
    )]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        json!(number as i64)
    } else {
        json!(number)
    }
}
