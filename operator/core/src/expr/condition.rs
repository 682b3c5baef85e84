//! The part of the language that query languages of databases can state too: conditions on attributes and literals.
//!
//! A translator keeps the meaning of errors: what is missing or of another type is neither true nor false, as `NULL` in
//! SQL. `&&` and `||` absorb it like SQL's `AND` and `OR`, and at the top it does not match.

use thiserror::Error;

use super::node::{Comparison, Expression, Loop, Op, Text};

#[cfg(test)]
mod tests;

/// No condition nests deeper than this, so that a translator may recurse.
const MAX_DEPTH: usize = 64;

/// A condition in a form to translate.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<'e> {
    /// A constant.
    Always(bool),
    /// An attribute that is itself a boolean.
    Is(&'e str),
    /// Whether the attribute is there.
    Has(&'e str),
    /// The opposite.
    Not(Box<Self>),
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// The attribute equals the literal; a value of another type does not.
    Equals(&'e str, Literal<'e>),
    /// The attribute lies on that side of a number or a text; a value of another type is an error.
    Order(&'e str, Side, Literal<'e>),
    /// The attribute equals one of the literals.
    OneOf(&'e str, Vec<Literal<'e>>),
    /// The attribute is a list in which the text stands.
    Lists(&'e str, &'e str),
    /// The attribute is a text that has the other one as its beginning, its end or a part.
    Text(&'e str, Piece, &'e str),
}

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal<'e> {
    /// A boolean.
    Bool(bool),
    /// An Int or a Double; they compare alike.
    Number(f64),
    /// A string; strings are ordered by their bytes.
    Text(&'e str),
}

/// On which side of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `<`
    Below,
    /// `<=`
    UpTo,
    /// `>`
    Above,
    /// `>=`
    From,
}

/// Where in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// At its beginning.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Any,
}

/// Why an expression is no [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{what} cannot be computed in a database: compare attributes with literals by `==`, `<`, `in`, `has`, `startsWith`, \
     `endsWith`, `contains`, `&&`, `||` and `!`"
)]
pub struct NotTranslatable {
    what: &'static str,
}

impl NotTranslatable {
    /// The operation that has no translation.
    pub fn what(&self) -> &'static str {
        self.what
    }
}

impl Expression {
    /// The expression as a condition to translate.
    ///
    /// # Errors
    /// When it uses more of the language than [`Condition`] has; the error names the first such operation.
    pub fn condition(&self) -> Result<Condition<'_>, NotTranslatable> {
        translate(self.ops())
    }
}

/// Operations of one whole expression as a condition.
pub(super) fn translate(ops: &[Op]) -> Result<Condition<'_>, NotTranslatable> {
    let mut stack = Stack::default();
    for op in ops {
        stack.take(op)?;
    }
    let (condition, _) = stack.condition()?;
    if stack.0.is_empty() {
        Ok(condition)
    } else {
        Err(INCOMPLETE)
    }
}

/// What an operation leaves behind, with its depth.
enum Term<'e> {
    Condition(Condition<'e>, usize),
    Attribute(&'e str),
    Literal(Literal<'e>),
    Literals(Vec<Literal<'e>>),
}

#[derive(Default)]
struct Stack<'e>(Vec<Term<'e>>);

const INCOMPLETE: NotTranslatable = NotTranslatable {
    what: "an incomplete expression",
};

impl<'e> Stack<'e> {
    fn take(&mut self, op: &'e Op) -> Result<(), NotTranslatable> {
        let term = match op {
            Op::Bool(value) => Term::Literal(Literal::Bool(*value)),
            Op::Int(value) => Term::Literal(Literal::Number(*value as f64)),
            Op::Double(value) if value.is_finite() => Term::Literal(Literal::Number(*value)),
            Op::String(text) => Term::Literal(Literal::Text(text)),
            Op::Strings(texts) => Term::Literals(texts.iter().map(|text| Literal::Text(text)).collect()),
            Op::List(count) => Term::Literals(self.literals(*count)?),
            Op::Attr(name) | Op::ListAttr(name) => Term::Attribute(name),
            Op::Has(name) => Term::Condition(Condition::Has(name), 1),
            Op::Not => {
                let (condition, depth) = self.condition()?;
                deeper(Condition::Not(Box::new(condition)), depth)?
            }
            Op::And(count) => self.terms(*count, Condition::And)?,
            Op::Or(count) => self.terms(*count, Condition::Or)?,
            Op::Compare(comparison) => self.compare(*comparison)?,
            Op::In => self.contains()?,
            Op::Text(question) => self.text(*question)?,
            Op::Negate => match self.0.pop() {
                Some(Term::Literal(Literal::Number(number))) => Term::Literal(Literal::Number(-number)),
                _ => return refuse("arithmetic"),
            },
            other => return refuse(name(other)),
        };
        self.0.push(term);
        Ok(())
    }

    fn condition(&mut self) -> Result<(Condition<'e>, usize), NotTranslatable> {
        match self.0.pop() {
            Some(Term::Condition(condition, depth)) => Ok((condition, depth)),
            Some(Term::Attribute(name)) => Ok((Condition::Is(name), 1)),
            Some(Term::Literal(Literal::Bool(value))) => Ok((Condition::Always(value), 1)),
            _ => Err(INCOMPLETE),
        }
    }

    /// The last `count` values as conditions, in their order.
    fn terms(
        &mut self,
        count: u32,
        join: fn(Vec<Condition<'e>>) -> Condition<'e>,
    ) -> Result<Term<'e>, NotTranslatable> {
        let mut terms = Vec::new();
        let mut deepest = 0;
        for _ in 0..count {
            let (condition, depth) = self.condition()?;
            deepest = deepest.max(depth);
            terms.push(condition);
        }
        terms.reverse();
        deeper(join(terms), deepest)
    }

    fn literals(&mut self, count: u32) -> Result<Vec<Literal<'e>>, NotTranslatable> {
        let mut literals = Vec::new();
        for _ in 0..count {
            match self.0.pop() {
                Some(Term::Literal(literal)) => literals.push(literal),
                _ => return refuse("a list of anything but literals"),
            }
        }
        literals.reverse();
        Ok(literals)
    }

    fn compare(&mut self, comparison: Comparison) -> Result<Term<'e>, NotTranslatable> {
        let (right, left) = (self.0.pop(), self.0.pop());
        let (attribute, comparison, literal) = match (left, right) {
            (Some(Term::Attribute(name)), Some(Term::Literal(literal))) => (name, comparison, literal),
            (Some(Term::Literal(literal)), Some(Term::Attribute(name))) => {
                (name, comparison.mirrored(), literal)
            }
            _ => return refuse("a comparison of anything but an attribute with a literal"),
        };
        let side = match comparison {
            Comparison::Equal => return Ok(Term::Condition(Condition::Equals(attribute, literal), 1)),
            Comparison::NotEqual => {
                return deeper(Condition::Not(Box::new(Condition::Equals(attribute, literal))), 1);
            }
            Comparison::Less => Side::Below,
            Comparison::LessOrEqual => Side::UpTo,
            Comparison::Greater => Side::Above,
            Comparison::GreaterOrEqual => Side::From,
        };
        match literal {
            Literal::Bool(_) => refuse("an order of booleans"),
            _ => Ok(Term::Condition(Condition::Order(attribute, side, literal), 1)),
        }
    }

    fn contains(&mut self) -> Result<Term<'e>, NotTranslatable> {
        let (list, needle) = (self.0.pop(), self.0.pop());
        let condition = match (needle, list) {
            (Some(Term::Attribute(name)), Some(Term::Literals(literals))) => Condition::OneOf(name, literals),
            (Some(Term::Literal(Literal::Text(text))), Some(Term::Attribute(name))) => {
                Condition::Lists(name, text)
            }
            _ => return refuse("`in` on anything but an attribute and literals"),
        };
        Ok(Term::Condition(condition, 1))
    }

    fn text(&mut self, question: Text) -> Result<Term<'e>, NotTranslatable> {
        let (part, text) = (self.0.pop(), self.0.pop());
        let (Some(Term::Attribute(name)), Some(Term::Literal(Literal::Text(part)))) = (text, part) else {
            return refuse("a question about anything but an attribute and a literal text");
        };
        let piece = match question {
            Text::StartsWith => Piece::Start,
            Text::EndsWith => Piece::End,
            Text::Contains => Piece::Any,
        };
        Ok(Term::Condition(Condition::Text(name, piece, part), 1))
    }
}

fn deeper(condition: Condition<'_>, depth: usize) -> Result<Term<'_>, NotTranslatable> {
    if depth >= MAX_DEPTH {
        return refuse("a condition that nests this deep");
    }
    Ok(Term::Condition(condition, depth + 1))
}

fn refuse<T>(what: &'static str) -> Result<T, NotTranslatable> {
    Err(NotTranslatable { what })
}

/// What an operation outside of conditions is called.
fn name(op: &Op) -> &'static str {
    match op {
        Op::Double(_) => "a number that is not finite",
        Op::Timestamp(_) | Op::Duration(_) | Op::Now | Op::Part(..) => "an instant or a duration",
        Op::If => "a ternary",
        Op::Arith(_) => "arithmetic",
        Op::Index => "an index",
        Op::Size => "`size`",
        Op::Matches(_) => "`matches`, whose patterns differ from a database's,",
        Op::Convert(_) => "a conversion",
        Op::HistoryCount(..) | Op::HistoryLast(_) | Op::HistoryShown(..) | Op::HistoryLastShown(..) => {
            "what `history` knows"
        }
        Op::Loop(Loop::Exists | Loop::All | Loop::ExistsOne | Loop::Filter | Loop::Map | Loop::MapWhere)
        | Op::Bind
        | Op::Var(_) => "a macro",
        _ => "this operation",
    }
}
