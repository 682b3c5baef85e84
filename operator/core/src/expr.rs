//! CEL expressions: parsed, checked against declared attributes, and lowered to programs over slots.
//!
//! ```
//! use attune_core::expr::{compile, Attribute, Expect, Schema};
//! use attune_core::value::{AttributeType, SlotId, Value};
//!
//! let mut schema = Schema::new();
//! schema.declare(Attribute {
//!     name: "user.tier".into(),
//!     ty: AttributeType::String,
//!     values: vec!["none".into(), "gold".into()],
//! });
//! let expression = compile(r#"user.tier == "gold""#, &schema, Expect::Bool).unwrap();
//! assert_eq!(expression.attributes(), ["user.tier"]);
//!
//! let program = expression.link(|_| Some(SlotId(0))).unwrap();
//! let now = "2026-12-01T00:00:00Z".parse().unwrap();
//! assert_eq!(program.matches(&[Some(Value::String("gold".into()))], now), Ok(true));
//! assert!(program.matches(&[None], now).is_err());
//! ```
//!
//! What is in scope is evaluated as the CEL specification says, and tested against the interpreter of the `cel`
//! crate. We differ from that interpreter on purpose, each point with its test in `tests/expr_oracle.rs`:
//!
//! - Types are checked before anything is evaluated: `1 == "1"` is a mistake, not `false`.
//! - `has(a.b)` is `false` also where `a` is absent, not an error.
//! - The fields of an instant are in UTC unless a zone is given, however its literal was written; named zones know
//!   the daylight saving of every year.
//! - Durations are read exactly and to their end; instants end with 9999-12-30T22:00:00.999999999Z.
//! - `string(...)` takes no doubles: implementations do not agree on their spelling.
//!
//! An Int meets a Double as a Double, there as here as in cel-go, so that integers above 2^53 may equal a
//! neighbour.

mod cell;
mod check;
pub mod clause;
pub mod condition;
mod cost;
mod error;
mod eval;
mod link;
mod literal;
pub mod logic;
mod node;
mod parse;
mod program;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod zone;

pub use cost::MAX_STEPS;
pub use error::{EvalError, ExprError, ExprErrorKind, LinkError};
pub(crate) use literal::parse_timestamp;
pub use node::Expression;
pub use program::Program;
pub use schema::{Attribute, NOW, Schema, is_attribute_name};

use crate::value::SlotId;
use types::Ty;

/// A list of a context holds at most this many entries; decoders drop the attribute otherwise, and the cost of
/// an expression counts on it.
pub const MAX_LIST_ITEMS: usize = 256;

/// A string of a context holds at most this many bytes; decoders drop the attribute otherwise, and the cost of
/// an expression counts on it.
pub const MAX_STRING_BYTES: usize = 4096;

/// What the field that holds an expression makes of its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// `match`, `when`, `where`.
    Bool,
    /// `score`: an Int or a Double.
    Number,
}

/// More mistakes than this are not told at once.
const MAX_ERRORS: usize = 16;

/// The names of every function, method and macro in scope.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    check::function_names()
}

/// The questions that `history` answers.
pub fn history_names() -> impl Iterator<Item = &'static str> {
    check::history_names()
}

/// Tells whether `source` is CEL at all, whatever it reads and gives.
///
/// # Errors
/// The first mistake: the one that [`compile`] tells too.
pub fn parse(source: &str) -> Result<(), ExprError> {
    parse::parse(source).map(drop)
}

/// Parses, checks and lowers `source`.
///
/// # Errors
/// Every mistake that one pass can tell apart (up to sixteen), in the order of their offsets.
pub fn compile(source: &str, schema: &Schema, expect: Expect) -> Result<Expression, Vec<ExprError>> {
    let parsed = parse::parse(source).map_err(|error| vec![error])?;
    let (ops, ty) = check::check(&parsed, schema).map_err(|mut errors| {
        errors.sort_by_key(|error| error.offset);
        errors.truncate(MAX_ERRORS);
        errors
    })?;
    expect.check(&ty).map_err(|error| vec![error])?;
    let expression = Expression::new(ops);
    bound(&expression).map_err(|error| vec![error])?;
    Ok(expression)
}

impl Expect {
    fn check(self, ty: &Ty) -> Result<(), ExprError> {
        let (fits, wanted) = match self {
            Self::Bool => (ty.may_be(&Ty::Bool), "a condition: compare it with something"),
            Self::Number => (ty.may_be_number(), "an Int or a Double: write a number"),
        };
        let message = || format!("the expression gives {ty}, but this field takes {wanted}");
        if fits {
            Ok(())
        } else {
            Err(ExprError::new(ExprErrorKind::WrongResult, 0, message()))
        }
    }
}

/// Links for the sake of the bounds that linking checks.
fn bound(expression: &Expression) -> Result<(), ExprError> {
    let error = match expression.link(|_| Some(SlotId(0))) {
        Ok(_) => return Ok(()),
        Err(LinkError::Bound { what: "steps", limit }) => {
            let message = format!(
                "the worst case, lists of {MAX_LIST_ITEMS} entries, takes more than {limit} steps: nest fewer macros"
            );
            ExprError::new(ExprErrorKind::TooCostly, 0, message)
        }
        Err(other) => ExprError::new(ExprErrorKind::TooLarge, 0, other.to_string()),
    };
    Err(error)
}
