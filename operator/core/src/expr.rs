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

mod error;
mod node;
mod program;
mod schema;

pub use error::{EvalError, ExprError, ExprErrorKind, LinkError};
pub use node::Expression;
pub use program::Program;
pub use schema::{Attribute, NOW, Schema, is_attribute_name};

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

/// Parses, checks and lowers `source`.
///
/// # Errors
/// Every mistake that one pass can tell apart, in the order of their offsets.
pub fn compile(source: &str, schema: &Schema, expect: Expect) -> Result<Expression, Vec<ExprError>> {
    let _ = (source, schema, expect);
    Err(vec![ExprError::new(
        ExprErrorKind::Unsupported,
        0,
        "expressions are not compiled yet",
    )])
}
