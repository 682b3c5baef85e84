//! A linked expression, ready to be evaluated.

use jiff::Timestamp;

use super::error::EvalError;
use crate::value::{Slots, Value};

/// A linked expression, ready to be evaluated; cheap to share, never changed by an evaluation.
#[derive(Debug, Clone)]
pub struct Program {}

impl Program {
    /// The value of the expression.
    ///
    /// # Errors
    /// The first error that nothing absorbed.
    pub fn eval<'a>(&'a self, slots: &'a Slots<'a>, now: Timestamp) -> Result<Value<'a>, EvalError> {
        let _ = (slots, now);
        Err(EvalError::TypeMismatch)
    }

    /// Whether a boolean expression is true.
    ///
    /// # Errors
    /// The first error that nothing absorbed; [`EvalError::TypeMismatch`] where the value is no boolean.
    pub fn matches(&self, slots: &Slots<'_>, now: Timestamp) -> Result<bool, EvalError> {
        let _ = (slots, now);
        Err(EvalError::TypeMismatch)
    }
}
